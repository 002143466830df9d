"""A series as an input of a pipeline that takes several: whether it fits a role, and how well."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from pydicom.dataset import Dataset

from inference.imaging.geometry import stack_of
from inference.imaging.stacks import SeriesStack
from inference.input_selection.fitting_instances import fitting_instances
from inference.input_selection.selection import select_stack, with_geometry
from inference.pipeline import NamedInput, Pipeline
from inference.refusals import VolumeRefused
from storage.core.entities import Instance, Series
from storage.core.job_result import PriorTaken
from storage.core.text.dates import shown_date
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

_CANDIDATES_AT_MOST = 4


@dataclass(frozen=True)
class Candidate:
    """A complete series of the study, or of the earlier study `prior`."""

    series: Series
    instances: Sequence[Instance]
    headers: Sequence[Dataset]
    prior: PriorTaken | None = None
    image: str = ""
    """Of one image of the series: which one."""

    @property
    def name(self) -> str:
        number = self.series.series_number
        named = f"series {'without a number' if number is None else number}"
        if self.image:
            named = f"{self.image} of {named}"
        return named if self.prior is None else f"{named} of {shown_date(self.prior['study_date'])}"


@dataclass(frozen=True)
class Chosen:
    """The series that fills a role, and the stack of it that is meant."""

    role: NamedInput
    candidate: Candidate
    stack: SeriesStack
    frame_of_reference_uid: str
    voxel_mm3: float
    is_elsewhere: bool = False
    """In another Frame of Reference than the reference, so that registration has all to do."""

    @property
    def headers(self) -> list[Dataset]:
        return self.stack.headers(self.candidate.headers)


def read_candidate(
    index: Index, instance_reader: InstanceReader, series: Series, prior: PriorTaken | None = None
) -> Candidate:
    """A series with the headers of its instances."""
    instances = fitting_instances(
        index, instance_reader, series.study_instance_uid, series.series_instance_uid
    )
    headers = instance_reader.headers(instances)
    return Candidate(series, instances, headers, prior)


def best_of(
    pipeline: Pipeline,
    role: NamedInput,
    candidates: Sequence[Candidate],
    reference: Chosen | None,
    reasons: list[str],
) -> Chosen | None:
    """The finest of those that fit the role; `reasons` gets why each other is none.

    The others must lie in the reference's Frame of Reference, but for those that the card wants
    registered; of these, too, one that does is preferred.
    """
    fitting: list[Chosen] = []
    for candidate in candidates:
        found = _fitting(pipeline, role, candidate, reference)
        if isinstance(found, Chosen):
            fitting.append(found)
        else:
            reasons.append(f"{candidate.name}: {found}")
    return min(fitting, key=_finest, default=None)


def listed_reasons(reasons: Sequence[str], of: str = "series") -> str:
    """The first few, and how many more there are."""
    more = len(reasons) - _CANDIDATES_AT_MOST
    listed = " ".join(reasons[:_CANDIDATES_AT_MOST])
    return listed + (f" {more} {of} more." if more > 0 else "")


def _fitting(
    pipeline: Pipeline, role: NamedInput, candidate: Candidate, reference: Chosen | None
) -> Chosen | str:
    """The candidate in that role, or why it is none."""
    accepts = getattr(pipeline, "accepts_input")  # noqa: B009 - of pipelines with inputs alone
    selection = select_stack(
        candidate.instances, candidate.headers, partial(accepts, role.name, candidate.series)
    )
    if not selection.acceptance.accepted:
        return selection.acceptance.reason
    try:
        within = with_geometry(selection.acceptance, selection.headers, pipeline)
        stack = stack_of(selection.headers)
    except VolumeRefused as refusal:
        return str(refusal)
    if not within.accepted:
        return within.reason
    frame_of_reference_uid = stack.frame_of_reference_uid
    is_elsewhere = reference is not None and (
        not frame_of_reference_uid or frame_of_reference_uid != reference.frame_of_reference_uid
    )
    if reference is not None and is_elsewhere and role.registration == "none":
        return (
            f"It has another Frame of Reference than {reference.candidate.name}, so that nobody"
            " states how the two lie to each other. A card may ask for registration."
        )
    voxel_mm3 = abs(float(np.linalg.det(stack.lps_from_kji[:3, :3])))
    return Chosen(role, candidate, selection.stack, frame_of_reference_uid, voxel_mm3, is_elsewhere)


def _finest(one: Chosen) -> tuple[bool, float, int, str]:
    series = one.candidate.series
    return (
        one.is_elsewhere,
        round(one.voxel_mm3, 4),
        series.series_number or 0,
        series.series_instance_uid,
    )
