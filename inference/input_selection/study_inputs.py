"""Which series of a study a pipeline takes that wants several at once, each in its role."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inference.input_selection.input_candidates import (
    Candidate,
    Chosen,
    best_of,
    listed_reasons,
    read_candidate,
)
from inference.input_selection.prior_image_inputs import fill_with_images_and_priors
from inference.input_selection.prior_inputs import choose_priors
from inference.input_selection.result_inputs import (
    ChosenResult,
    ChosenResults,
    StudyResults,
    choose_results,
)
from inference.input_selection.structure_inputs import (
    ChosenStructures,
    choose_structures,
)
from inference.input_selection.study_phases import phases_known
from inference.pipeline import Acceptance, NamedInput, Pipeline
from storage.core.entities import JobInput
from storage.core.job_result import PriorTaken
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader


@dataclass(frozen=True)
class StudyInputs:
    """`chosen` by role, the reference first; `missing` says of each role that nobody fills why.

    `results`: by role what other pipelines found; `structures`: by role what somebody contoured.
    """

    chosen: Mapping[str, Chosen]
    missing: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, ChosenResult] = field(default_factory=dict)
    structures: Mapping[str, ChosenStructures] = field(default_factory=dict)
    acceptance: Acceptance = field(default_factory=lambda: Acceptance(False, ""))

    @property
    def inputs(self) -> list[JobInput]:
        return [
            JobInput(
                role,
                one.candidate.series.series_instance_uid,
                one.candidate.series.fingerprint,
                one.candidate.series.study_instance_uid,
            )
            for role, one in self.chosen.items()
        ] + [
            *(one.input for one in self.results.values()),
            *(one.input for one in self.structures.values()),
        ]

    @property
    def roles(self) -> set[str]:
        """Those that are filled."""
        return {*self.chosen, *self.results, *self.structures}

    @property
    def priors(self) -> dict[str, PriorTaken]:
        """By role of those that are priors: of which study."""
        return {
            role: one.candidate.prior
            for role, one in self.chosen.items()
            if one.candidate.prior is not None
        }

    @property
    def fingerprint(self) -> str:
        """Of all inputs in their roles: another series, or another role, is another input."""
        priors = self.priors
        lines = "\n".join(
            f"{one.role} {one.series_instance_uid} {one.fingerprint}"
            + (f" {one.study_instance_uid}" if one.role in priors else "")
            for one in sorted(self.inputs, key=lambda one: one.role)
        )
        return hashlib.sha256(lines.encode()).hexdigest()

    def role_of(self, series_instance_uid: str) -> str:
        """The role that a series of the study fills; empty where it fills none."""
        for role, one in self.chosen.items():
            series = one.candidate.series
            if one.candidate.prior is None and series.series_instance_uid == series_instance_uid:
                return role
        for role, of_set in self.structures.items():
            if of_set.candidate.series.series_instance_uid == series_instance_uid:
                return role
        return ""


def inputs_of(pipeline: Pipeline) -> tuple[NamedInput, ...]:
    """The roles of a pipeline that takes several series; none of any other."""
    stated: tuple[NamedInput, ...] = getattr(pipeline, "inputs", ())
    return stated


def choose_inputs(
    index: Index,
    instances: InstanceReader,
    results: StudyResults,
    pipeline: Pipeline,
    study_instance_uid: str,
    only: Mapping[str, JobInput] | None = None,
) -> StudyInputs:
    """Fill each role with the complete series that its condition takes, the finest of several; of
    a pipeline for images with an image of such a series.

    `only`: by role what a job was made for; no other series are looked at. A series fills one
    role. Priors come from an earlier study of the patient, results from other pipelines.
    """
    with phases_known(index, instances, study_instance_uid):
        return _choose(index, instances, results, pipeline, study_instance_uid, only)


def _choose(
    index: Index,
    instances: InstanceReader,
    results: StudyResults,
    pipeline: Pipeline,
    study_instance_uid: str,
    only: Mapping[str, JobInput] | None,
) -> StudyInputs:
    candidates = _candidates(index, instances, study_instance_uid, only)
    reference: str = getattr(pipeline, "reference", "")
    roles = sorted(inputs_of(pipeline), key=lambda one: one.name != reference)
    if pipeline.input_kind == "dicom-image":
        filled = fill_with_images_and_priors(
            index, instances, pipeline, study_instance_uid, roles, candidates, only
        )
        of_others = ChosenResults()
        if reference in filled[0]:
            of_others = _results(results, index, pipeline, roles, filled[0][reference], only)
        return _of_roles(pipeline, roles, *filled, only, of_others)
    chosen: dict[str, Chosen] = {}
    why_none: dict[str, str] = {}
    for role in roles:
        if role.prior_of or not role.is_image:
            continue
        if role.name != reference and reference not in chosen:
            break
        taken = {one.candidate.series.series_instance_uid for one in chosen.values()}
        reasons: list[str] = []
        asked = [
            one
            for one in candidates
            if (uid := one.series.series_instance_uid) not in taken
            and (only is None or (role.name in only and only[role.name].series_instance_uid == uid))
        ]
        found = best_of(pipeline, role, asked, chosen.get(reference), reasons)
        if found is not None:
            chosen[role.name] = found
        else:
            why_none[role.name] = _why_none(role, reasons)
    if reference in chosen:
        priors = choose_priors(
            index,
            instances,
            pipeline,
            study_instance_uid,
            [one for one in roles if one.prior_of],
            chosen,
            only,
        )
        why_none |= priors.why_none
        of_others = _results(results, index, pipeline, roles, chosen[reference], only)
        structures = choose_structures(
            [one for one in roles if one.structures is not None],
            candidates,
            chosen[reference],
            only,
        )
        chosen |= priors.chosen
        why_none |= structures.why_none
        return _of_roles(pipeline, roles, chosen, why_none, only, of_others, structures.chosen)
    return _of_roles(pipeline, roles, chosen, why_none, only)


def _results(
    results: StudyResults,
    index: Index,
    pipeline: Pipeline,
    roles: Sequence[NamedInput],
    reference: Chosen,
    only: Mapping[str, JobInput] | None,
) -> ChosenResults:
    wanted = [one for one in roles if one.result_of is not None]
    return choose_results(results, index, pipeline.name, wanted, reference, only)


def _of_roles(
    pipeline: Pipeline,
    roles: Sequence[NamedInput],
    chosen: Mapping[str, Chosen],
    why_none: Mapping[str, str],
    only: Mapping[str, JobInput] | None,
    results: ChosenResults = ChosenResults(),
    structures: Mapping[str, ChosenStructures] | None = None,
) -> StudyInputs:
    structures = structures or {}
    why_none = {**why_none, **results.why_none}
    required = {one.name for one in roles if one.required or only is not None} | results.awaited
    missing = {name: why for name, why in why_none.items() if name in required}
    absent = {one.title: why_none[one.name] for one in roles if one.name in why_none}
    acceptance = _acceptance(pipeline, chosen, missing, absent, results.chosen, structures)
    return StudyInputs(chosen, missing, results.chosen, structures, acceptance)


def _candidates(
    index: Index,
    instance_reader: InstanceReader,
    study_instance_uid: str,
    only: Mapping[str, JobInput] | None,
) -> list[Candidate]:
    wanted = None if only is None else {one.series_instance_uid for one in only.values()}
    return [
        read_candidate(index, instance_reader, series)
        for series in index.series_of(study_instance_uid)
        if series.origin != "generated"
        and series.state == "COMPLETE"
        and (wanted is None or series.series_instance_uid in wanted)
    ]


def _why_none(role: NamedInput, reasons: list[str]) -> str:
    if not reasons:
        return f"There is no other complete series for {role.title}."
    return f"No series is {role.title}. {listed_reasons(reasons)}"


def _acceptance(
    pipeline: Pipeline,
    chosen: Mapping[str, Chosen],
    missing: Mapping[str, str],
    absent: Mapping[str, str],
    results: Mapping[str, ChosenResult],
    structures: Mapping[str, ChosenStructures],
) -> Acceptance:
    if missing:
        return Acceptance(False, " ".join(missing.values()))
    taken = ", ".join(
        [f"{one.role.title}: {one.candidate.name}" for one in chosen.values()]
        + [f"{one.role.title}: {one.name}" for one in results.values()]
        + [f"{one.role.title}: {one.name}" for one in structures.values()]
    )
    without = (f" Without {title}, which is not required. {why}" for title, why in absent.items())
    return Acceptance(True, f"{pipeline.title} takes {taken}.{''.join(without)}")
