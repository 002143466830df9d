"""What pipelines of pictures have in common: a PNG or JPEG opened, and a model of a setting."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inference.language.tasks import card, model_ref, readiness
from inference.pipeline import Acceptance, PipelineContext, Readiness
from storage.errors import InvalidRequest, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from storage.entities import Instance, Series
    from storage.settings import Settings

_MAX_PIXELS = 100_000_000
_FORMATS = ("PNG", "JPEG")
_PROBE_PIXELS = 224


class PicturePipeline:
    """One that takes uploaded pictures, by the Hugging Face model that its setting names."""

    setting = ""
    name = ""
    accepts_text = "A PNG or JPEG image that was uploaded; no DICOM series."
    input_kind: Literal["volume", "image"] = "image"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.card = card(settings, self.setting, "A PNG or JPEG image")

    def readiness(self) -> Readiness:
        """Ready where a model is configured; whether it loads is seen at its first run."""
        return readiness(self._settings, self.setting)

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """Never takes a series."""
        return Acceptance(False, "Only an uploaded PNG or JPEG is taken, not a DICOM series.")

    def picture(self, context: PipelineContext) -> Image.Image:
        """The picture of a run in RGB, once it is sure that there is a model for it.

        Raises NotConfigured, InvalidRequest, LimitExceeded.
        """
        model_ref(self._settings, self.setting)
        if context.image is None:
            raise InvalidRequest(f"{self.name} was given no image.", remedy="Upload a PNG or JPEG.")
        return open_picture(context.image)


def open_picture(data: bytes) -> Image.Image:
    """A PNG or JPEG in RGB. Raises InvalidRequest, LimitExceeded."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise LimitExceeded(
                    f"The image has {image.width} × {image.height} pixels; {_MAX_PIXELS:,} is the"
                    " most taken.",
                    remedy="Send a smaller image.",
                )
            return image.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidRequest(
            "The file is not a readable PNG or JPEG.", remedy="Send the image again."
        ) from error


def noise_and_blank(
    answer: Callable[[Image.Image], NDArray[Any]],
) -> tuple[NDArray[Any], float]:
    """What a model answers to noise, and how far that is from its answer to a blank picture."""
    shape = (_PROBE_PIXELS, _PROBE_PIXELS, 3)
    noise = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    seen, blank = (answer(Image.fromarray(pixels)) for pixels in (noise, np.zeros(shape, np.uint8)))
    return seen, float(np.abs(seen - blank).max())
