"""Studies of the same patient, before and after one; patients who are linked are one."""

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, Engine, FromClause, String, and_, exists, func, or_, select

from storage import tables as t
from storage.core.text.dates import is_after_in_utc
from storage.db.engine import reading
from storage.index.seen_by_all import is_kept_from, seen_by_all_of
from storage.patient_identity.entities import PatientKey

_MOST = 50


class PatientStudies:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def before(self, study_instance_uid: str) -> list[str]:
        """Earlier studies with findings, or lesions that readers measured, the newest first.

        By date and time of the study. A patient without an ID has none: many share
        the empty one. A study without a date is neither before nor after any other.
        """
        return self._beside(study_instance_uid, _has_results, earlier=True)

    def after(self, study_instance_uid: str) -> list[str]:
        """Later studies with findings or lesions of which this one is a `before`, the newest
        first."""
        return self._beside(study_instance_uid, _has_results, earlier=False)

    def imaged_before(self, study_instance_uid: str) -> list[str]:
        """Earlier studies of which series were received, the newest first; whose, as above."""
        return self._beside(study_instance_uid, _has_images, earlier=True)

    def newest_of(self, keys: Sequence[PatientKey]) -> str | None:
        """The newest study by its date that arrived under one of these IDs, of who may see it."""
        named = [
            and_(
                t.patient.c.patient_id == one.patient_id,
                t.patient.c.issuer_of_patient_id == one.issuer_of_patient_id,
            )
            for one in keys
        ]
        if not named:
            return None
        query = (
            select(t.study.c.study_instance_uid)
            .join(t.patient, t.patient.c.id == t.study.c.patient_fk)
            .where(or_(*named))
            .order_by(_date_of(t.study).desc(), _time_of(t.study).desc(), t.study.c.id.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            return connection.execute(query).scalar()

    def no_longer_of(self) -> list[str]:
        """Jobs that took series of a study which is no prior of theirs any more, the oldest first.

        A patient was corrected, or not everybody who sees the job's study may see the other one.
        What counts no more, and what was deleted since, is left out.
        """
        this, other = t.study.alias("this"), t.study.alias("other")
        is_same = and_(
            this.c.person_fk == other.c.person_fk,
            exists()
            .where(t.patient.c.id == this.c.patient_fk, t.patient.c.patient_id != "")
            .correlate(this),
        )
        query = (
            select(t.job.c.job_id, t.job.c.created_at)
            .distinct()
            .join(t.job_input, t.job_input.c.job_id == t.job.c.job_id)
            .join(this, this.c.study_instance_uid == t.job.c.study_instance_uid)
            .join(other, other.c.study_instance_uid == t.job_input.c.study_instance_uid)
            .where(
                t.job_input.c.is_prior,
                t.job.c.ending == "",
                t.job.c.state.in_(("SCHEDULED", "IN PROGRESS", "COMPLETED")),
                or_(~is_same, is_kept_from(this, other)),
            )
            .order_by(t.job.c.created_at, t.job.c.job_id)
            .limit(_MOST)
        )
        takes_any = select(t.job_input.c.job_id).where(t.job_input.c.is_prior).limit(1)
        with reading(self._engine) as connection:
            # By its index, for most nodes have no pipeline that takes priors.
            if connection.execute(takes_any).first() is None:
                return []
            return list(connection.execute(query).scalars())

    def _beside(
        self,
        study_instance_uid: str,
        holds: Callable[[FromClause], ColumnElement[bool]],
        *,
        earlier: bool,
    ) -> list[str]:
        """Those who see the later of the two studies must see the earlier one, on which its results
        rest. What is earlier by its own clock alone, and not by UTC, is left out."""
        this, other = t.study.alias("this"), t.study.alias("other")
        when, then = (other, this) if earlier else (this, other)
        is_before = or_(
            _date_of(when) < _date_of(then),
            and_(
                _date_of(when) == _date_of(then),
                when.c.study_time != "",
                _time_of(when) < _time_of(then),
            ),
        )
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(other.c.study_instance_uid, *_moment(when), *_moment(then))
                .select_from(
                    this.join(t.patient, t.patient.c.id == this.c.patient_fk).join(
                        other, other.c.person_fk == this.c.person_fk
                    )
                )
                .where(
                    this.c.study_instance_uid == study_instance_uid,
                    t.patient.c.patient_id != "",
                    this.c.study_date != "",
                    other.c.study_date != "",
                    is_before,
                    seen_by_all_of(then, when),
                    holds(other),
                )
                .order_by(_date_of(other).desc(), _time_of(other).desc())
                .limit(_MOST)
            )
            return [row[0] for row in rows if not is_after_in_utc(row[1:4], row[4:7])]


def _moment(study: FromClause) -> tuple[ColumnElement[str], ...]:
    return study.c.study_date, study.c.study_time, study.c.timezone_offset_from_utc


def _date_of(study: FromClause) -> ColumnElement[str]:
    """DA that can be compared as text: without the dots of ACR-NEMA."""
    return func.replace(study.c.study_date, ".", "")


def _time_of(study: FromClause) -> ColumnElement[str]:
    """TM that can be compared as text: without the colons of ACR-NEMA, and with all six digits."""
    digits = func.replace(study.c.study_time, ":", "", type_=String)
    whole = func.substr(digits + "000000", 1, 6, type_=String)
    return whole + func.substr(digits, 7, type_=String)


def _has_results(study: FromClause) -> ColumnElement[bool]:
    return or_(
        *(
            exists().where(found.c.study_instance_uid == study.c.study_instance_uid)
            for found in (t.finding, t.lesion)
        )
    )


def _has_images(study: FromClause) -> ColumnElement[bool]:
    return exists().where(
        t.series.c.study_fk == study.c.id,
        t.series.c.origin == "received",
        t.series.c.is_rejected.is_(False),
    )
