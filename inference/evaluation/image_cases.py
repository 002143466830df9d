"""Cases of single images: one study each, and what a model finds in those that it takes."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from inference.evaluation.cases import BadCase, series_of
from inference.evaluation.reference_table import REFERENCE_FILES
from inference.models.devices import with_fallback
from inference.pipeline import ImageResult, PipelineContext
from inference.pipelines.single_images.model import ImageModelPipeline
from storage.core.untrusted_input.folder_walk import files_below
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
from storage.settings import Settings

T = TypeVar("T")


def truth_of(reference: Mapping[str, dict[str, T]], case: str) -> dict[str, T]:
    """What the table states of a case. Raises BadCase."""
    if case not in reference:
        raise BadCase(
            f"The reference does not state the case: add it to {' or '.join(REFERENCE_FILES)}."
        )
    if not reference[case]:
        raise BadCase("The reference states nothing of the case.")
    return reference[case]


def read_images(folder: Path) -> list[Dataset]:
    """The images of one study. Raises BadCase."""
    images: list[Dataset] = []
    for path in sorted(files_below(folder)):
        try:
            dataset = dcmread(path)
        except (InvalidDicomError, OSError) as error:
            raise BadCase(f"{path.name} is not DICOM.") from error
        if "PixelData" in dataset and dataset.get("SOPClassUID") not in SEGMENTATION_CLASSES:
            images.append(dataset)
    studies = {str(image.get("StudyInstanceUID", "")) for image in images}
    if len(studies) != 1:
        raise BadCase(f"It holds images of {len(studies)} studies; a case is one study.")
    return images


def results_of(
    settings: Settings, pipeline: ImageModelPipeline, images: Sequence[Dataset]
) -> list[ImageResult]:
    """Of all images that the model takes, whatever their series. Raises BadCase."""
    found: list[ImageResult] = []
    reasons = []
    for series in _by_series(images):
        acceptance = pipeline.accepts(series_of(series), (), series)
        if not acceptance.accepted:
            reasons.append(acceptance.reason)
            continue
        taken = tuple(one for one in series if pipeline.takes(one).accepted)
        context = PipelineContext(settings, images=taken)
        output, _ = with_fallback(partial(pipeline.run, context))
        found += output.images
    if not found:
        raise BadCase(reasons[0])
    return found


def _by_series(images: Sequence[Dataset]) -> list[list[Dataset]]:
    found: dict[str, list[Dataset]] = {}
    for image in images:
        found.setdefault(str(image.get("SeriesInstanceUID", "")), []).append(image)
    return list(found.values())
