"""Which series of a study a pipeline takes that wants several at once, each in its role."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from pydicom.dataset import Dataset

from inference.imaging.geometry import stack_of
from inference.imaging.stacks import SeriesStack
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.selection import select_stack, with_geometry
from inference.pipeline import Acceptance, NamedInput, Pipeline
from inference.refusals import VolumeRefused
from storage.core.entities import Instance, JobInput, Series
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

_CANDIDATES_AT_MOST = 4


@dataclass(frozen=True)
class Candidate:
    """A complete series of the study."""

    series: Series
    instances: Sequence[Instance]
    headers: Sequence[Dataset]

    @property
    def name(self) -> str:
        number = self.series.series_number
        return f"series {'without a number' if number is None else number}"


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


@dataclass(frozen=True)
class StudyInputs:
    """`chosen` by role, the reference first; `missing` says of each role that nobody fills why."""

    chosen: Mapping[str, Chosen]
    missing: Mapping[str, str] = field(default_factory=dict)
    acceptance: Acceptance = field(default_factory=lambda: Acceptance(False, ""))

    @property
    def inputs(self) -> list[JobInput]:
        return [
            JobInput(
                role, one.candidate.series.series_instance_uid, one.candidate.series.fingerprint
            )
            for role, one in self.chosen.items()
        ]

    @property
    def fingerprint(self) -> str:
        """Of all inputs in their roles: another series, or another role, is another input."""
        lines = "\n".join(
            f"{one.role} {one.series_instance_uid} {one.fingerprint}"
            for one in sorted(self.inputs, key=lambda one: one.role)
        )
        return hashlib.sha256(lines.encode()).hexdigest()

    def role_of(self, series_instance_uid: str) -> str:
        """The role that a series fills; empty where it fills none."""
        for role, one in self.chosen.items():
            if one.candidate.series.series_instance_uid == series_instance_uid:
                return role
        return ""


def inputs_of(pipeline: Pipeline) -> tuple[NamedInput, ...]:
    """The roles of a pipeline that takes several series; none of any other."""
    stated: tuple[NamedInput, ...] = getattr(pipeline, "inputs", ())
    return stated


def choose_inputs(
    index: Index,
    instances: InstanceReader,
    pipeline: Pipeline,
    study_instance_uid: str,
    only: Mapping[str, str] | None = None,
) -> StudyInputs:
    """Fill each role with the complete series that its condition takes, the finest of several.

    `only`: series by role that a job was made for; no others are looked at. A series fills one
    role. The others must lie in the reference's Frame of Reference, but for those that the card
    wants registered; of these, too, one that does is preferred.
    """
    candidates = _candidates(index, instances, study_instance_uid, only)
    reference: str = getattr(pipeline, "reference", "")
    roles = sorted(inputs_of(pipeline), key=lambda one: one.name != reference)
    chosen: dict[str, Chosen] = {}
    missing: dict[str, str] = {}
    absent: dict[str, str] = {}
    for role in roles:
        if role.name != reference and reference not in chosen:
            break
        known = chosen.get(reference)
        taken = {one.candidate.series.series_instance_uid for one in chosen.values()}
        fitting: list[Chosen] = []
        reasons: list[str] = []
        for candidate in candidates:
            uid = candidate.series.series_instance_uid
            if uid in taken or (only is not None and only.get(role.name) != uid):
                continue
            found = _fitting(pipeline, role, candidate, known)
            if isinstance(found, Chosen):
                fitting.append(found)
            else:
                reasons.append(f"{candidate.name}: {found}")
        if fitting:
            chosen[role.name] = min(fitting, key=_finest)
        elif role.required or only is not None:
            missing[role.name] = _why_none(role, reasons)
        else:
            absent[role.title] = _why_none(role, reasons)
    return StudyInputs(chosen, missing, _acceptance(pipeline, chosen, missing, absent))


@dataclass(frozen=True)
class LoadedInputs:
    """The instances of the reference with its stack, the volumes of all roles, and by role the
    headers of all other instances, as their volumes number them."""

    sources: list[Dataset]
    stack: SeriesStack
    volumes: dict[str, Volume]
    others: dict[str, list[Dataset]]


def load_inputs(
    instances: InstanceReader, found: StudyInputs, reference: str, on_share: Callable[[float], None]
) -> LoadedInputs:
    """Read every input that was chosen."""
    volumes: dict[str, Volume] = {}
    sources: list[Dataset] = []
    others: dict[str, list[Dataset]] = {}
    for done, (role, one) in enumerate(found.chosen.items()):
        datasets: list[Dataset] = [
            instances.dataset(instance) for instance in one.stack.of(one.candidate.instances)
        ]
        volumes[role] = assemble_volume(datasets, one.stack.frame_indices)
        if role == reference:
            sources = datasets
        else:
            others[role] = one.stack.of(one.candidate.headers)
        on_share((done + 1) / len(found.chosen))
    return LoadedInputs(sources, found.chosen[reference].stack, volumes, others)


def _candidates(
    index: Index,
    instance_reader: InstanceReader,
    study_instance_uid: str,
    only: Mapping[str, str] | None,
) -> list[Candidate]:
    found = []
    for series in index.series_of(study_instance_uid):
        if series.origin == "generated" or series.state != "COMPLETE":
            continue
        if only is not None and series.series_instance_uid not in only.values():
            continue
        instances = index.instances_of(study_instance_uid, series.series_instance_uid)
        headers = [instance_reader.dataset(one, stop_before_pixels=True) for one in instances]
        found.append(Candidate(series, instances, headers))
    return found


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


def _why_none(role: NamedInput, reasons: Sequence[str]) -> str:
    if not reasons:
        return f"There is no other complete series for {role.title}."
    more = len(reasons) - _CANDIDATES_AT_MOST
    listed = " ".join(reasons[:_CANDIDATES_AT_MOST])
    return f"No series is {role.title}. {listed}" + (f" {more} series more." if more > 0 else "")


def _acceptance(
    pipeline: Pipeline,
    chosen: Mapping[str, Chosen],
    missing: Mapping[str, str],
    absent: Mapping[str, str],
) -> Acceptance:
    if missing:
        return Acceptance(False, " ".join(missing.values()))
    taken = ", ".join(f"{one.role.title}: {one.candidate.name}" for one in chosen.values())
    without = (f" Without {title}, which is not required. {why}" for title, why in absent.items())
    return Acceptance(True, f"{pipeline.title} takes {taken}.{''.join(without)}")
