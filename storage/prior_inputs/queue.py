"""Studies whose earlier studies are to be looked for again, a list that the node's clock works off.

A study comes onto it in the transaction in which another one becomes an earlier study of it, or
may: a series is complete, whose a study is changes, or who may see it. So a process that ends loses
none. It is on the list once, however often that happens.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    and_,
    delete,
    literal,
    or_,
    select,
    update,
)

from storage import tables as t
from storage.db.engine import insert_into, reading, writing
from storage.db.portions import in_portions

_DUE = t.prior_due.c


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
    _mark(
        connection,
        _of_one_patient(this, other).where(
            this.c.study_instance_uid == study_instance_uid, _is_later(this, other), has_such
        ),
        now,
    )


def mark_studies(
    connection: Connection, study_instance_uids: Collection[str], now: datetime
) -> None:
    """Whose these are has changed, or who sees them: they, and later studies of their patients."""
    this, other = t.study.alias("this"), t.study.alias("other")
    for uids in in_portions(sorted(study_instance_uids)):
        _mark(
            connection,
            _of_one_patient(this, other).where(
                this.c.study_instance_uid.in_(uids),
                or_(this.c.id == other.c.id, _is_later(this, other)),
            ),
            now,
        )


def mark_all_later_studies(connection: Connection, now: datetime) -> None:
    """Each study of which there may be an earlier one."""
    this, other = t.study.alias("this"), t.study.alias("other")
    _mark(connection, _of_one_patient(this, other).where(_is_later(this, other)), now)


@dataclass(frozen=True)
class StudyDue:
    study_instance_uid: str
    changed_at: datetime
    attempts: int
    """How often it failed since."""


class PriorsDue:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now: datetime, limit: int) -> list[StudyDue]:
        """The longest due first."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(_DUE.study_instance_uid, _DUE.changed_at, _DUE.attempts)
                .where(_DUE.not_before <= now)
                .order_by(_DUE.not_before, _DUE.study_instance_uid)
                .limit(limit)
            )
            return [StudyDue(*row) for row in rows]

    def done(self, one: StudyDue) -> None:
        """Forget it, unless something changed again meanwhile."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.prior_due).where(_is_unchanged(one)))

    def failed(self, one: StudyDue, again_at: datetime) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.prior_due)
                .where(_is_unchanged(one))
                .values(attempts=_DUE.attempts + 1, not_before=again_at)
            )

    def put_off(self, until: datetime, forget_before: datetime) -> None:
        """Nobody takes priors now; what changed long before somebody does is not looked at."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.prior_due).where(_DUE.changed_at < forget_before))
            connection.execute(
                update(t.prior_due).where(_DUE.not_before < until).values(not_before=until)
            )


def _mark(connection: Connection, studies: Select[str], now: datetime) -> None:
    # In one order, so that two who mark the same studies do not wait for each other.
    rows = studies.add_columns(
        literal(now, _DUE.changed_at.type), literal(now, _DUE.not_before.type), literal(0)
    ).order_by(studies.selected_columns[0])
    names = ["study_instance_uid", "changed_at", "not_before", "attempts"]
    insert = insert_into(connection, t.prior_due).from_select(names, rows)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["study_instance_uid"],
            set_={name: insert.excluded[name] for name in names[1:]},
        )
    )


def _of_one_patient(this: FromClause, other: FromClause) -> Select[str]:
    """The UIDs of other studies of the patient; without a Patient ID there are none."""
    return (
        select(other.c.study_instance_uid)
        .distinct()
        .select_from(
            this.join(t.patient, t.patient.c.id == this.c.patient_fk).join(
                other, other.c.patient_fk == this.c.patient_fk
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


def _is_unchanged(one: StudyDue) -> ColumnElement[bool]:
    return and_(
        _DUE.study_instance_uid == one.study_instance_uid, _DUE.changed_at == one.changed_at
    )
