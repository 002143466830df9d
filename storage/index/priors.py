"""Studies of the same patient, before and after one."""

from sqlalchemy import ColumnElement, Engine, FromClause, and_, exists, or_, select

from storage import tables as t
from storage.core.callers.visibility import EVERYONE
from storage.db.engine import reading

_MOST = 50


class Priors:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def before(self, study_instance_uid: str) -> list[str]:
        """Earlier studies with findings, or lesions that readers measured, the newest first.

        By date and time of the study. A patient without an ID has none: many share
        the empty one. A study without a date is neither before nor after any other.
        """
        return self._beside(study_instance_uid, earlier=True)

    def after(self, study_instance_uid: str) -> list[str]:
        """Later studies with findings or lesions, the newest first."""
        return self._beside(study_instance_uid, earlier=False)

    def _beside(self, study_instance_uid: str, *, earlier: bool) -> list[str]:
        this, other = t.study.alias("this"), t.study.alias("other")
        when, then = (other, this) if earlier else (this, other)
        is_before = or_(
            when.c.study_date < then.c.study_date,
            and_(
                when.c.study_date == then.c.study_date,
                when.c.study_time != "",
                when.c.study_time < then.c.study_time,
            ),
        )
        with reading(self._engine) as connection:
            return list(
                connection.execute(
                    select(other.c.study_instance_uid)
                    .select_from(
                        this.join(t.patient, t.patient.c.id == this.c.patient_fk).join(
                            other, other.c.patient_fk == this.c.patient_fk
                        )
                    )
                    .where(
                        this.c.study_instance_uid == study_instance_uid,
                        t.patient.c.patient_id != "",
                        this.c.study_date != "",
                        other.c.study_date != "",
                        is_before,
                        _seen_by_all_of(this, other),
                        or_(
                            *(
                                exists().where(
                                    found.c.study_instance_uid == other.c.study_instance_uid
                                )
                                for found in (t.finding, t.lesion)
                            )
                        ),
                    )
                    .order_by(other.c.study_date.desc(), other.c.study_time.desc())
                    .limit(_MOST)
                ).scalars()
            )


def _seen_by_all_of(this: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Whether everybody who sees this study sees the other: its findings enter results.

    Without access groups everybody does.
    """
    mine, theirs = t.study_group.alias("mine"), t.study_group.alias("theirs")
    enforced = exists().where(t.access_state.c.is_enforced)
    of_this = and_(
        mine.c.study_instance_uid == this.c.study_instance_uid, mine.c.origin != "emergency"
    )
    is_shared = (
        exists()
        .where(
            theirs.c.study_instance_uid == other.c.study_instance_uid,
            theirs.c.origin != "emergency",
            theirs.c.group_id.in_([mine.c.group_id, EVERYONE]),
        )
        .correlate(mine, other)
    )
    is_kept_apart = exists().where(of_this, ~is_shared).correlate(this, other)
    return or_(~enforced, and_(exists().where(of_this), ~is_kept_apart))
