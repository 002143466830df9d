"""Which events of workitems a subscriber is to get (PS3.4 CC.2.4.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from dicom_node.ups.matching import Matcher
from storage.core.entities import Event
from storage.events.payloads import JobEvent, WorkitemEvent
from storage.ups.dicom_json import attributes_of, date_time
from storage.ups.events import (
    PROGRESS_REPORT,
    SCP_STATUS_CHANGE,
    STATE_REPORT,
    ReportedEvent,
    state_report,
)
from storage.ups.job_mapping import cancellation, uid_of_job
from storage.ups.search import Listed, WorkitemList
from storage.ups.subscriptions import FILTERED_UID, WORKLIST_UID, Subscription, Subscriptions


@dataclass(frozen=True)
class Report:
    workitem_uid: str
    event: ReportedEvent


class Audience:
    """What one subscriber gets, by its subscriptions as they are now."""

    def __init__(
        self, workitem_list: WorkitemList, subscriptions: Subscriptions, ae_title: str
    ) -> None:
        self._workitem_list = workitem_list
        self._ae_title = ae_title
        self._by_uid = {one.workitem_uid: one for one in subscriptions.of(ae_title)}
        filtered = self._by_uid.get(FILTERED_UID)
        self._matcher = Matcher(filtered.filter) if filtered else None
        self._items: dict[str, Listed | None] = {}

    def reports(self, event: Event) -> Iterator[Report]:
        if event.topic == "workitem":
            item = cast(WorkitemEvent, event.payload)
            uid, reported = item["workitem"], (item["event_type"], item["attributes"])
            receiver = item.get("receiver", "")
            if item["event_type"] == SCP_STATUS_CHANGE:
                # Of the service, whatever it is that somebody listens to.
                wanted = bool(self._by_uid)
            else:
                wanted = receiver == self._ae_title if receiver else self._listens_to(uid)
        elif event.topic == "job" and event.job_id and self._by_uid:
            uid = uid_of_job(event.job_id)
            wanted = self._listens_to(uid)
            reported = _event_of_job(event) if wanted else (0, {})
        else:
            return
        if wanted:
            yield Report(uid, reported)

    def _listens_to(self, uid: str) -> bool:
        single = self._by_uid.get(uid)
        if single is not None:
            return single.state == "ACTIVE"
        worklist, filtered = self._by_uid.get(WORKLIST_UID), self._by_uid.get(FILTERED_UID)
        if worklist is not None and self._includes(worklist, uid):
            return True
        return filtered is not None and self._includes(filtered, uid) and self._fits(uid)

    def _includes(self, subscription: Subscription, uid: str) -> bool:
        if subscription.state == "ACTIVE":
            return True
        item = self._item(uid)
        return item is not None and item.created_at <= subscription.changed_at

    def _fits(self, uid: str) -> bool:
        item = self._item(uid)
        return (
            item is not None
            and self._matcher is not None
            and self._matcher.matches(item.attributes, item.study_instance_uid)
        )

    def _item(self, uid: str) -> Listed | None:
        if uid not in self._items:
            self._items[uid] = self._workitem_list.find(uid)
        return self._items[uid]


def _event_of_job(event: Event) -> ReportedEvent:
    """A job's event as a report of the workitem that the job is (`state_of_job`)."""
    job = cast(JobEvent, event.payload)
    state, reason, progress = job["state"], job["reason"], float(job["progress"])
    if (state == "IN PROGRESS" and (job["stage"] or progress)) or (state == "SCHEDULED" and reason):
        item = attributes_of(
            ProcedureStepProgress=round(progress * 100, 1),
            ProcedureStepProgressDescription=(job["stage"] or reason)[:64],
        )
        return PROGRESS_REPORT, attributes_of(ProcedureStepProgressInformationSequence=[item])
    attributes = attributes_of(ProcedureStepState=state, InputReadinessState="READY")
    if state == "CANCELED":
        attributes |= attributes_of(
            ProcedureStepProgressInformationSequence=[cancellation(reason, date_time(event.at))]
        )
    return STATE_REPORT, state_report(attributes)[1]
