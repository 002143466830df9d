"""Perform what others ask for by workitems: claim, follow the jobs, end (IHE AIW-I).

An item waits until its study is here and complete, and for the start that it names. A study that is
not here is fetched from the archive that the item names (`inference.scheduling.workitem_input`).
Whatever was done is in the ledger, so that any process goes on where another ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from inference.failures import place
from inference.model_registry.status import offered
from inference.pipeline import Pipeline
from inference.scheduling.schedule import SchedulingStorage, schedule_pipeline
from inference.scheduling.workitem_input import InputStorage, NotFetched, fetch_study
from storage.core.clock import utcnow
from storage.core.entities import ENDED_STATES, Job, Series
from storage.core.errors import NotFound
from storage.core.uids import new_uid
from storage.index.repository import Index
from storage.jobs.acceptance_decisions import AcceptanceDecisions
from storage.jobs.repository import Jobs
from storage.ups.dicom_json import (
    JsonAttributes,
    attributes_of,
    items_of,
    read_date_time,
    text_of,
)
from storage.ups.job_mapping import NOT_SUPPORTED, UNSPECIFIED, performed_items, progress_item
from storage.ups.performer import PerformedItems
from storage.ups.requests import priority_of
from storage.ups.rows import Workitem

log = structlog.get_logger(__name__)

# A round stays short; items that wait for studies that never come must not hold up others.
_ITEMS_PER_ROUND = 100


class PerformerStorage(SchedulingStorage, InputStorage, Protocol):
    """What of the storage layer workitems are performed with."""

    @property
    def performed_items(self) -> PerformedItems: ...


class WorkitemPerformer:
    """Goes through the open items page by page, round after round."""

    def __init__(
        self, storage: PerformerStorage, pipelines: Sequence[Pipeline] | None = None
    ) -> None:
        self._storage = storage
        self._pipelines = pipelines
        self._last: Workitem | None = None

    def round(self, now: datetime) -> None:
        """Advance what can be advanced; an item that fails is tried again in a later round."""
        items = self._storage.performed_items.open(_ITEMS_PER_ROUND, self._last)
        self._last = items[-1] if len(items) == _ITEMS_PER_ROUND else None
        if not items:
            return
        pipelines = [
            one.pipeline
            for one in offered(self._storage.settings, self._storage.model_states, self._pipelines)
        ]
        for item in items:
            try:
                _advance(self._storage, item, pipelines, now)
            except Exception as error:  # noqa: BLE001 - the edge of an item: the others go on
                log.error(
                    "work_item_failed",
                    workitem_uid=item.sop_instance_uid,
                    error=type(error).__name__,
                    place=place(error),
                )


@dataclass(frozen=True)
class _Ready:
    """Everything that the item names is here."""

    series: list[Series]


@dataclass(frozen=True)
class _Refused:
    reason: str
    code: tuple[str, str, str] = UNSPECIFIED


def _advance(
    storage: PerformerStorage, item: Workitem, pipelines: Sequence[Pipeline], now: datetime
) -> None:
    if item.state == "IN PROGRESS":
        _follow(storage, item, pipelines)
        return
    if text_of(item.attributes, "InputReadinessState") != "READY":
        return
    start = read_date_time(text_of(item.attributes, "ScheduledProcedureStepStartDateTime"))
    if start is not None and start > now:
        return
    found = _resolve(storage, item, pipelines)
    if found is None:
        found = _fetch_input(storage, item)
    if found is None:
        expires = read_date_time(
            text_of(item.attributes, "ScheduledProcedureStepExpirationDateTime")
        )
        if expires is None or expires > now:
            return
        found = _Refused("The study was not here and complete when the workitem expired.")
    if isinstance(found, _Refused):
        _refuse(storage.performed_items, item, found)
        return
    claimed = storage.performed_items.claim(
        item.sop_instance_uid, new_uid(), [job.job_id for job in found]
    )
    if claimed is not None:
        log.info("work_item_claimed", workitem_uid=item.sop_instance_uid, jobs=len(found))
        _follow(storage, claimed, pipelines)


def _fetch_input(storage: PerformerStorage, item: Workitem) -> _Refused | None:
    """Have studies fetched of which nothing is here; a refusal where one will not come."""
    studies = {text_of(one, "StudyInstanceUID") for one in _inputs(item)} - {""}
    for uid in sorted(studies):
        is_here = bool(storage.index.series_of(uid))
        not_fetched = fetch_study(storage, item, uid, is_here=is_here)
        if isinstance(not_fetched, NotFetched):
            return _Refused(not_fetched.reason)
    return None


def _inputs(item: Workitem) -> list[JsonAttributes]:
    return items_of(item.attributes, "InputInformationSequence")


def _follow(storage: PerformerStorage, item: Workitem, pipelines: Sequence[Pipeline]) -> None:
    """Say of the item what has become of its jobs."""
    try:
        jobs = [storage.jobs.get(job_id) for job_id in item.job_ids]
    except NotFound:
        _refuse(
            storage.performed_items, item, _Refused("The job that performed the workitem is gone.")
        )
        return
    if any(_is_void(storage.jobs, job) for job in jobs):
        found = _resolve(storage, item, pipelines)
        if isinstance(found, _Refused):
            _refuse(storage.performed_items, item, found)
        elif found is not None:
            storage.performed_items.use_jobs(item.sop_instance_uid, [job.job_id for job in found])
        return
    performed = performed_items(jobs, storage.settings.ae_title)
    is_over = all(job.state in ENDED_STATES for job in jobs)
    if not is_over:
        storage.performed_items.progress(item.sop_instance_uid, _progress(jobs), performed)
    elif any(job.state == "COMPLETED" for job in jobs):
        storage.performed_items.complete(item.sop_instance_uid, _progress(jobs), performed)
        log.info("work_item_completed", workitem_uid=item.sop_instance_uid)
    else:
        _refuse(
            storage.performed_items,
            item,
            _Refused(" ".join(dict.fromkeys(job.reason for job in jobs))),
        )


def _resolve(
    storage: PerformerStorage, item: Workitem, pipelines: Sequence[Pipeline]
) -> list[Job] | _Refused | None:
    """The jobs by which the item is performed; None while something of it is not here yet."""
    pipeline = next((one for one in pipelines if one.name == item.performer), None)
    if pipeline is None:
        known = ", ".join(one.name for one in pipelines)
        return _Refused(f"There is no pipeline named {item.performer}. There are: {known}.")
    ready = _find_input(storage.index, storage.acceptance_decisions, item)
    if not isinstance(ready, _Ready):
        return ready
    # For who may not see it the study is not here.
    if not storage.performed_items.may_use(item, {one.study_instance_uid for one in ready.series}):
        return None
    priority = priority_of(item.attributes)
    decisions = [schedule_pipeline(storage, one, pipeline, priority) for one in ready.series]
    jobs = [storage.jobs.get(one.job_id) for one in decisions if one.job_id is not None]
    if not jobs:
        reasons = dict.fromkeys(one.reason for one in decisions)
        return _Refused(f"{pipeline.title} does not take it. {' '.join(reasons)}", NOT_SUPPORTED)
    for job in jobs:
        if job.state == "CANCELED":
            # It failed or was called off earlier, and now somebody asks for it.
            storage.jobs.retry(job.job_id, utcnow())
        if job.priority < priority and job.state != "COMPLETED":
            storage.jobs.set_priority(job.job_id, priority, utcnow())
    return jobs


def _find_input(
    index: Index, decisions: AcceptanceDecisions, item: Workitem
) -> _Ready | _Refused | None:
    """The series that the item is about; all those received of a study where it names none."""
    wanted = [
        (text_of(one, "StudyInstanceUID"), text_of(one, "SeriesInstanceUID"), _instances(one))
        for one in _inputs(item)
        if text_of(one, "StudyInstanceUID")
    ] or [(item.study_instance_uid, "", frozenset())]
    found: dict[tuple[str, str], Series] = {}
    for study_instance_uid, series_instance_uid, instances in wanted:
        if not study_instance_uid:
            return _Refused("The workitem names no study.")
        held = [
            series
            for series in index.series_of(study_instance_uid)
            if series.origin == "received"
            and series_instance_uid in ("", series.series_instance_uid)
        ]
        if not held or not all(_is_decided(decisions, series) for series in held):
            return None
        if instances and not instances <= {
            one.sop_instance_uid
            for one in index.instances_of(study_instance_uid, series_instance_uid or None)
        }:
            return None
        found |= {(one.study_instance_uid, one.series_instance_uid): one for one in held}
    return _Ready(list(found.values()))


def _instances(item: dict[str, object]) -> frozenset[str]:
    return frozenset(
        text_of(one, "ReferencedSOPInstanceUID") for one in items_of(item, "ReferencedSOPSequence")
    )


def _is_decided(decisions: AcceptanceDecisions, series: Series) -> bool:
    """Complete, and offered to every pipeline: an order must not come before that."""
    return series.state == "COMPLETE" and any(
        decision.input_fingerprint == series.fingerprint
        for decision in decisions.of_study(series.study_instance_uid)
        if decision.series_instance_uid == series.series_instance_uid
    )


def _is_void(jobs: Jobs, job: Job) -> bool:
    """Whether a late instance took the ground from under an unfinished job."""
    if job.ending == "superseded":
        return True
    if job.state == "COMPLETED":
        return False
    try:
        return not jobs.is_current(job)
    except NotFound:
        return False


def _progress(jobs: Sequence[Job]) -> dict[str, object]:
    slowest = min(jobs, key=lambda job: job.progress)
    mean = sum(job.progress for job in jobs) / len(jobs)
    item = progress_item(slowest)
    return item | attributes_of(ProcedureStepProgress=round(100 * mean, 1))


def _refuse(performed_items: PerformedItems, item: Workitem, refused: _Refused) -> None:
    if performed_items.refuse(item.sop_instance_uid, refused.reason, refused.code):
        log.info("work_item_refused", workitem_uid=item.sop_instance_uid)
