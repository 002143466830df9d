"""Who reads a study: taken by a person, taken over by another, left when its report is signed.

While somebody reads a study, others neither change nor sign its report. The note is of the index:
one that is rebuilt from the volumes knows no readers.
"""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Engine, select, update

from storage import tables as t
from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, StateConflict
from storage.db.engine import writing
from storage.events.payloads import StudyEvent
from storage.events.repository import add_event

_NOBODY = {"reader_id": "", "reader_name": "", "reader_since": None}


class StudyReaders:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, study_instance_uid: str, reader: Identity, *, over: bool = False) -> datetime:
        """Note that `reader` reads the study; since when. Saying it again
        changes nothing.

        `over`: from whom reads it now. Raises NotFound, InvalidRequest for a program, and
        StateConflict where another reads it and `over` is not given.
        """
        if reader.kind == "key":
            raise InvalidRequest(
                "A key belongs to a program, and people read studies.",
                remedy="A person signs in and does it.",
            )
        now = utcnow()
        with writing(self._engine) as connection:
            former = _locked_reader(connection, study_instance_uid)
            if former["reader_id"] == reader.id:
                return cast(datetime, former["reader_since"])
            if former["reader_id"] and not over:
                raise _read_by(former["reader_name"])
            values = {"reader_id": reader.id, "reader_name": reader.name, "reader_since": now}
            _note(connection, study_instance_uid, values, now)
            return now

    def leave(self, study_instance_uid: str, reader: Identity, *, over: bool = False) -> None:
        """Nobody reads the study then. `over`: also where another reads it. Raises as `take`."""
        with writing(self._engine) as connection:
            former = _locked_reader(connection, study_instance_uid)
            if former["reader_id"] not in ("", reader.id) and not over:
                raise _read_by(former["reader_name"])
            if former["reader_id"]:
                _note(connection, study_instance_uid, _NOBODY, utcnow())


def check_reader(connection: Connection, study_instance_uid: str, who: Identity) -> None:
    """Raises StateConflict where another than `who` reads the study."""
    former = _reader(connection, study_instance_uid)
    if former is not None and former["reader_id"] not in ("", who.id):
        raise _read_by(former["reader_name"])


def end_reading(connection: Connection, study_instance_uid: str, now: datetime) -> None:
    """In the transaction that signs the study's report."""
    former = _reader(connection, study_instance_uid)
    if former is not None and former["reader_id"]:
        _note(connection, study_instance_uid, _NOBODY, now)


def _reader(connection: Connection, study_instance_uid: str, *, lock: bool = False) -> Any:
    query = select(t.study.c.reader_id, t.study.c.reader_name, t.study.c.reader_since).where(
        t.study.c.study_instance_uid == study_instance_uid
    )
    return connection.execute(query.with_for_update() if lock else query).mappings().first()


def _locked_reader(connection: Connection, study_instance_uid: str) -> Any:
    found = _reader(connection, study_instance_uid, lock=True)
    if found is None:
        raise NotFound("The study is not stored here.", remedy="GET /api/studies lists them.")
    return found


def _note(
    connection: Connection, study_instance_uid: str, values: dict[str, Any], now: datetime
) -> None:
    connection.execute(
        update(t.study).where(t.study.c.study_instance_uid == study_instance_uid).values(**values)
    )
    payload: StudyEvent = {"change": "reader"}
    add_event(connection, now, "study", study_instance_uid, payload=payload)


def _read_by(name: str) -> StateConflict:
    return StateConflict(
        f"{name} reads this study.",
        remedy="Take it over (PUT /api/studies/{study_instance_uid}/reader, take_over true),"
        " or leave it to them.",
    )
