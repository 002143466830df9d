"""What a segmented picture leaves behind: one palette PNG that says of each pixel what it shows."""

import colorsys
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inference.pipeline import Pipeline
from storage.core.entities import Job

_GOLDEN_RATIO = 0.618034


def label_picture_key(job: Job) -> str:
    """Where the object store keeps it; the same for every attempt of a job."""
    return f"label-pictures/{job.job_id}.png"


def encode_label_picture(
    job: Job, pipeline: Pipeline, labels: NDArray[np.uint8], names: tuple[str, ...]
) -> bytes:
    """A PNG whose values are those of `labels`, shape (rows, columns), coloured by a palette.

    Its texts name the classes by value and say whose work it is.
    """
    image = Image.fromarray(labels, "L")
    image.putpalette(_palette(len(names)))
    texts = PngInfo()
    texts.add_text("Software", f"MediViewAI {pipeline.name} {pipeline.version}")
    texts.add_text(
        "Source", f"{pipeline.card.name} {pipeline.card.version}; made by an algorithm, UNVERIFIED"
    )
    texts.add_text("Disclaimer", "Research use only. Not for diagnosis.")
    texts.add_itxt("Comment", "\n".join(f"{value}: {one}" for value, one in enumerate(names)))
    texts.add_text("Job", job.job_id)
    stream = io.BytesIO()
    image.save(stream, "PNG", pnginfo=texts, optimize=True)
    return stream.getvalue()


def _palette(count: int) -> list[int]:
    """RGB by class, the first black; neighbours are far apart on the colour circle."""
    colours = [(0.0, 0.0, 0.0)] + [
        colorsys.hsv_to_rgb(index * _GOLDEN_RATIO % 1, 0.7, 0.95) for index in range(1, count)
    ]
    return [round(255 * part) for colour in colours for part in colour]
