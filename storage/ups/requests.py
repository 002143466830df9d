"""What others ask of workitems, be they rows of their own or jobs of this node."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

import structlog

from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.core.entities import ENDED_STATES, Job
from storage.core.errors import InvalidRequest, NotFound
from storage.jobs.repository import PRIORITIES, Jobs
from storage.ups.dicom_json import JsonAttributes, tag_of, text_of
from storage.ups.job_mapping import job_id_of, state_of_job
from storage.ups.performer import PerformedItems
from storage.ups.refusals import Cause, WorkitemRefused
from storage.ups.repository import Workitems
from storage.ups.subscriptions import Subscriptions
from storage.ups.validation import WorkitemState

log = structlog.get_logger(__name__)

_PRIORITY = "ScheduledProcedureStepPriority"
_PRIORITY_OF = {
    "HIGH": PRIORITIES["HIGH"],
    "MEDIUM": PRIORITIES["ROUTINE"],
    "LOW": PRIORITIES["LOW"],
}
_UNNAMED = "Canceled on request."


class WorkitemStorage(Protocol):
    """What of the storage workitems are changed with."""

    @property
    def jobs(self) -> Jobs: ...
    @property
    def workitems(self) -> Workitems: ...
    @property
    def performed_items(self) -> PerformedItems: ...
    @property
    def subscriptions(self) -> Subscriptions: ...


def priority_of(attributes: Mapping[str, Any]) -> int:
    """The priority of a job by which the node performs an item."""
    return _PRIORITY_OF.get(text_of(attributes, _PRIORITY), 0)


def update(
    storage: WorkitemStorage, uid: str, transaction_uid: str, attributes: JsonAttributes
) -> None:
    """Change an item; of a job, which the node owns, its priority alone.

    Raises NotFound, InvalidRequest, WorkitemRefused.
    """
    job = _job_under(storage, uid)
    if job is None:
        storage.workitems.update(uid, transaction_uid, attributes)
        return
    if state_of_job(job) in ENDED_STATES:
        raise WorkitemRefused(
            "The submitted request is inconsistent with the current state of the Workitem.",
            f"The workitem is {job.state} and does not change any more.",
            "ended",
            status=400,
            remedy="Only what is SCHEDULED or IN PROGRESS is changed; create another one.",
        )
    ignored = {tag_of("SpecificCharacterSet"), tag_of("TransactionUID")}
    if attributes.keys() - ignored != {tag_of(_PRIORITY)}:
        raise _not_theirs(
            "Of a job of this node only the priority can be changed.", "performed here"
        )
    if text_of(attributes, _PRIORITY) not in _PRIORITY_OF:
        raise InvalidRequest(
            f"{_PRIORITY} is none of HIGH, MEDIUM, LOW.", remedy="PS3.3 C.30.1 defines them."
        )
    storage.jobs.set_priority(job.job_id, priority_of(attributes), utcnow())


def change_state(
    storage: WorkitemStorage, uid: str, state: WorkitemState, transaction_uid: str
) -> bool:
    """Claim or end an item; whether it had ended that way before.

    Raises NotFound, InvalidRequest, WorkitemRefused.
    """
    job = _job_under(storage, uid)
    if job is None:
        return storage.workitems.change_state(uid, state, transaction_uid)[1]
    if not transaction_uid:
        raise WorkitemRefused(
            "The Transaction UID is missing.",
            "The request names no Transaction UID.",
            "transaction",
            status=400,
            remedy="Send TransactionUID (0008,1195), which the claim of the workitem set.",
        )
    if job.state in ENDED_STATES and job.state == state:
        return True
    cause: Cause = "transaction"
    if state == "SCHEDULED":
        cause = "never scheduled"
    elif state_of_job(job) == "SCHEDULED":
        cause = "performed here"
    raise _not_theirs("The workitem is a job of this node, which no other performer claims.", cause)


def request_cancel(
    storage: WorkitemStorage, uid: str, asked_by: str, details: JsonAttributes
) -> bool:
    """Cancel an item, or ask its performer to; whether it was CANCELED before.

    Jobs by which the node performs it end with it, unless another item waits for them.
    Raises NotFound, WorkitemRefused.
    """
    reason = text_of(details, "ReasonForCancellation") or _UNNAMED
    job = _job_under(storage, uid)
    if job is not None:
        return _cancel_job(storage, job, reason)
    item = storage.workitems.get(uid)
    if item.state == "IN PROGRESS" and not item.performer:
        if not storage.subscriptions.anyone_listens(uid):
            raise WorkitemRefused(
                "The performer cannot be contacted.",
                "Nobody listens to this workitem, so its performer would not hear of it.",
                "unreachable",
                remedy="Reach the performer by other means.",
            )
    elif item.state not in ENDED_STATES:
        # Those of other access groups as well.
        with as_node():
            open_items = storage.performed_items.open(1000)
        others = {
            job_id for one in open_items if one.sop_instance_uid != uid for job_id in one.job_ids
        }
        own = set(item.job_ids) - others
        for job_id in own:
            storage.jobs.cancel(job_id, reason, utcnow())
        if own and _are_done(storage.jobs, own):
            raise WorkitemRefused(
                "Performer chooses not to cancel.",
                "The work is done and its results are stored; the workitem becomes COMPLETED.",
                "declined",
                remedy="Reject the results where they are not wanted.",
            )
    return storage.workitems.request_cancel(uid, asked_by, details)


def cancel_claimed(
    storage: WorkitemStorage, uid: str, asked_by: str, details: JsonAttributes
) -> bool:
    """Cancel the copy of another system's item, with its jobs; False where it is done already."""
    try:
        request_cancel(storage, uid, asked_by, details)
    except WorkitemRefused as error:
        log.info("work_item_not_cancelled", workitem_uid=uid, cause=error.cause)
        return False
    log.info("work_item_cancelled_on_request", workitem_uid=uid)
    return True


def _are_done(jobs: Jobs, job_ids: Collection[str]) -> bool:
    try:
        return all(jobs.get(one).state == "COMPLETED" for one in job_ids)
    except NotFound:
        return False


def _cancel_job(storage: WorkitemStorage, job: Job, reason: str) -> bool:
    if job.state == "CANCELED":
        return True
    if job.state == "COMPLETED" or not storage.jobs.cancel(job.job_id, reason, utcnow()):
        raise WorkitemRefused(
            "The UPS is already COMPLETED.",
            "The job is COMPLETED, and stays so.",
            "completed",
            remedy="What has ended is not cancelled; nothing is to be done.",
        )
    return False


def _job_under(storage: WorkitemStorage, uid: str) -> Job | None:
    """The job that the UID names; None for an item of its own. Raises NotFound for neither."""
    if storage.workitems.find(uid) is not None:
        return None
    job_id = job_id_of(uid)
    if job_id is None:
        raise storage.workitems.missing(uid)
    try:
        return storage.jobs.get(job_id)
    except NotFound:
        raise storage.workitems.missing(uid) from None


def _not_theirs(message: str, cause: Cause) -> WorkitemRefused:
    return WorkitemRefused(
        "The submitted request is inconsistent with the state of the UPS Instance.",
        message,
        cause,
        remedy="Request its cancellation, or create a workitem of your own.",
    )
