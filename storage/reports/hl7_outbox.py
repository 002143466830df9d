"""Messages to HL7 systems: one a report version and destination, until it is acknowledged.

A system that acknowledged a version whose results are withdrawn later gets another message
about that.
The text is made when it is sent: no copy of a patient's data lies in the queue.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    and_,
    delete,
    exists,
    or_,
    select,
    update,
)

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StateConflict
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.outbox.tables import HL7_MESSAGES
from storage.reports.entities import Report

log = structlog.get_logger(__name__)

Hl7State = Literal["PENDING", "SENDING", "ACCEPTED", "DEAD"]


@dataclass(frozen=True)
class Hl7Message:
    """ACCEPTED: the system answered AA or CA. DEAD: it refused for good, or was tried too often."""

    message_id: str
    destination: str
    report_id: str
    report_version: int
    study_instance_uid: str
    control_id: str
    """MSH-10: the same at each attempt, so that the receiver can tell a repetition."""
    state: Hl7State
    attempts: int
    next_attempt_at: datetime
    last_error: str
    created_at: datetime
    updated_at: datetime
    superseded_at: datetime | None = None
    """Of a message that withdraws: when results under the version were withdrawn."""


NEWEST_MESSAGES = Keyset[Hl7Message](
    "hl7 messages",
    (
        SortColumn.of(t.hl7_message.c.created_at, falls=True),
        SortColumn.of(t.hl7_message.c.message_id),
    ),
)


class Hl7Messages:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def enqueue(self, destination: str, report: Report, version: int) -> bool:
        """Want a version at a system; False where it was wanted before."""
        about = {
            "destination": destination,
            "report_id": report.report_id,
            "report_version": version,
            "study_instance_uid": report.study_instance_uid,
        }
        with writing(self._engine) as connection:
            return _add(connection, about)

    def enqueue_withdrawals(self, destinations: Sequence[str], limit: int) -> int:
        """Notify the systems that have a report, and were not notified, that results under it
        were withdrawn; how many messages were added.

        The notice is about the newest version that the system has accepted: a newer one may wait
        or have failed. A system that gets a version later is notified of it then.
        """
        version, notice = t.hl7_message, t.hl7_message.alias("notice")
        newer = t.hl7_message.alias("newer")
        query = (
            select(
                version.c.destination,
                version.c.report_id,
                version.c.report_version,
                version.c.study_instance_uid,
                t.report.c.superseded_at,
            )
            .join_from(
                t.report,
                version,
                and_(
                    version.c.study_instance_uid == t.report.c.study_instance_uid,
                    version.c.report_id == t.report.c.report_id,
                ),
            )
            .where(
                t.report.c.superseded_at.is_not(None),
                version.c.superseded_at.is_(None),
                version.c.state == "ACCEPTED",
                version.c.destination.in_(destinations),
                ~exists().where(
                    _of_same_report(newer, version),
                    newer.c.state == "ACCEPTED",
                    newer.c.report_version > version.c.report_version,
                ),
                ~exists().where(
                    _of_same_report(notice, version),
                    notice.c.report_version == version.c.report_version,
                    # Another time, whichever it is: the clock may have been set back between.
                    notice.c.superseded_at == t.report.c.superseded_at,
                ),
            )
            .limit(limit)
        )
        if not destinations:
            return 0
        with reading(self._engine) as connection:
            wanted = [dict(row) for row in connection.execute(query).mappings()]
        if not wanted:
            return 0
        with writing(self._engine) as connection:
            return sum(_add(connection, about) for about in wanted)

    def claim_due(self, owner: str, lease_s: float, now: datetime) -> Hl7Message | None:
        """Take the oldest due message; those of one report in the order of its versions.

        One that waited until the system had a newer one of the report is not sent any more: the
        older text would take the place of the newer.
        """
        other = t.hl7_message.alias("other")
        is_sent = exists().where(
            _of_same_report(other, t.hl7_message),
            other.c.state == HL7_MESSAGES.working,
            other.c.next_attempt_at > now,
        )
        # No time says it: the clock may have been set back between two versions.
        has_older_due = exists().where(
            _of_same_report(other, t.hl7_message),
            other.c.state.in_(HL7_MESSAGES.states),
            other.c.next_attempt_at <= now,
            or_(
                other.c.report_version < t.hl7_message.c.report_version,
                and_(
                    other.c.report_version == t.hl7_message.c.report_version,
                    other.c.superseded_at.is_(None),
                    t.hl7_message.c.superseded_at.is_not(None),
                ),
            ),
        )
        while True:
            with writing(self._engine) as connection:
                row = HL7_MESSAGES.take_first(
                    connection,
                    owner,
                    lease_s,
                    now,
                    ~is_sent,
                    ~has_older_due,
                    order=(t.hl7_message.c.created_at,),
                )
                if row is None:
                    return None
                message = _message(row)
                if not _is_overtaken(connection, message):
                    return message
                connection.execute(
                    delete(t.hl7_message).where(t.hl7_message.c.message_id == message.message_id)
                )
            log.info(
                "hl7_message_overtaken",
                message_id=message.message_id,
                destination=message.destination,
                report_id=message.report_id,
                version=message.report_version,
            )

    def was_withdrawn(self, message: Hl7Message) -> bool:
        """Whether the system may have been notified that results under an older version were."""
        earlier = t.hl7_message.c
        query = select(earlier.message_id).where(
            _about(message),
            earlier.superseded_at.is_not(None),
            earlier.attempts > 0,
            earlier.report_version < message.report_version,
        )
        with reading(self._engine) as connection:
            return connection.execute(query.limit(1)).first() is not None

    def renew(self, message_id: str, owner: str, lease_s: float, now: datetime) -> bool:
        """Lengthen the lease of `owner`; False when it is lost."""
        row = t.hl7_message.c.message_id == message_id
        with writing(self._engine) as connection:
            return HL7_MESSAGES.renew(connection, owner, lease_s, now, row)

    def is_due(self, now: datetime) -> bool:
        with reading(self._engine) as connection:
            return (
                connection.execute(
                    select(t.hl7_message.c.message_id).where(HL7_MESSAGES.is_due(now)).limit(1)
                ).first()
                is not None
            )

    def accepted(self, message_id: str) -> None:
        self._set(message_id, {"state": "ACCEPTED", "last_error": ""})

    def retry_later(self, message_id: str, error: str, at: datetime) -> None:
        self._set(message_id, {"state": "PENDING", "last_error": error, "next_attempt_at": at})

    def dead(self, message_id: str, error: str) -> None:
        """Not tried again until somebody says so."""
        self._set(message_id, {"state": "DEAD", "last_error": error})

    def retry(self, message_id: str) -> Hl7Message:
        """Send it now, whatever became of it. Raises NotFound; StateConflict for one accepted, or
        older than one that was."""
        message = self.get(message_id)
        if message.state == "ACCEPTED":
            raise StateConflict(
                "The message was accepted.",
                remedy="A newer version of the report is sent by itself.",
            )
        with reading(self._engine) as connection:
            if _is_overtaken(connection, message):
                raise StateConflict(
                    "The system has accepted a newer message of this report.",
                    remedy="The older one would take its place there; it is not sent any more.",
                )
        self._set(message_id, {"state": "PENDING", "attempts": 0, "next_attempt_at": utcnow()})
        return self.get(message_id)

    def get(self, message_id: str) -> Hl7Message:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(
                    select(t.hl7_message).where(t.hl7_message.c.message_id == message_id)
                )
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(
                "There is no message under that identifier.",
                remedy="GET /api/hl7/messages lists them.",
            )
        return _message(row)

    def list(
        self,
        state: Hl7State | None = None,
        limit: int = 100,
        offset: int = 0,
        *,
        updated_since: datetime | None = None,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[Sequence[Hl7Message], int]:
        """The newest first, and how many there are in all.

        `beyond` begins the page where another one ended (`NEWEST_MESSAGES`).
        """
        conditions = [] if state is None else [t.hl7_message.c.state == state]
        if updated_since is not None:
            conditions.append(t.hl7_message.c.updated_at >= updated_since)
        statement = select(t.hl7_message).where(*conditions).order_by(*NEWEST_MESSAGES.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [_message(row) for row in rows], total

    def _set(self, message_id: str, values: dict[str, Any]) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.hl7_message)
                .where(t.hl7_message.c.message_id == message_id)
                .values(**values, lease_owner="", updated_at=utcnow())
            )


def _add(connection: Connection, about: dict[str, Any]) -> bool:
    now, message_id = utcnow(), str(uuid.uuid4())
    values = {
        "message_id": message_id,
        "control_id": message_id.replace("-", "")[:20].upper(),
        "state": "PENDING",
        "next_attempt_at": now,
        "created_at": now,
        "updated_at": now,
    }
    return insert_or_ignore(connection, t.hl7_message, about | values)


def _is_overtaken(connection: Connection, message: Hl7Message) -> bool:
    """By version, a notice after its version, and of two notices the one about the last
    withdrawal. No time says it: the clock may have been set back between."""
    newer = t.hl7_message.c
    of_version: ColumnElement[bool] = newer.superseded_at.is_not(None)
    if message.superseded_at is not None:
        last = select(t.report.c.superseded_at).where(t.report.c.report_id == message.report_id)
        of_version = and_(
            newer.superseded_at != message.superseded_at,
            newer.superseded_at == last.scalar_subquery(),
        )
    query = select(newer.message_id).where(
        _about(message),
        newer.state == "ACCEPTED",
        or_(
            newer.report_version > message.report_version,
            and_(newer.report_version == message.report_version, of_version),
        ),
    )
    return connection.execute(query.limit(1)).first() is not None


def _about(message: Hl7Message) -> ColumnElement[bool]:
    return and_(
        t.hl7_message.c.study_instance_uid == message.study_instance_uid,
        t.hl7_message.c.report_id == message.report_id,
        t.hl7_message.c.destination == message.destination,
    )


def _of_same_report(other: FromClause, this: FromClause) -> ColumnElement[bool]:
    """Messages about one report to one system."""
    return and_(
        other.c.study_instance_uid == this.c.study_instance_uid,
        other.c.report_id == this.c.report_id,
        other.c.destination == this.c.destination,
    )


def _message(row: Any) -> Hl7Message:
    return Hl7Message(**{name: row[name] for name in Hl7Message.__dataclass_fields__})
