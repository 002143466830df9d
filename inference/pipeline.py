"""What a pipeline is, what it is given and what it gives back. Free of torch.

The whole contract is imported from here; what it gives back is in `inference.pipeline_output`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume
from inference.models.card import ModelCard, ModelFile
from inference.models.readiness import Readiness
from inference.pipeline_output import (
    MAPS_AT_MOST,
    SEGMENTS_AT_MOST,
    Category,
    Classification,
    FoundBox,
    ImageResult,
    Measurement,
    ParametricMap,
    Passage,
    PipelineOutput,
    Segment,
)
from storage.core.caveats import Caveat
from storage.core.entities import Instance, Series
from storage.core.findings import Axis, Curve, Finding, Interval
from storage.lesions.entities import Lesion
from storage.settings import Settings

__all__ = [
    "BEFORE",
    "CONTRACT_VERSION",
    "CONTRACT_VERSIONS",
    "IMAGE",
    "MAPS_AT_MOST",
    "SEGMENTS_AT_MOST",
    "Acceptance",
    "Axis",
    "Category",
    "Classification",
    "Curve",
    "FoundBox",
    "ImagePrior",
    "ImageResult",
    "InputKind",
    "Interval",
    "Measurement",
    "ModelCard",
    "ModelFile",
    "NamedInput",
    "ParametricMap",
    "Passage",
    "Pipeline",
    "PipelineContext",
    "PipelineOutput",
    "ProgressCallback",
    "Readiness",
    "ResultGiven",
    "ResultWanted",
    "Segment",
    "StructuresWanted",
    "ignore_progress",
]

CONTRACT_VERSION = 2
"""Of this contract, as a pipeline of another package states it: `contract_version = 2`."""
CONTRACT_VERSIONS = (1, 2)
"""Those that are accepted. 1, which states nothing, is that of releases before 2 came; 2 adds
`ParametricMap`, `Interval` and `Curve` to what a pipeline gives, and takes nothing away."""

InputKind = Literal["volume", "image", "dicom-image"]
"""A volume of one series; the bytes of an uploaded PNG or JPEG; the DICOM images of one series,
each by itself."""

ProgressCallback = Callable[[str, float], None]
"""Called with the name of the stage that begins and the fraction done, from 0 to 1."""


def ignore_progress(stage: str, fraction: float) -> None:
    """For callers that do not follow the work."""


@dataclass(frozen=True)
class ResultWanted:
    """A mask that another pipeline found: by the pipeline's name, by what its segments are (code
    and scheme designator), or both. Without a name, of any that was given images alone."""

    pipeline: str = ""
    segments: tuple[tuple[str, str], ...] = ()
    """Any of these; none: all that it found."""
    values: tuple[float, float] = (0.0, 1.0)
    """Outside and inside of the mask that the pipeline is given."""
    only_sound: bool = True
    """Truncated and implausible ones are none; else the pipeline judges by itself."""
    form: Literal["mask", "findings", "boxes"] = "mask"
    """`findings`: all numbers, answers and boxes that it stated, without a mask; `boxes`: those in
    the image that fills the role `of`."""
    of: str = ""


@dataclass(frozen=True)
class StructuresWanted:
    """Structures that somebody contoured on the reference (RTSTRUCT): by any of their names,
    whatever their case, or by any of their codes (value and scheme designator)."""

    names: tuple[str, ...] = ()
    codes: tuple[tuple[str, str], ...] = ()
    values: tuple[float, float] = (0.0, 1.0)
    """Outside and inside of the mask that the pipeline is given."""


@dataclass(frozen=True)
class ResultGiven:
    """What another pipeline stated: of the segments that are wanted, or all findings."""

    findings: tuple[Finding, ...]
    lesions: tuple[Lesion, ...]
    caveats: tuple[Caveat, ...] = ()
    """What a reader must know of all that rests on them."""
    left_out: tuple[str, ...] = ()
    """Labels of findings that are truncated or implausible, and not given."""


@dataclass(frozen=True)
class NamedInput:
    """One of several series, or of `dicom-image` one of several images, that a pipeline takes at
    once, by its role.

    A pipeline that takes several has the attributes `inputs`, a tuple of these, and `reference`,
    the name of the one on whose grid its results lie, and a method
    `accepts_input(name, series, instances, headers) -> Acceptance`, which is asked of a series, or
    of one image of it.
    """

    name: str
    title: str
    required: bool = True
    registration: Literal["none", "rigid"] = "none"
    """`rigid`: the node moves it onto the reference by what the images show."""
    prior_of: str = ""
    """Of a prior: the input of the study at hand that it shows at an earlier time."""
    within_days: float = 0
    """Of a prior: how many days its study may lie before."""
    result_of: ResultWanted | None = None
    """What another pipeline found in the study, rather than a series."""
    structures: StructuresWanted | None = None
    """Contours of the reference's structure set, rather than a series."""

    @property
    def mask_values(self) -> tuple[float, float] | None:
        """Outside and inside, where it is a mask; None of a series."""
        mask = self.result_of or self.structures
        return None if mask is None or not self.has_voxels else mask.values

    @property
    def is_image(self) -> bool:
        """Whether series or images fill it, rather than what was made of some."""
        return self.result_of is None and self.structures is None

    @property
    def has_voxels(self) -> bool:
        """Whether it is a volume or a mask, rather than findings."""
        return self.result_of is None or self.result_of.form == "mask"


IMAGE, BEFORE = "image", "before"
"""Roles of the inputs of a job that compares images: its own series, and those of the earlier
study, also `before-2`."""


@dataclass(frozen=True)
class ImagePrior:
    """Of a pipeline for `dicom-image` with the attribute `image_prior`: each image is given with
    that of an earlier study, within so many days."""

    within_days: float
    required: bool = True


@dataclass(frozen=True)
class Acceptance:
    """Whether a pipeline takes a series, and one sentence that says why or why not."""

    accepted: bool
    reason: str


@dataclass(frozen=True)
class PipelineContext:
    """What one run is given: a volume, the bytes of an image that is not DICOM, or images."""

    settings: Settings
    volume: Volume | None = None
    image: bytes | None = None
    inputs: Mapping[str, Volume] = field(default_factory=dict)
    """Of a pipeline that takes several series: each by its role, on its own grid; `volume` is
    the reference. What was registered lies in the reference's space. A result of another pipeline
    is the mask, on the grid of the series that it was found in, and structures are theirs, on that
    of the reference."""
    registrations: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """By role: from a place in the space of an input as it was sent to one in the reference's, 4x4,
    in mm, LPS; of those that were registered."""
    placements: Mapping[str, str] = field(default_factory=dict)
    """In words, by role: how an input that the card wants registered came to lie there, or why it
    is not among them."""
    results: Mapping[str, ResultGiven] = field(default_factory=dict)
    """By role what is stated of results of other pipelines, beside their masks."""
    images: tuple[Dataset, ...] = ()
    """The instances of the series that the pipeline takes, with their pixels as they were sent;
    `inference.single_images.frame.read_frame` decodes a frame within the node's limits. Beside a
    volume they are there for pipelines that ask for them (`takes_instances`); of several series
    those of the reference, without pixels."""
    named_images: Mapping[str, Dataset] = field(default_factory=dict)
    """Of a pipeline for `dicom-image` that takes several: `images` by their roles, and those of an
    earlier study that are priors."""
    series: Mapping[str, tuple[Dataset, ...]] = field(default_factory=dict)
    """Of a pipeline that asks for them (`takes_series`): by role the instances of each of several
    series, with their pixels as they were sent."""
    prior_images: Mapping[str, Dataset] = field(default_factory=dict)
    """By SOP Instance UID of an image: its prior, of a pipeline that asks for it."""
    on_progress: ProgressCallback = ignore_progress


def takes_instances(pipeline: "Pipeline") -> bool:
    """Whether a pipeline wants the instances of its volume as well, as they were sent."""
    return bool(getattr(pipeline, "takes_instances", False))


def takes_series(pipeline: "Pipeline") -> bool:
    """Whether a pipeline wants the instances of each of several series, as they were sent."""
    return bool(getattr(pipeline, "takes_series", False))


def runs_on_request(pipeline: "Pipeline") -> bool:
    """Whether it runs only where a rule of the site names it, or where a person asks for it."""
    on_request = bool(getattr(pipeline, "runs_on_request", False))
    return on_request or pipeline.card.role == "deface"


def begins_early(pipeline: "Pipeline") -> bool:
    """Whether a series may be computed while it might still grow, and for nothing if it does.

    For models in the worker's own process, which cost nobody anything and ask nobody else.
    """
    return bool(getattr(pipeline, "begins_early", False))


def contract_version_of(pipeline: object) -> object:
    """As a pipeline, or its class, states it; 1 where it states none."""
    return getattr(pipeline, "contract_version", 1)


def is_known(contract_version: object) -> bool:
    """Whether a stated version of the contract is one of those that are accepted."""
    # True would be 1.
    return type(contract_version) is int and contract_version in CONTRACT_VERSIONS


class Pipeline(Protocol):
    """One entry of the catalogue.

    `accepts` and `readiness` are cheap and import no model library. One of another package has the
    attribute `contract_version`, by which it is refused where the node does not know it.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def accepts_text(self) -> str:
        """One sentence for people: what the pipeline takes."""
        ...

    @property
    def input_kind(self) -> InputKind:
        """Whether `run` wants `context.volume`, `context.image` or `context.images`.

        A pipeline for `dicom-image` may have a method `takes(header) -> Acceptance`, which
        chooses the images of a series that it is given; without it, it is given all.
        """
        ...

    @property
    def card(self) -> ModelCard: ...

    def readiness(self) -> Readiness: ...

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """Judge a complete series by its index rows and the headers of all its instances."""
        ...

    def run(self, context: PipelineContext) -> PipelineOutput:
        """Do the work. Raises MediViewError with a sentence where it cannot."""
        ...
