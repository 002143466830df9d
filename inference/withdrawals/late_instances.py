"""Withdraw what was made of a series that has changed since.

A late instance (or a deleted one) reopens its series, as its row is written
(`storage.index.insert_instance`, and `insert_statements` for many). From then on no result over
the content before may count: jobs are superseded in the index at once, their drafts are drafted
again, and destinations get a rejection note. All of it is done again until it is done.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import structlog

from inference.deliveries.withdrawing import send_rejection_note
from inference.failures import place
from inference.reports.due import DueDraftStorage, draft_now
from inference.scheduling.due_studies import LaterDecisionStorage
from inference.scheduling.studies_awaiting_priors import decide_without_lost_priors
from storage.container.has import (
    HasAudit,
    HasDeliveries,
    HasGenerated,
    HasIndex,
    HasInstances,
    HasWithdrawals,
)
from storage.core.entities import Instance, Job
from storage.core.errors import NotFound
from storage.core.postponed import Postponed
from storage.core.sources import REPORT_SOURCE, of_reader, of_result
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.repository import Jobs
from storage.jobs.withdrawals import NO_PRIOR_ANY_MORE, SUPERSEDED, Withdrawals

log = structlog.get_logger(__name__)

_JOBS_PER_ROUND = 32
FAILED_AGAIN_S = 60.0


class WithdrawalStorage(
    HasIndex, HasInstances, HasGenerated, HasDeliveries, HasWithdrawals, HasAudit, Protocol
):
    """What of the storage layer results are withdrawn with."""


class OutdatedStorage(WithdrawalStorage, DueDraftStorage, LaterDecisionStorage, Protocol):
    """And what is drafted and decided again after that."""


def withdraw_outdated(
    storage: OutdatedStorage,
    now: datetime,
    since: datetime | None = None,
    postponed: Postponed | None = None,
    *,
    of_priors: bool = True,
) -> int:
    """Supersede jobs over content that has changed, or with the prior of somebody else, and
    withdraw what they made; how many.

    `since` spares it series without news; `postponed` remembers what could not be withdrawn.
    Without `of_priors` nobody asks whether priors are still of the patient, nor what an earlier
    round left undecided: both read every job that took one.
    """
    postponed = Postponed(FAILED_AGAIN_S) if postponed is None else postponed
    superseded = [
        job
        for job in storage.withdrawals.outdated(_JOBS_PER_ROUND, since)
        if storage.withdrawals.supersede(job.job_id, SUPERSEDED, now)
    ]
    if of_priors:
        superseded += _with_prior_of_somebody_else(
            storage.index, storage.jobs, storage.withdrawals, now
        )
    for job in superseded:
        log.info("job_superseded", job_id=job.job_id, pipeline=job.pipeline)
    waiting = storage.withdrawals.waiting(_JOBS_PER_ROUND, postponed.current())
    for job in waiting:
        try:
            withdrawn = _withdraw(storage, job)
            storage.withdrawals.done(job.job_id, now, withdrawn)
        except Exception as error:  # noqa: BLE001 - one job must not hold up the others
            postponed.add(job.job_id)
            log.error(
                "results_not_withdrawn",
                job_id=job.job_id,
                error=type(error).__name__,
                place=place(error),
            )
    for study_instance_uid in dict.fromkeys(job.study_instance_uid for job in superseded):
        _draft_again(storage, study_instance_uid)
    if of_priors or superseded:
        decide_without_lost_priors(storage, _JOBS_PER_ROUND, postponed)
    return len(waiting)


def _with_prior_of_somebody_else(
    index: Index, jobs: Jobs, withdrawals: Withdrawals, now: datetime
) -> list[Job]:
    """What is superseded now because the prior is none any more."""
    superseded = []
    for job_id in index.patient_studies.no_longer_of():
        try:
            job = jobs.get(job_id)
        except NotFound:
            continue  # deleted meanwhile
        if withdrawals.supersede(job_id, NO_PRIOR_ANY_MORE, now):
            superseded.append(job)
    return superseded


def _withdraw(storage: WithdrawalStorage, job: Job) -> list[str]:
    """A rejection note over all that the job gave, at each destination that has some of it; the
    UIDs of all that."""
    made = _made_by(storage.index, storage.instances, job)
    if not made:
        return []
    send_rejection_note(storage, job, made)
    return [one.sop_instance_uid for one in made]


def _made_by(index: Index, instances: InstanceReader, job: Job) -> list[Instance]:
    """Results, the versions of their report with feedback, and unsigned reports of the study.

    By the source under which each was stored, so that those of a job that was superseded
    before its end are among them.
    """
    sources = {of_result(job.job_id), of_reader(job.job_id)}
    held = index.instances_of(job.study_instance_uid)
    return [one for one in held if one.source in sources] + [
        one for one in _drafts(instances, held) if one.received_at <= job.updated_at
    ]


def _drafts(instances: InstanceReader, held: Iterable[Instance]) -> list[Instance]:
    """Reports that went out without a signature. A signed one is a person's, who amends it."""
    found = []
    for one in held:
        if one.source != REPORT_SOURCE:
            continue
        header = instances.header(one)
        if header.get("VerificationFlag") != "VERIFIED":
            found.append(one)
    return found


def _draft_again(storage: DueDraftStorage, study_instance_uid: str) -> None:
    """Without waiting for what runs: until then the draft would state what is withdrawn."""
    try:
        draft_now(storage, study_instance_uid)
    except NotFound:
        pass  # deleted meanwhile
    except Exception as error:  # noqa: BLE001 - the clock drafts it once more
        log.error(
            "report_not_drafted",
            study_instance_uid=study_instance_uid,
            error=type(error).__name__,
            place=place(error),
        )
