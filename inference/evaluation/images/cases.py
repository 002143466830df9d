"""Cases of single images: one study each, and what a model finds in those that it takes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from inference.evaluation.case_guard import guarded_case
from inference.evaluation.cases import BadCase, case_folders, groups_of, refusal_text, series_of
from inference.evaluation.evaluation_run import Failed
from inference.evaluation.images.reference_table import REFERENCE_FILES
from inference.models.card import Provable
from inference.models.devices import with_fallback
from inference.pipeline import ImageResult, Pipeline, PipelineContext
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.single_images.card import ImageCard
from storage.core.errors import MediViewError
from storage.core.untrusted_input.folder_walk import files_below
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
from storage.settings import Settings

_FRAMES_AT_MOST = 2**31 - 1
"""What Number of Frames may state (IS)."""

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True)
class Compared(Generic[T]):
    """One value of one case: of all its images that the model takes, and what is true."""

    case: str
    name: str
    found: float
    true: T


@dataclass
class MeasuredCases(Generic[V]):
    values: list[V] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    """By case, of those that did not fail."""


def takes_single_images(pipeline: Pipeline, kind: str) -> bool:
    """Whether it is a model of that kind which takes images one by one and without earlier ones."""
    return (
        isinstance(pipeline, ImageModelPipeline)
        and pipeline.model.kind == kind
        and not pipeline.model.card.inputs
        and pipeline.image_prior is None
    )


def compare_cases(
    settings: Settings,
    pipeline: ImageModelPipeline,
    folder: Path,
    reference: Mapping[str, Mapping[str, T]],
    stated: Callable[[ImageResult], Iterable[tuple[str, float]]],
    combined: Callable[[Sequence[float]], float],
    on_case: Callable[[str], None],
) -> MeasuredCases[Compared[T]]:
    """What a model states of every case below `folder` beside the reference (`measure_cases`).

    `stated`: the values of one image by name; `combined`: the one of a case.
    """

    def measured(case: str, images: Sequence[Dataset]) -> list[Compared[T]]:
        truth = _truth_of(reference, case)
        found: dict[str, list[float]] = {}
        for image in results_of(settings, pipeline, images):
            for name, value in stated(image):
                found.setdefault(name, []).append(value)
        missing = truth.keys() - found.keys()
        if missing:
            raise BadCase(f"The model states no {', '.join(sorted(missing))}.")
        return [Compared(case, name, combined(found[name]), true) for name, true in truth.items()]

    return measure_cases(pipeline, folder, measured, on_case)


def measure_cases(
    pipeline: ImageModelPipeline,
    folder: Path,
    measured: Callable[[str, Sequence[Dataset]], Iterable[V]],
    on_case: Callable[[str], None],
) -> MeasuredCases[V]:
    """Run a model on every case below `folder`; nothing is stored in the node.

    `measured`: what comes of a case, of its name and images. A case that cannot be used, or that
    the pipeline refuses, is a failure with its reason. Raises ModelUnusable where the model
    itself does not work.
    """
    paths = case_folders(folder)
    if isinstance(pipeline, Provable):
        pipeline.prove()
    cases = MeasuredCases[V]()
    for path in paths:
        on_case(path.name)
        try:
            images = read_images(path)
            # All of a case or nothing of it.
            found = list(measured(path.name, images))
        except MediViewError as error:
            cases.failed.append(Failed(path.name, refusal_text(error)))
            continue
        cases.values += found
        cases.groups[path.name] = groups_of(images[0])
    return cases


def _truth_of(reference: Mapping[str, Mapping[str, T]], case: str) -> Mapping[str, T]:
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
        with guarded_case(str(series[0].get("StudyInstanceUID", ""))):
            output, _ = with_fallback(partial(pipeline.run, context))
        found += output.images
    if not found:
        raise BadCase(reasons[0])
    return found


def taking_all_frames(card: ImageCard) -> ImageCard:
    """The card with every frame of an image taken, so that none that a table states is left out."""
    if card.model.frames is None:
        return card
    frames = card.model.frames.model_copy(update={"at_most": _FRAMES_AT_MOST})
    model = card.model.model_copy(update={"frames": frames})
    return card.model_copy(update={"model": model})


def _by_series(images: Sequence[Dataset]) -> list[list[Dataset]]:
    found: dict[str, list[Dataset]] = {}
    for image in images:
        found.setdefault(str(image.get("SeriesInstanceUID", "")), []).append(image)
    return list(found.values())
