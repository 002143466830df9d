"""One series of a study for a pipeline, where the site's rule wants only one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from pydicom.dataset import Dataset

from inference.imaging.geometry import stack_of
from inference.imaging.stacks import stacks_of
from inference.input_selection.fitting_instances import fitting_instances
from inference.pipeline import Acceptance
from inference.refusals import VolumeRefused
from inference.rules.pipeline_rule import Rule
from storage.container.has import (
    HasAcceptanceDecisions,
    HasIndex,
    HasInstances,
    HasJobs,
    HasWithdrawals,
)
from storage.core.clock import utcnow
from storage.core.entities import OPEN_STATES, Decision, Series
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.acceptance_decisions import AcceptanceDecisions
from storage.jobs.repository import Jobs
from storage.jobs.withdrawals import Withdrawals


class ChoiceStorage(
    HasIndex, HasInstances, HasJobs, HasWithdrawals, HasAcceptanceDecisions, Protocol
):
    """What of the storage layer series are compared and given up with."""


def choose_series(
    storage: ChoiceStorage,
    series: Series,
    headers: Sequence[Dataset],
    pipeline: str,
    rule: Rule,
    acceptance: Acceptance,
) -> Acceptance:
    """`acceptance`, or a refusal that names the series that is better.

    Series complete one after the other: where this one is better than one that was accepted
    before, unfinished work on that one is given up. Finished results are never withdrawn.
    """
    if rule.choose == "all":
        return acceptance
    for rival in _rivals(storage.acceptance_decisions, series, pipeline):
        other = storage.index.series(rival.study_instance_uid, rival.series_instance_uid)
        reason = (
            _newer(other, series)
            if rule.choose == "newest"
            else _finer(_headers(storage.index, storage.instances, other), headers, other)
        )
        if reason:
            return Acceptance(False, f"The site's rule '{rule.name}' takes one series: {reason}")
        _give_up(
            storage.jobs, storage.acceptance_decisions, storage.withdrawals, rival, series, rule
        )
    return acceptance


def _rivals(decisions: AcceptanceDecisions, series: Series, pipeline: str) -> list[Decision]:
    return [
        decision
        for decision in decisions.of_study(series.study_instance_uid)
        if decision.accepted
        and decision.pipeline == pipeline
        and decision.series_instance_uid != series.series_instance_uid
    ]


def _newer(other: Series, series: Series) -> str:
    """Why `other` is to be preferred; empty where it is not."""
    if other.first_instance_at > series.first_instance_at:
        return f"{_named(other)} is newer."
    return ""


def _finer(theirs: Sequence[Dataset], ours: Sequence[Dataset], other: Series) -> str:
    their_mm3, our_mm3 = _voxel_mm3(theirs), _voxel_mm3(ours)
    if their_mm3 is not None and (our_mm3 is None or their_mm3 <= our_mm3):
        here = "is not known here" if our_mm3 is None else f"{our_mm3:.3g} mm³ here"
        return f"{_named(other)} has voxels of {their_mm3:.3g} mm³, {here}."
    return ""


def _voxel_mm3(headers: Sequence[Dataset]) -> float | None:
    """Of the finest stack that the series holds; None where none is regular."""
    found: list[float] = []
    for stack in stacks_of(headers):
        try:
            affine = stack_of(stack.headers(headers), tilted=True).lps_from_kji
        except VolumeRefused:
            continue
        found.append(abs(float(np.linalg.det(affine[:3, :3]))))
    return min(found, default=None)


def _headers(index: Index, instance_reader: InstanceReader, series: Series) -> list[Dataset]:
    instances = fitting_instances(
        index, instance_reader, series.study_instance_uid, series.series_instance_uid
    )
    return instance_reader.headers(instances)


def _give_up(
    job_repository: Jobs,
    decisions: AcceptanceDecisions,
    withdrawals: Withdrawals,
    rival: Decision,
    series: Series,
    rule: Rule,
) -> None:
    reason = f"The site's rule '{rule.name}' takes one series: {_named(series)} is better."
    jobs, _ = job_repository.list(study_instance_uid=rival.study_instance_uid)
    of_rival = [
        job
        for job in jobs
        if job.pipeline == rival.pipeline and job.series_instance_uid == rival.series_instance_uid
    ]
    unfinished = [job for job in of_rival if job.state in OPEN_STATES]
    for job in unfinished:
        withdrawals.supersede(job.job_id, reason, utcnow())
    if unfinished or not of_rival:
        decisions.record(replace(rival, accepted=False, reason=reason))


def _named(series: Series) -> str:
    number = "without a number" if series.series_number is None else str(series.series_number)
    return f"series {number}"
