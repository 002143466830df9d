"""Conditions for `storage.findings.search.find_findings`."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, select

from storage import tables as t
from storage.core.findings import FeedbackKind
from storage.db.conditions import Condition, TimeSpan, at_time


def finding_id_in(finding_ids: Collection[str]) -> Condition:
    return t.finding.c.finding_id.in_(finding_ids)


def finding_tracking_uid_is(tracking_uid: str) -> Condition:
    return t.finding.c.tracking_uid == tracking_uid


def finding_code_is(value: str) -> Condition:
    """Of any coding scheme."""
    same: Condition = t.finding.c.code["value"].as_string() == value
    return same


def finding_scheme_in(scheme_designators: Collection[str]) -> Condition:
    """The code is one of these coding schemes."""
    within: Condition = t.finding.c.code["scheme_designator"].as_string().in_(scheme_designators)
    return within


def finding_made_by(pipeline: str) -> Condition:
    """In any of its versions."""
    return t.finding.c.pipeline == pipeline


def finding_of_study(study_instance_uid: str) -> Condition:
    return t.finding.c.study_instance_uid == study_instance_uid


def finding_of_job(job_id: str) -> Condition:
    return t.finding.c.job_id == job_id


def finding_of_pipeline(pipeline: str, version: str) -> Condition:
    return and_(t.finding.c.pipeline == pipeline, t.finding.c.pipeline_version == version)


def finding_updated(span: TimeSpan) -> Condition:
    return at_time(last_updated(), span)


def finding_is_withdrawn(withdrawn: bool) -> Condition:
    """Of a job that is superseded, because the series has changed since."""
    superseded = t.job.c.ending == "superseded"
    return superseded if withdrawn else ~superseded


def last_feedback_in(kinds: Collection[FeedbackKind]) -> Condition:
    """The newest feedback verifies (`Feedback.verifies`) and is one of these."""
    return exists(
        select(t.finding_feedback.c.id)
        .where(_is_newest_and_verifies(), t.finding_feedback.c.kind.in_(kinds))
        .correlate(t.finding)
    )


def is_unverified() -> Condition:
    """There is no feedback, or the newest does not verify."""
    return ~exists(
        select(t.finding_feedback.c.id).where(_is_newest_and_verifies()).correlate(t.finding)
    )


def last_updated() -> ColumnElement[datetime]:
    """A finding is there once its job has ended; `created_at` is the job's."""
    came = case(
        (t.job.c.ending == "superseded", t.job.c.updated_at),
        else_=func.coalesce(t.job.c.finished_at, t.finding.c.created_at),
    )
    commented = (
        select(func.max(t.finding_feedback.c.given_at))
        .where(t.finding_feedback.c.finding_id == t.finding.c.finding_id)
        .correlate(t.finding)
        .scalar_subquery()
    )
    return case((commented > came, commented), else_=came)


def _is_newest_and_verifies() -> Condition:
    feedback = t.finding_feedback
    newest = (
        select(func.max(feedback.c.id))
        .where(feedback.c.finding_id == t.finding.c.finding_id)
        .correlate(t.finding)
        .scalar_subquery()
    )
    return and_(feedback.c.id == newest, feedback.c.verifies)
