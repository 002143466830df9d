"""Studies that a person wants to stay: nothing deletes them until a person releases them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, delete, insert, select, update

from storage import tables as t
from storage.core.errors import InvalidRequest, NotFound, StateConflict
from storage.db.engine import reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.events.payloads import StudyEvent
from storage.events.repository import add_event

REASON_MAX_CHARACTERS = 500


@dataclass(frozen=True)
class LegalHold:
    study_instance_uid: str
    reason: str
    placed_by: str
    placed_by_id: str
    """The identity behind the name; empty for an operator of the command line."""
    placed_at: datetime


NEWEST_HOLDS = Keyset[LegalHold](
    "legal holds",
    (
        SortColumn.of(t.legal_hold.c.placed_at, falls=True),
        SortColumn.of(t.legal_hold.c.study_instance_uid),
    ),
)


class LegalHolds:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def place(self, hold: LegalHold) -> bool:
        """Put a study on hold, or give its hold another reason; whether it was free before.

        Raises NotFound, InvalidRequest without a reason.
        """
        if not hold.reason.strip():
            raise InvalidRequest("A legal hold needs a reason.", remedy="Enter a reason.")
        study = t.study.c.study_instance_uid == hold.study_instance_uid
        values = {name: getattr(hold, name) for name in hold.__dataclass_fields__}
        with writing(self._engine) as connection:
            # A deletion that has begun is waited for, and has taken the study then.
            if connection.execute(select(t.study.c.id).where(study).with_for_update()).first():
                known = connection.execute(
                    update(t.legal_hold)
                    .where(t.legal_hold.c.study_instance_uid == hold.study_instance_uid)
                    .values(**values)
                )
                if known.rowcount:
                    return False
                connection.execute(insert(t.legal_hold).values(**values))
                _announce(connection, hold.study_instance_uid, "legal_hold_placed", hold.placed_at)
                return True
            raise NotFound(
                f"The node holds no study {hold.study_instance_uid}.", remedy="Check the UID."
            )

    def release(self, study_instance_uid: str, now: datetime) -> None:
        """Raises NotFound where there is no hold."""
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(t.legal_hold).where(t.legal_hold.c.study_instance_uid == study_instance_uid)
            )
            if gone.rowcount:
                _announce(connection, study_instance_uid, "legal_hold_released", now)
                return
            raise NotFound(
                f"The study {study_instance_uid} is not on legal hold.",
                remedy="`mediview retention list` and GET /api/legal-holds show those that are.",
            )

    def page(
        self, limit: int, offset: int, *, beyond: ColumnElement[bool] | None = None
    ) -> tuple[list[LegalHold], int]:
        """The newest first, and how many there are in all.

        `beyond` begins the page where another one ended (`NEWEST_HOLDS`).
        """
        statement = select(t.legal_hold).order_by(*NEWEST_HOLDS.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [_to_hold(row) for row in rows], total

    def among(self, study_instance_uids: Collection[str]) -> dict[str, LegalHold]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.legal_hold).where(
                    t.legal_hold.c.study_instance_uid.in_(study_instance_uids)
                )
            )
            return {row["study_instance_uid"]: _to_hold(row) for row in rows.mappings()}


def check_no_hold(connection: Connection, study_instance_uid: str) -> None:
    """Raise StateConflict for a study on hold."""
    placed_at = connection.execute(
        select(t.legal_hold.c.placed_at).where(
            t.legal_hold.c.study_instance_uid == study_instance_uid
        )
    ).scalar()
    if placed_at is not None:
        raise StateConflict(
            f"The study {study_instance_uid} is on legal hold since {placed_at:%Y-%m-%d}.",
            remedy="An administrator has to release the hold first:"
            f" DELETE /api/legal-holds/{study_instance_uid}, or"
            f" `mediview retention release {study_instance_uid}`.",
        )


def is_held_since(connection: Connection, study_instance_uid: str, moment: datetime) -> bool:
    """Whether a study is on a hold that was placed after that moment."""
    held = select(t.legal_hold.c.placed_at).where(
        t.legal_hold.c.study_instance_uid == study_instance_uid,
        t.legal_hold.c.placed_at > moment,
    )
    return connection.execute(held).first() is not None


def _announce(connection: Connection, study_instance_uid: str, change: str, now: datetime) -> None:
    add_event(connection, now, "study", study_instance_uid, payload=StudyEvent(change=change))


def _to_hold(row: RowMapping) -> LegalHold:
    return LegalHold(**{name: row[name] for name in LegalHold.__dataclass_fields__})
