"""Which rows of each table a caller sees: one condition a table.

A row that is about a study is visible with the study. What is about none belongs to who
made it. A table that is missing here is about nobody's data, or reached by administrators alone;
a test compares with the schema.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Table,
    Text,
    and_,
    bindparam,
    exists,
    or_,
)

from storage import tables as t
from storage.core.callers.visibility import Visibility, current_visibility
from storage.db.study_memberships import counts


def _visibility() -> Visibility:
    visibility = current_visibility()
    if visibility is None:
        raise RuntimeError("a narrowed statement runs for nobody")
    return visibility


# Read when a statement runs, so that its text is the same for every caller.
_GROUP_IDS = bindparam(
    "viewer_group_ids",
    type_=BigInteger,
    expanding=True,
    callable_=lambda: list(_visibility().group_ids),
)
_GROUP_LIST = bindparam(
    "viewer_group_list",
    type_=Text,
    callable_=lambda: "".join(f",{one}," for one in sorted(_visibility().group_ids)),
)
_IDENTITY_ID = bindparam(
    "viewer_identity_id", type_=Text, callable_=lambda: _visibility().identity_id
)
_SEES_UNMATCHED = bindparam(
    "viewer_sees_unmatched", type_=Boolean, callable_=lambda: _visibility().sees_unmatched
)
_FOR_ALL = ("model", "node")
"""Topics of events that name no study and no patient."""


def _of_study(study_instance_uid: ColumnElement[str]) -> ColumnElement[bool]:
    membership = t.study_group.alias()
    return exists().where(
        membership.c.study_instance_uid == study_instance_uid,
        membership.c.group_id.in_(_GROUP_IDS),
        counts(membership),
    )


def _of_study_row(study_fk: ColumnElement[int]) -> ColumnElement[bool]:
    study = t.study.alias()
    return exists().where(study.c.id == study_fk, _of_study(study.c.study_instance_uid))


def _of_series_row(series_fk: ColumnElement[int]) -> ColumnElement[bool]:
    series = t.series.alias()
    return exists().where(series.c.id == series_fk, _of_study_row(series.c.study_fk))


def _of_answer(answer: FromClause) -> ColumnElement[bool]:
    """About a study, or the caller's own about none."""
    return or_(
        _of_study(answer.c.study_instance_uid),
        and_(answer.c.study_instance_uid == "", answer.c.asked_by_id == _IDENTITY_ID),
    )


def _own_job(job: FromClause) -> ColumnElement[bool]:
    """A job that is about no study: on a picture that the caller uploaded, or its question."""
    upload, answer = t.upload.alias(), t.answer.alias()
    of_upload = exists().where(
        job.c.input_object_key != "",
        upload.c.object_key == job.c.input_object_key,
        upload.c.created_by_id == _IDENTITY_ID,
    )
    of_question = exists().where(
        answer.c.job_id == job.c.job_id, answer.c.asked_by_id == _IDENTITY_ID, _of_answer(answer)
    )
    return and_(job.c.study_instance_uid == "", or_(of_upload, of_question))


def _of_job(job_id: ColumnElement[Any]) -> ColumnElement[bool]:
    job = t.job.alias()
    visible = or_(_of_study(job.c.study_instance_uid), _own_job(job))
    return exists().where(job.c.job_id == job_id, visible)


def _of_study_or_job(table: Table) -> ColumnElement[bool]:
    of_own_job = and_(table.c.study_instance_uid == "", _of_job(table.c.job_id))
    return or_(_of_study(table.c.study_instance_uid), of_own_job)


def _of_patient() -> ColumnElement[bool]:
    study = t.study.alias()
    return exists().where(
        study.c.patient_fk == t.patient.c.id, _of_study(study.c.study_instance_uid)
    )


def _of_instance(sop_instance_uid: ColumnElement[str]) -> ColumnElement[bool]:
    instance = t.instance.alias()
    return exists().where(
        instance.c.sop_instance_uid == sop_instance_uid, _of_series_row(instance.c.series_fk)
    )


def _of_report(report_id: ColumnElement[str]) -> ColumnElement[bool]:
    report = t.report.alias()
    of_own_job = and_(report.c.study_instance_uid == "", _of_job(report.c.job_id))
    visible = or_(_of_study(report.c.study_instance_uid), of_own_job)
    return exists().where(report.c.report_id == report_id, visible)


def _own_webhook(webhook: FromClause) -> ColumnElement[bool]:
    """One that sends everything is for administrators, also where its owner is none any more."""
    return and_(webhook.c.created_by_id == _IDENTITY_ID, ~webhook.c.sends_everything)


def _of_webhook(webhook_id: ColumnElement[str]) -> ColumnElement[bool]:
    webhook = t.webhook.alias()
    return exists().where(webhook.c.webhook_id == webhook_id, _own_webhook(webhook))


def _names_unseen(workitem_uid: ColumnElement[str]) -> ColumnElement[bool]:
    """A workitem shows all studies that it names, so it is hidden with any of them."""
    named = t.work_item_study.alias()
    return exists().where(
        named.c.sop_instance_uid == workitem_uid, ~_of_study(named.c.study_instance_uid)
    )


def _of_event() -> ColumnElement[bool]:
    event = t.event.c
    names_unseen = and_(
        event.topic == "workitem", _names_unseen(event.payload["workitem"].as_string())
    )
    unmatched = and_(event.topic == "workitem", _SEES_UNMATCHED)
    upload = t.upload.alias()
    own_upload = and_(
        event.topic == "upload",
        exists().where(
            upload.c.upload_id == event.payload["upload_id"].as_string(),
            upload.c.created_by_id.in_((_IDENTITY_ID, "")),
        ),
    )
    about_none = or_(event.topic.in_(_FOR_ALL), unmatched, own_upload, _of_job(event.job_id))
    former = t.former_study_group.alias()
    until_deleted = exists().where(
        former.c.study_instance_uid == event.study_instance_uid,
        former.c.group_id.in_(_GROUP_IDS),
        former.c.left_at >= event.at,
    )
    visible = or_(
        _of_study(event.study_instance_uid),
        until_deleted,
        and_(event.study_instance_uid == "", about_none),
    )
    return and_(visible, ~names_unseen)


def _of_workitem() -> ColumnElement[bool]:
    item = t.work_item.c
    visible = or_(
        _of_study(item.study_instance_uid),
        and_(item.study_instance_uid == "", _SEES_UNMATCHED),
    )
    return and_(visible, ~_names_unseen(item.sop_instance_uid))


def _of_fhircast(table: Table) -> ColumnElement[bool]:
    """What other systems opened: with the study, and what names none of this node with the groups
    of who announced it. The groups are in one order on both sides."""
    column = table.c
    return and_(
        or_(column.study_instance_uid == "", _of_study(column.study_instance_uid)),
        or_(column.announcer_groups == "", _GROUP_LIST.like(column.announcer_groups)),
    )


_BY_STUDY_UID = (
    t.study,
    t.alert,
    t.decision,
    t.finding_feedback,
    t.lesion,
    t.lesion_match,
    t.hl7_message,
    t.passage,
    t.report_due,
    t.prior_due,
    t.result_due,
    t.order_due,
    t.retrospective_study,
    t.series_try,
    t.shadow_run,
    t.model_trial,
    t.drift_observation,
    t.damaged_instance,
    t.unreadable_instance,
    t.tombstone,
    t.unwritten_tombstone,
    t.availability_notice,
    t.worklist_item,
    t.legal_hold,
    t.study_use,
    t.study_retention,
    t.study_confirmation,
    t.prior_fetch,
    t.received_patient,
    t.rejection,
    t.rejection_note,
    t.work_item_study,
    t.interactive_session,
    t.shared_view,
    # What names no study is for those who see everything: it may be about any.
    t.expectation,
)

VISIBLE: dict[Table, ColumnElement[bool]] = {
    **{table: _of_study(table.c.study_instance_uid) for table in _BY_STUDY_UID},
    **{table: _of_study_or_job(table) for table in (t.finding, t.report, t.delivery)},
    t.patient: _of_patient(),
    t.series: _of_study_row(t.series.c.study_fk),
    t.instance: _of_series_row(t.instance.c.series_fk),
    t.conflict: _of_instance(t.conflict.c.sop_instance_uid),
    t.conflict_copy: _of_instance(t.conflict_copy.c.sop_instance_uid),
    t.discarded_content: _of_instance(t.discarded_content.c.sop_instance_uid),
    t.job: or_(_of_study(t.job.c.study_instance_uid), _own_job(t.job)),
    t.job_input: _of_job(t.job_input.c.job_id),
    t.feedback_report: _of_job(t.feedback_report.c.job_id),
    t.report_version: _of_report(t.report_version.c.report_id),
    t.answer: _of_answer(t.answer),
    t.upload: t.upload.c.created_by_id.in_((_IDENTITY_ID, "")),
    t.webhook: _own_webhook(t.webhook),
    t.webhook_delivery: _of_webhook(t.webhook_delivery.c.webhook_id),
    t.fhir_subscription: _of_webhook(t.fhir_subscription.c.webhook_id),
    t.event: _of_event(),
    **{table: _of_fhircast(table) for table in (t.fhircast_context, t.fhircast_event)},
    # Those of orders are shown to those who see everything.
    t.prior_search: _of_study(t.prior_search.c.subject),
    t.work_item: _of_workitem(),
}
