"""film-field: how much of a film was exposed, and how much of that is saturated. No AI."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.attributes import whole_number
from inference.imaging.frames import number_of_frames
from inference.imaging.grayscale import is_inverted
from inference.models.card import EDGE_DETECTION, Proof
from inference.pipeline import (
    Acceptance,
    FoundBox,
    ImageResult,
    InputKind,
    Measurement,
    ModelCard,
    PipelineContext,
    PipelineOutput,
    Readiness,
)
from inference.pipelines.codes import PERCENT
from inference.reasons import reason as because
from inference.refusals import ModelUnusable
from inference.single_images.card import Grey
from inference.single_images.frame import GREY, ImageFrame, read_frame
from storage.core.entities import Instance, Series
from storage.core.errors import LimitExceeded
from storage.core.findings import Code
from storage.core.text.padding import unpadded
from storage.pixels.processes import budget

if TYPE_CHECKING:
    from inference.single_images.exposed_field import ExposedField

# The standard has codes for the collimated field in millimetres at the detector, none for shares.
EXPOSED = Code("EXPOSEDSHARE", "99MEDIVIEW", "Exposed share of the image's area")
SATURATED = Code("SATURATEDSHARE", "99MEDIVIEW", "Saturated share of the exposed field")
_MODALITIES = ("CR", "DX")
_IMAGES_AT_MOST = 16
_YELLOW = (255, 214, 10)
_PURPOSE = "Research use only. Image quality control, no diagnosis."
_CLIPPED = 4
"""So many times as often as any of its neighbours, the last value is one at which others end."""
_NEIGHBOURS = 4
_TABLE_AT_MOST = 1 << 20


class FilmField:
    """Measures the exposed field of films by their edges; there are no weights to trust."""

    name = "film-field"
    version = "1.0.1"
    title = "Exposed field (image quality)"
    description = (
        "Image quality control without AI: the exposed field of a film by the edges of its"
        " collimation, its share of the image, and the share of it that is saturated."
    )
    accepts_text = (
        "Single grey images of CR or DX, where a rule of the site names the pipeline or a person"
        " asks for it."
    )
    input_kind: InputKind = "dicom-image"
    runs_on_request = True
    card = ModelCard(
        name="film-field",
        version="1.0.1",
        licence="Apache-2.0",
        source="MediViewAI",
        intended_use=_PURPOSE,
        input_description="Single grey images of CR or DX.",
        training_data="None: edges and counting.",
        output_codes=(EXPOSED, SATURATED),
        family=EDGE_DETECTION,
    )

    def readiness(self) -> Readiness:
        """Always: it needs nothing but what the node itself needs."""
        return Readiness(True, "Needs no weights: edges and counting.")

    def prove(self) -> Proof:
        """Raises ModelUnusable where the field of a phantom is not where it is."""
        from inference.single_images.exposed_field import find_exposed_field

        film = np.full((160, 120), 0.9, np.float32)
        film[20:130, 30:110] = np.linspace(0.2, 0.7, 110, dtype=np.float32)[:, None]
        everywhere = np.ones(film.shape, bool)
        found = find_exposed_field(film, everywhere, 1.0)
        blank = find_exposed_field(np.zeros_like(film), everywhere, 1.0)
        share = found.area / film.size
        # Written so that a NaN fails, too.
        if not (abs(share - 110 * 80 / film.size) < 0.01 and not blank.sides):
            raise ModelUnusable(
                f"film-field fails its self-test: it finds {share:.1%} of a phantom exposed, of"
                f" which {110 * 80 / film.size:.1%} are.",
                remedy="Install numpy, scipy and Pillow again in the versions of this release.",
            )
        return Proof(
            {"exposed share of the phantom": share},
            "The exposed field of a phantom is as large as it is; a blank film has no border.",
        )

    def takes(self, header: Dataset) -> Acceptance:
        """Whether one image is a single grey film, by its header alone."""
        try:
            refusal = next(_refusals(header), "")
        except LimitExceeded as error:
            refusal = f"{error.message} {error.remedy}".strip()
        return Acceptance(not refusal, refusal or "A single grey film.")

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """A series of which at least one image is taken, and not too many are."""
        judged = [self.takes(header) for header in headers]
        taken = sum(one.accepted for one in judged)
        if taken > _IMAGES_AT_MOST:
            return Acceptance(False, because("many_films", count=taken, most=_IMAGES_AT_MOST))
        if not taken:
            return Acceptance(False, judged[0].reason if judged else "The series holds no images.")
        which = "The film is" if taken == len(judged) == 1 else f"{taken} of {len(judged)} are"
        return Acceptance(True, f"{which} taken.")

    def run(self, context: PipelineContext) -> PipelineOutput:
        """The field of each film. Raises ImageRefused, LimitExceeded."""
        # With SciPy, which the processes that only know of pipelines never need.
        from inference.single_images.exposed_field import find_exposed_field

        started = time.perf_counter()
        results, notes = [], [f"No AI and no model: edges and counting. {_PURPOSE}"]
        for done, dataset in enumerate(context.images):
            context.on_progress("find_field", done / len(context.images))
            frame = read_frame(dataset, 0, Grey(), shutters=False)
            field = find_exposed_field(_less_exposed(frame, dataset), frame.covered, frame.aspect)
            results.append(_result(dataset, frame, field))
            number = dataset.get("InstanceNumber")
            which = f"Image {number}" if len(context.images) > 1 else "The film"
            notes.append(f"{which}: {_sides_text(field)}")
        return PipelineOutput(
            images=tuple(results),
            timings_s={"find_field": time.perf_counter() - started},
            notes=tuple(notes),
        )


def _refusals(header: Dataset) -> Iterator[str]:
    """What speaks against an image, the first thing first. Raises LimitExceeded."""
    modality = str(header.get("Modality") or "")
    if modality not in _MODALITIES:
        wanted = " and ".join(_MODALITIES)
        if modality:
            yield because("modalities", modality=modality, wanted=wanted)
        else:
            yield because("modalities_missing", wanted=wanted)
    if header.get("Rows") is None or header.get("Columns") is None:
        yield because("no_image")
    photometric = unpadded(str(header.get("PhotometricInterpretation") or ""))
    if photometric not in GREY or whole_number(header, "SamplesPerPixel", 1) != 1:
        yield because("not_grey", found=photometric or "of an unstated kind")
    frames = number_of_frames(header)
    if frames != 1:
        yield because("several_frames", count=frames)
    budget().check_size(
        whole_number(header, "Columns"), whole_number(header, "Rows"), 1, what="image"
    )


def _less_exposed(frame: ImageFrame, header: Dataset) -> NDArray[np.float32]:
    """The stored values, turned round where needed: the greater, the less exposed.

    Images for presentation are by their polarity, since what is dense is shown white; those for
    processing by what they state of the beam's intensity (PS3.3 C.8.11.3.1.2).
    """
    values = frame.stored.astype(np.float32)
    sign = header.get("PixelIntensityRelationshipSign")
    if str(header.get("PresentationIntentType") or "").strip() == "FOR PROCESSING" and sign:
        falls = int(sign) == 1
    else:
        slope = header.get("RescaleSlope")
        falls = is_inverted(header) is not (slope is not None and float(slope) < 0)
    if str(header.get("PixelIntensityRelationship") or "").strip() == "LIN":
        # Linear to the intensity, a film would have its steps in what was exposed most alone.
        values = np.log1p(values - values[frame.covered].min(), where=frame.covered, out=values)
    return -values if falls else values


def _result(dataset: Dataset, frame: ImageFrame, field: ExposedField) -> ImageResult:
    inside = field.mask(frame.shape)
    pixels = frame.stored.size
    padding = int(np.count_nonzero(inside & ~frame.covered))
    share = 100.0 * (field.area - padding) / pixels
    saturated = 100.0 * saturated_share(frame.stored[inside & frame.covered], dataset)
    return ImageResult(
        str(dataset.SOPInstanceUID),
        np.rint(frame.values * 255.0).astype(np.uint8),
        measurements=(
            Measurement("Saturated share of the exposed field", SATURATED, saturated, PERCENT),
        ),
        boxes=(
            FoundBox(
                "Exposed field",
                EXPOSED,
                tuple((float(x), float(y)) for x, y in field.corners),
                None,
                _YELLOW,
                measurement=Measurement("Exposed share of the image", EXPOSED, share, PERCENT),
            ),
        ),
    )


def saturated_share(stored: NDArray[Any], header: Dataset) -> float:
    """The share of pixels at which the grey values end, from 0 to 1.

    That is the least or greatest value that Bits Stored can hold, or the least or greatest of
    the field where it is several times as frequent as each of those next to it: many detectors
    and workstations clip before.
    """
    if not stored.size:
        return 0.0
    low = int(stored.min())
    if int(stored.max()) - low < _TABLE_AT_MOST:
        counts = np.bincount((stored.astype(np.int64) - low).ravel())
        found = np.flatnonzero(counts)
        values, numbers = found + low, counts[found]
    else:
        values, numbers = np.unique(stored, return_counts=True)
    bits = whole_number(header, "BitsStored", 8 * stored.dtype.itemsize)
    signed = bool(header.get("PixelRepresentation"))
    ends = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    clipped = 0
    for last, end, beside in (
        (0, ends[0], numbers[1 : 1 + _NEIGHBOURS]),
        (-1, ends[1], numbers[-1 - _NEIGHBOURS : -1]),
    ):
        is_pile = len(beside) == _NEIGHBOURS and numbers[last] > _CLIPPED * beside.max()
        if values[last] == end or is_pile:
            clipped += int(numbers[last])
    return clipped / stored.size


def _sides_text(field: ExposedField) -> str:
    if not field.sides:
        return "No side of a collimation was found; the whole image counts as exposed."
    rest = [side for side in ("left", "right", "top", "bottom") if side not in field.sides]
    found = f"The field ends within the image at: {', '.join(field.sides)}."
    return f"{found} No border was found at: {', '.join(rest)}." if rest else found
