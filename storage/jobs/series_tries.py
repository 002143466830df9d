"""Series over which the process that schedules ended again and again: they are set aside.

Whatever a series makes of a process that reads it (no memory, a crash of native code), the next
process would begin with the same series, and nothing else would be decided on. A try is noted
before each piece of the work and taken back after it, so that what stays behind was not survived.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, Engine, and_, delete, func, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Series
from storage.core.errors import MediViewError, StateConflict
from storage.db.engine import insert_or_ignore, reading, writing

log = structlog.get_logger(__name__)

MAX_TRIES = 4
"""Of which none ended. Hosts that look at one series at once count each other's, for a moment."""


class SeriesSetAside(StateConflict):
    """The series is left alone until an administrator has it tried again."""

    def __init__(self, series_instance_uid: str) -> None:
        super().__init__(
            f"The series {series_instance_uid} is set aside: the process that decides on series"
            f" ended {MAX_TRIES} times while it looked at it.",
            remedy="An administrator looks at its instances with dcmdump, deletes it, or has it"
            " tried again with `mediview studies try-again`.",
        )


@dataclass(frozen=True)
class SetAside:
    """A series that is left alone."""

    study_instance_uid: str
    series_instance_uid: str
    set_aside_at: datetime


class SeriesTries:
    """What was begun and did not end, by series."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def trying(self, series: Series) -> Iterator[None]:
        """Work on a series that this process may not survive.

        Where it was not survived too often, the series is set aside, and `headers` of
        `InstanceReader` refuses it from then on. Raises StorageUnavailable.
        """
        self.begin(series)
        try:
            yield
        finally:
            self.end(series)

    def begin(self, series: Series) -> None:
        """As `trying`, for a piece of the work; `take_back` or `end` follow it."""
        row = t.series_try
        own = _key(series.study_instance_uid, series.series_instance_uid)
        with writing(self._engine) as connection:
            first = {
                "study_instance_uid": series.study_instance_uid,
                "series_instance_uid": series.series_instance_uid,
                "tries": 1,
            }
            if insert_or_ignore(connection, row, first):
                return
            noted = connection.execute(select(row.c.tries, row.c.set_aside_at).where(own)).first()
            if noted is None or noted.set_aside_at is not None:
                return
            if noted.tries < MAX_TRIES:
                connection.execute(update(row).where(own).values(tries=row.c.tries + 1))
                return
            connection.execute(update(row).where(own).values(set_aside_at=utcnow()))
        log.error(
            "series_set_aside",
            study_instance_uid=series.study_instance_uid,
            series_instance_uid=series.series_instance_uid,
            tries=noted.tries,
        )

    def take_back(self, series: Series) -> None:
        """This piece was survived, and more of the series is to come: those of before stay.

        So does what says that the series was broken off after some pipelines had decided.
        """
        row, decision = t.series_try, t.decision.c
        own = and_(
            _key(series.study_instance_uid, series.series_instance_uid),
            row.c.set_aside_at.is_(None),
        )
        in_part = (
            select(decision.id)
            .where(
                decision.study_instance_uid == series.study_instance_uid,
                decision.series_instance_uid == series.series_instance_uid,
                decision.input_fingerprint == series.fingerprint,
            )
            .exists()
        )
        try:
            with writing(self._engine) as connection:
                connection.execute(update(row).where(own).values(tries=row.c.tries - 1))
                connection.execute(delete(row).where(own, row.c.tries <= 0, ~in_part))
        except MediViewError as error:
            # Counts as one that was not survived, until the series is decided on.
            log.warning("series_try_not_taken_back", error=error.code)

    def break_off(self, series: Series) -> None:
        """This piece was survived, but ended by an error: the series is to be looked at again,
        also where some pipelines have decided on it."""
        row = t.series_try
        own = and_(
            _key(series.study_instance_uid, series.series_instance_uid),
            row.c.set_aside_at.is_(None),
        )
        try:
            with writing(self._engine) as connection:
                connection.execute(update(row).where(own).values(tries=row.c.tries - 1))
        except MediViewError as error:
            log.warning("series_try_not_taken_back", error=error.code)

    def end(self, series: Series) -> None:
        """It was survived; what is set aside stays so."""
        self.forget(series.study_instance_uid, series.series_instance_uid)

    def forget(self, study_instance_uid: str, series_instance_uid: str) -> None:
        """As `end`, of a series that may be gone."""
        row = t.series_try
        own = _key(study_instance_uid, series_instance_uid)
        try:
            with writing(self._engine) as connection:
                connection.execute(delete(row).where(own, row.c.set_aside_at.is_(None)))
        except MediViewError as error:
            # Counts as one that was not survived; the next that ends removes it.
            log.warning("series_try_not_ended", error=error.code)

    def is_open(self, study_instance_uid: str, series_instance_uid: str) -> bool:
        """Whether somebody looks at it, or was broken off: decisions may be missing."""
        row = t.series_try
        query = select(row.c.tries).where(
            _key(study_instance_uid, series_instance_uid), row.c.set_aside_at.is_(None)
        )
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None

    def refuse_set_aside(self, study_instance_uid: str, series_instance_uid: str) -> None:
        """To be asked before its headers are read. Raises SeriesSetAside."""
        row = t.series_try
        query = select(row.c.tries).where(
            _key(study_instance_uid, series_instance_uid), row.c.set_aside_at.is_not(None)
        )
        with reading(self._engine) as connection:
            if connection.execute(query).first() is not None:
                raise SeriesSetAside(series_instance_uid)

    def count(self) -> int:
        """Of those that are set aside."""
        row = t.series_try
        query = select(func.count()).select_from(row).where(row.c.set_aside_at.is_not(None))
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def newest(self, limit: int = 100) -> list[SetAside]:
        """Of those that are set aside."""
        row = t.series_try.c
        query = (
            select(row.study_instance_uid, row.series_instance_uid, row.set_aside_at)
            .where(row.set_aside_at.is_not(None))
            .order_by(row.set_aside_at.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [SetAside(**one) for one in connection.execute(query).mappings()]

    def try_again(self, study_instance_uid: str, series_instance_uid: str) -> bool:
        """Have it decided on once more, with all its tries; False: it is not set aside."""
        row, decision = t.series_try, t.decision.c
        with writing(self._engine) as connection:
            # The row stays, so that the series is found however long ago it came.
            wanted = connection.execute(
                update(row)
                .where(
                    _key(study_instance_uid, series_instance_uid), row.c.set_aside_at.is_not(None)
                )
                .values(tries=0, set_aside_at=None)
            )
            if not wanted.rowcount:
                return False
            # They state that it could not be read: nobody has decided on it then.
            connection.execute(
                delete(t.decision).where(
                    decision.study_instance_uid == study_instance_uid,
                    decision.series_instance_uid == series_instance_uid,
                    ~decision.accepted,
                )
            )
        return True


def _key(study_instance_uid: str, series_instance_uid: str) -> ColumnElement[bool]:
    row = t.series_try.c
    return and_(
        row.study_instance_uid == study_instance_uid,
        row.series_instance_uid == series_instance_uid,
    )
