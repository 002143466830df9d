"""Critical findings: an alert each, repeated until a person acknowledges it."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, func, select, update

from storage import tables as t
from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StateConflict
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.events.payloads import AlertEvent
from storage.events.repository import add_event

AlertState = Literal["OPEN", "ACKNOWLEDGED"]


@dataclass(frozen=True)
class Alert:
    alert_id: str
    study_instance_uid: str
    finding_id: str
    rule: str
    text: str
    state: AlertState
    repeats: int
    """How often it was repeated since it was raised."""
    next_repeat_at: datetime
    acknowledged_by: str
    acknowledged_by_id: str
    acknowledged_at: datetime | None
    note: str
    created_at: datetime


NEWEST_ALERTS = Keyset[Alert](
    "alerts",
    (
        SortColumn.of(t.alert.c.created_at, falls=True),
        SortColumn.of(t.alert.c.alert_id),
    ),
)


class CriticalAlerts:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rise(
        self,
        study_instance_uid: str,
        finding_id: str,
        rule: str,
        text: str,
        repeat_s: float,
    ) -> bool:
        """Raise an alert, once for a rule and finding; False where it was raised before."""
        now, alert_id = utcnow(), str(uuid.uuid4())
        values = {
            "alert_id": alert_id,
            "study_instance_uid": study_instance_uid,
            "finding_id": finding_id,
            "rule": rule,
            "text": text,
            "state": "OPEN",
            "next_repeat_at": now + timedelta(seconds=repeat_s),
            "created_at": now,
        }
        with writing(self._engine) as connection:
            if not insert_or_ignore(connection, t.alert, values):
                return False
            _announce(connection, _get(connection, alert_id), "raised", now)
            return True

    def repeat_due(self, now: datetime, repeat_s: float, at_most: int) -> int:
        """Tell those again that nobody has acknowledged in time; how many."""
        due = (
            t.alert.c.state == "OPEN",
            t.alert.c.next_repeat_at <= now,
            t.alert.c.repeats < at_most,
        )
        with writing(self._engine) as connection:
            rows = connection.execute(
                update(t.alert)
                .where(*due)
                .values(
                    repeats=t.alert.c.repeats + 1,
                    next_repeat_at=now + timedelta(seconds=repeat_s),
                )
                .returning(*t.alert.c)
            )
            repeated = [_alert(row) for row in rows.mappings()]
            for alert in repeated:
                _announce(connection, alert, "repeated", now)
            return len(repeated)

    def acknowledge(self, alert_id: str, by: Identity, note: str = "") -> Alert:
        """A person knows of it. Raises NotFound, StateConflict where somebody did before."""
        now = utcnow()
        with writing(self._engine) as connection:
            row = (
                connection.execute(
                    update(t.alert)
                    .where(t.alert.c.alert_id == alert_id, t.alert.c.state == "OPEN")
                    .values(
                        state="ACKNOWLEDGED",
                        acknowledged_by=by.name,
                        acknowledged_by_id=by.id,
                        acknowledged_at=now,
                        note=note,
                    )
                    .returning(*t.alert.c)
                )
                .mappings()
                .first()
            )
            if row is None:
                alert = _get(connection, alert_id)
                raise StateConflict(
                    f"{alert.acknowledged_by} has acknowledged the alert already.",
                    remedy="Nothing more is to be done.",
                )
            alert = _alert(row)
            _announce(connection, alert, "acknowledged", now)
            return alert

    def acknowledge_of(self, finding_id: str, by: Identity, note: str = "") -> int:
        """Those that wait for somebody to look at a finding, by who has; how many."""
        waiting = select(t.alert.c.alert_id).where(
            t.alert.c.finding_id == finding_id, t.alert.c.state == "OPEN"
        )
        with reading(self._engine) as connection:
            alert_ids = list(connection.execute(waiting).scalars())
        count = 0
        for alert_id in alert_ids:
            # Somebody else may have been quicker.
            with suppress(NotFound, StateConflict):
                self.acknowledge(alert_id, by, note)
                count += 1
        return count

    def get(self, alert_id: str) -> Alert:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            return _get(connection, alert_id)

    def open_counts(self, study_instance_uids: Sequence[str]) -> dict[str, int]:
        """How many wait in each of the studies; those without any are left out."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.alert.c.study_instance_uid, func.count())
                .where(
                    t.alert.c.study_instance_uid.in_(study_instance_uids),
                    t.alert.c.state == "OPEN",
                )
                .group_by(t.alert.c.study_instance_uid)
            )
            return {row[0]: row[1] for row in rows}

    def list(
        self,
        state: AlertState | None = None,
        study_instance_uid: str | None = None,
        limit: int = 100,
        offset: int = 0,
        *,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[Sequence[Alert], int]:
        """The newest first, and how many there are in all.

        `beyond` begins the page where another one ended (`NEWEST_ALERTS`).
        """
        conditions = []
        if state is not None:
            conditions.append(t.alert.c.state == state)
        if study_instance_uid is not None:
            conditions.append(t.alert.c.study_instance_uid == study_instance_uid)
        statement = select(t.alert).where(*conditions).order_by(*NEWEST_ALERTS.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [_alert(row) for row in rows], total


def withdraw_alerts(
    connection: Connection, finding_ids: Sequence[str], reason: str, now: datetime
) -> None:
    """Close what was raised by findings that are withdrawn: nobody need acknowledge it."""
    rows = connection.execute(
        update(t.alert)
        .where(t.alert.c.finding_id.in_(finding_ids), t.alert.c.state == "OPEN")
        .values(
            state="ACKNOWLEDGED",
            acknowledged_by="MediViewAI",
            acknowledged_at=now,
            note=f"The finding was withdrawn. {reason}",
        )
        .returning(*t.alert.c)
    )
    for row in rows.mappings():
        _announce(connection, _alert(row), "acknowledged", now)


def _get(connection: Connection, alert_id: str) -> Alert:
    row = connection.execute(select(t.alert).where(t.alert.c.alert_id == alert_id)).mappings()
    found = row.first()
    if found is None:
        raise NotFound(
            "There is no alert under that identifier.", remedy="GET /api/alerts lists them."
        )
    return _alert(found)


def _alert(row: Any) -> Alert:
    return Alert(**{name: row[name] for name in Alert.__dataclass_fields__})


def _announce(connection: Connection, alert: Alert, change: str, now: datetime) -> None:
    add_event(
        connection,
        now,
        "alert",
        alert.study_instance_uid,
        payload=AlertEvent(
            alert_id=alert.alert_id,
            finding_id=alert.finding_id,
            rule=alert.rule,
            state=alert.state,
            repeats=alert.repeats,
            change=change,
        ),
    )
