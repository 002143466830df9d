"""Access in an emergency: to some studies, for a while, with a reason, seen by administrators.

It is a group of its own for one person, which goes when the time is over; the record stays.
"""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    and_,
    delete,
    insert,
    select,
    update,
)

from storage import tables as t
from storage.access_groups.decisions import add_to_group, announce_change
from storage.audit import NODE, Actor, Audit, AuditEvent, Code, Type
from storage.core.callers.visibility import Caller, as_node
from storage.core.errors import InvalidRequest, NotFound
from storage.db.engine import reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.events.payloads import AccessEvent
from storage.events.repository import add_event

_MOST_STUDIES = 500
_ACCESS = t.emergency_access.c


@dataclass(frozen=True)
class Emergency:
    """`name` is for people to read; `ended_at` where it was ended before its time."""

    emergency_id: str
    identity_id: str
    name: str
    reason: str
    study_instance_uids: tuple[str, ...]
    started_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    reviewed_at: datetime | None
    reviewed_by: str


NEWEST_EMERGENCIES = Keyset[Emergency](
    "emergency access",
    (
        SortColumn.of(_ACCESS.started_at, falls=True),
        SortColumn.of(_ACCESS.emergency_id),
    ),
)


@dataclass(frozen=True)
class WantedStudies:
    """A Study Instance UID, or an accession number or a patient ID or both, exactly; without any
    there is nothing to look for."""

    study_instance_uid: str = ""
    accession_number: str = ""
    patient_id: str = ""

    def condition(self) -> ColumnElement[bool]:
        """Raises InvalidRequest."""
        numbers = [
            (t.study.c.accession_number, self.accession_number),
            (t.patient.c.patient_id, self.patient_id),
        ]
        named = [column == value for column, value in numbers if value]
        if bool(named) == bool(self.study_instance_uid):
            raise InvalidRequest(
                "Emergency access names the studies in one way.",
                remedy="Give a Study Instance UID, or an accession number, a patient ID or both.",
            )
        return and_(*named) if named else t.study.c.study_instance_uid == self.study_instance_uid

    def check_patients(self, count: int) -> None:
        """Issuers give their numbers apart: one accession number may be of several people, and
        one of them is in need. Raises InvalidRequest."""
        if count > 1 and not self.patient_id:
            raise InvalidRequest(
                f"{count} patients have studies under this accession number.",
                remedy="Give the patient ID as well, or a Study Instance UID.",
            )


@dataclass(frozen=True)
class _OpenAccess:
    group_id: int
    emergency: Emergency


class EmergencyAccess:
    """Begins and ends in one transaction with its audit record: there is no access without one."""

    def __init__(self, engine: Engine, audit: Audit) -> None:
        self._engine = engine
        self._audit = audit

    def begin(
        self,
        caller: Caller,
        actor: Actor,
        reason: str,
        wanted: WantedStudies,
        duration: timedelta,
        now: datetime,
    ) -> Emergency:
        """Raises NotFound where no study matches, InvalidRequest, StorageUnavailable."""
        query = (
            select(t.study.c.study_instance_uid, t.study.c.patient_fk)
            .join(t.patient, t.study.c.patient_fk == t.patient.c.id)
            .where(wanted.condition())
            .order_by(t.study.c.study_date.desc(), t.study.c.id.desc())
            .limit(_MOST_STUDIES)
        )
        emergency_id = str(uuid.uuid4())
        with as_node(), writing(self._engine) as connection:
            found = connection.execute(query).all()
            if not found:
                raise NotFound("No study matches.", remedy="Check the identifier.")
            wanted.check_patients(len({row.patient_fk for row in found}))
            studies = [row.study_instance_uid for row in found]
            group_id = connection.execute(
                insert(t.access_group)
                .values(
                    name=f"emergency {emergency_id}",
                    is_emergency=True,
                    created_at=now,
                    updated_at=now,
                )
                .returning(t.access_group.c.group_id)
            ).scalar_one()
            connection.execute(
                insert(t.access_group_member).values(
                    group_id=group_id,
                    kind=caller.kind,
                    subject=caller.unique_subject,
                    expires_at=now + duration,
                )
            )
            for uid in studies:
                add_to_group(connection, uid, group_id, "emergency")
                announce_change(connection, uid)
            emergency = Emergency(
                emergency_id=emergency_id,
                identity_id=caller.identity_id,
                name=actor.name,
                reason=reason,
                study_instance_uids=tuple(studies),
                started_at=now,
                expires_at=now + duration,
                ended_at=None,
                reviewed_at=None,
                reviewed_by="",
            )
            connection.execute(
                insert(t.emergency_access).values(**asdict(emergency), group_id=group_id)
            )
            _announce(connection, emergency_id, "started", now)
            self._record(connection, emergency, Type.EMERGENCY_OVERRIDE_STARTED, actor)
        return emergency

    def get(self, emergency_id: str) -> Emergency:
        """Raises NotFound."""
        query = select(t.emergency_access).where(_ACCESS.emergency_id == emergency_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise self.missing()
        return _emergency(row)

    def missing(self) -> NotFound:
        """What to raise of one that is not there, or not the caller's."""
        return NotFound(
            "There is no emergency access under that identifier.",
            remedy="GET /api/emergency-access lists them.",
        )

    def list(
        self,
        limit: int,
        offset: int,
        *,
        identity_id: str = "",
        unreviewed: bool = False,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[Sequence[Emergency], int]:
        """The newest first, and how many there are in all.

        `beyond` begins the page where another one ended (`NEWEST_EMERGENCIES`).
        """
        conditions = []
        if identity_id:
            conditions.append(_ACCESS.identity_id == identity_id)
        if unreviewed:
            conditions.append(_ACCESS.reviewed_at.is_(None))
        statement = (
            select(t.emergency_access).where(*conditions).order_by(*NEWEST_EMERGENCIES.order())
        )
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [_emergency(row) for row in rows], total

    def end(self, emergency_id: str, actor: Actor, now: datetime) -> Emergency:
        """Before its time. Raises NotFound, StorageUnavailable."""
        with as_node(), writing(self._engine) as connection:
            lasts = and_(_ACCESS.emergency_id == emergency_id, _ACCESS.expires_at > now)
            for access in _locked(connection, lasts):
                connection.execute(
                    update(t.emergency_access)
                    .where(_ACCESS.emergency_id == emergency_id)
                    .values(ended_at=now)
                )
                self._take_away(connection, access, actor, now)
        return self.get(emergency_id)

    def review(self, emergency_id: str, by: str, now: datetime) -> Emergency:
        """An administrator has looked at it. Raises NotFound."""
        self.get(emergency_id)
        with writing(self._engine) as connection:
            connection.execute(
                update(t.emergency_access)
                .where(_ACCESS.emergency_id == emergency_id, _ACCESS.reviewed_at.is_(None))
                .values(reviewed_at=now, reviewed_by=by)
            )
        return self.get(emergency_id)

    def remove_expired(self, now: datetime) -> int:
        """Take away the access whose time is over; how many. Raises StorageUnavailable."""
        is_over = _ACCESS.expires_at <= now
        with reading(self._engine) as connection:
            if connection.execute(_not_taken_away(is_over).limit(1)).first() is None:
                return 0
        with writing(self._engine) as connection:
            over = _locked(connection, is_over)
            for access in over:
                self._take_away(connection, access, NODE, now)
        return len(over)

    def _take_away(
        self, connection: Connection, access: _OpenAccess, actor: Actor, now: datetime
    ) -> None:
        """Whichever way it ends: pages, webhooks and the audit trail learn of it."""
        connection.execute(
            delete(t.access_group).where(t.access_group.c.group_id == access.group_id)
        )
        for uid in access.emergency.study_instance_uids:
            announce_change(connection, uid)
        _announce(connection, access.emergency.emergency_id, "ended", now)
        self._record(connection, access.emergency, Type.EMERGENCY_OVERRIDE_STOPPED, actor)

    def _record(
        self, connection: Connection, emergency: Emergency, type: Type, actor: Actor
    ) -> None:
        studies = emergency.study_instance_uids
        self._audit.record_within(
            connection,
            AuditEvent(
                Code.SECURITY_ALERT,
                "E",
                actor,
                type=type,
                study_instance_uids=studies,
                detail={
                    "emergency_id": emergency.emergency_id,
                    "taken_by": emergency.name,
                    "reason": emergency.reason,
                    "studies": len(studies),
                },
            ),
        )


def _not_taken_away(condition: ColumnElement[bool]) -> Select[Any]:
    query = select(t.emergency_access).where(condition, _ACCESS.group_id.is_not(None))
    return query.order_by(_ACCESS.emergency_id)


def _locked(connection: Connection, condition: ColumnElement[bool]) -> list[_OpenAccess]:
    """Access to take away, for this transaction alone."""
    rows = connection.execute(_not_taken_away(condition).with_for_update()).mappings()
    return [_OpenAccess(row["group_id"], _emergency(row)) for row in rows]


def _announce(connection: Connection, emergency_id: str, change: str, now: datetime) -> None:
    add_event(
        connection,
        now,
        "access",
        "",
        payload=AccessEvent(change=f"emergency_{change}", emergency_id=emergency_id),
    )


def _emergency(row: RowMapping) -> Emergency:
    return Emergency(
        emergency_id=row["emergency_id"],
        identity_id=row["identity_id"],
        name=row["name"],
        reason=row["reason"],
        study_instance_uids=tuple(row["study_instance_uids"]),
        started_at=row["started_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
        reviewed_at=row["reviewed_at"],
        reviewed_by=row["reviewed_by"],
    )
