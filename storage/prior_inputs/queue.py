"""Studies whose earlier studies are to be looked for again, a list that the node's clock works off.

A study comes onto it in the transaction in which another one becomes an earlier study of it, or
may: a series is complete, whose a study is changes, or who may see it. So a process that ends loses
none. It is on the list once, however often that happens.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    or_,
    select,
)

from storage import tables as t
from storage.db.due.studies import mark_due
from storage.db.portions import in_portions
from storage.reports.draft_queue import mark_reports_due


def mark_later_studies(
    connection: Connection, study_instance_uid: str, modality: str, now: datetime
) -> None:
    """A series of that Modality is complete: it may be a prior of series of later studies."""
    this, other = t.study.alias("this"), t.study.alias("other")
    has_such = (
        select(t.series.c.id)
        .where(
            t.series.c.study_fk == other.c.id,
            t.series.c.modality == modality,
            t.series.c.origin == "received",
        )
        .correlate(other)
        .exists()
    )
    mark_due(
        connection,
        t.prior_due,
        _of_one_patient(this, other).where(
            this.c.study_instance_uid == study_instance_uid, _is_later(this, other), has_such
        ),
        now,
    )


def mark_studies(
    connection: Connection, study_instance_uids: Collection[str], now: datetime
) -> None:
    """Whose these are has changed, or who sees them: they, and later studies of their patients.

    Their reports are due as well, which compare with what everybody who sees them may see.
    """
    this, other = t.study.alias("this"), t.study.alias("other")
    for uids in in_portions(sorted(study_instance_uids)):
        studies = _of_one_patient(this, other).where(
            this.c.study_instance_uid.in_(uids),
            or_(this.c.id == other.c.id, _is_later(this, other)),
        )
        mark_due(connection, t.prior_due, studies, now)
        mark_reports_due(connection, studies, now)


def mark_all_later_studies(connection: Connection, now: datetime) -> None:
    """Each study of which there may be an earlier one, and its report."""
    this, other = t.study.alias("this"), t.study.alias("other")
    studies = _of_one_patient(this, other).where(_is_later(this, other))
    mark_due(connection, t.prior_due, studies, now)
    mark_reports_due(connection, studies, now)


def _of_one_patient(this: FromClause, other: FromClause) -> Select[str]:
    """The UIDs of other studies of the patient; without a Patient ID there are none."""
    return (
        select(other.c.study_instance_uid)
        .distinct()
        .select_from(
            this.join(t.patient, t.patient.c.id == this.c.patient_fk).join(
                other, other.c.person_fk == this.c.person_fk
            )
        )
        .where(t.patient.c.patient_id != "")
    )


def _is_later(this: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Also of the same day, whatever the time."""
    return and_(
        other.c.id != this.c.id,
        this.c.study_date != "",
        other.c.study_date >= this.c.study_date,
    )
