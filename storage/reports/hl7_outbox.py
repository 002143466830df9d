"""Messages to HL7 systems that wait: one a report version and destination.

A system that acknowledged a version whose results are withdrawn later gets another message
about that. The text is made when it is sent: no copy of a patient's data lies in the queue.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StateConflict
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.reports.entities import Report
from storage.reports.hl7_entities import (
    Hl7Message,
    Hl7State,
    is_overtaken,
    of_same_report,
    to_hl7_message,
)

NEWEST_MESSAGES = Keyset[Hl7Message](
    "hl7 messages",
    (
        SortColumn.of(t.hl7_message.c.created_at, falls=True),
        SortColumn.of(t.hl7_message.c.message_id),
    ),
)


class Hl7Outbox:
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
                    of_same_report(newer, version),
                    newer.c.state == "ACCEPTED",
                    newer.c.report_version > version.c.report_version,
                ),
                ~exists().where(
                    of_same_report(notice, version),
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
            if is_overtaken(connection, message):
                raise StateConflict(
                    "The system has accepted a newer message of this report.",
                    remedy="The older one would take its place there; it is not sent any more.",
                )
        now = utcnow()
        values = {"state": "PENDING", "attempts": 0, "next_attempt_at": now}
        with writing(self._engine) as connection:
            connection.execute(
                update(t.hl7_message)
                .where(t.hl7_message.c.message_id == message_id)
                .values(**values, lease_owner="", updated_at=now)
            )
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
        return to_hl7_message(row)

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
            return [to_hl7_message(row) for row in rows], total


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
