"""What peers are still to learn of procedure steps and of the instances that are to be had.

A row stands for a peer and a step or study, not for a message: the peer is notified of how that
is by then. Rows are written in the transaction of what they are about.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Engine, RowMapping, case, delete, func, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import insert_or_ignore, reading, writing
from storage.outbox.tables import PEER_NOTIFICATIONS

NotificationKind = Literal["mpps", "ian"]
"""Modality Performed Procedure Step (PS3.4 F.7), Instance Availability Notification (PS3.4 R)."""
NOTIFICATION_KINDS: tuple[NotificationKind, ...] = get_args(NotificationKind)


@dataclass(frozen=True)
class PeerNotification:
    """`known`: what the peer knows already, as `dicom_node.normalized.peer_notifier` keeps it."""

    id: int
    peer_name: str
    kind: NotificationKind
    subject_uid: str
    changes: int
    known: dict[str, Any]
    state: str
    attempts: int
    last_error: str
    created_at: datetime


@dataclass(frozen=True)
class WaitingNotifications:
    """Of one peer. `last_error`: why the one that was tried last was not taken."""

    count: int
    last_error: str


def want_notified(
    connection: Connection,
    kind: NotificationKind,
    subject_uid: str,
    now: datetime,
    but_not: Collection[str] = (),
) -> None:
    """Notify the peers that want to know of such things, but not those with AE titles `but_not`."""
    peers = connection.execute(select(t.peer.c.name, t.peer.c.ae_title, t.peer.c.notifications))
    for name, ae_title, kinds in peers.all():
        if kind in kinds and ae_title not in but_not:
            _want(connection, name, kind, subject_uid, now)


def _want(
    connection: Connection,
    peer_name: str,
    kind: NotificationKind,
    subject_uid: str,
    now: datetime,
) -> None:
    row = {
        "peer_name": peer_name,
        "kind": kind,
        "subject_uid": subject_uid,
        "changes": 1,
        "known": {},
        "state": "PENDING",
        "attempts": 0,
        "next_attempt_at": now,
        "created_at": now,
        "updated_at": now,
    }
    if insert_or_ignore(connection, t.peer_notification, row):
        return
    notification = t.peer_notification.c
    is_sent_now = notification.state == "SENDING"
    connection.execute(
        update(t.peer_notification)
        .where(
            notification.peer_name == peer_name,
            notification.kind == kind,
            notification.subject_uid == subject_uid,
        )
        .values(
            changes=notification.changes + 1,
            # The process that notifies the peer just now sees that there is more.
            state=case((is_sent_now, notification.state), else_="PENDING"),
            next_attempt_at=case((is_sent_now, notification.next_attempt_at), else_=now),
            attempts=case((is_sent_now, notification.attempts), else_=0),
            updated_at=now,
        )
    )


class PeerNotifications:
    """`retention`: how long it is remembered what a peer knows."""

    def __init__(self, engine: Engine, retention: timedelta) -> None:
        self._engine = engine
        self._retention = retention

    def claim_due(self, owner: str, lease_s: float, now: datetime) -> PeerNotification | None:
        """Take the one that is due longest, so that no other process sends it."""
        with reading(self._engine) as connection:
            due = select(t.peer_notification.c.id).where(PEER_NOTIFICATIONS.is_due(now)).limit(1)
            if connection.execute(due).first() is None:
                return None
        with writing(self._engine) as connection:
            row = PEER_NOTIFICATIONS.take_first(
                connection,
                owner,
                lease_s,
                now,
                order=(t.peer_notification.c.next_attempt_at, t.peer_notification.c.id),
            )
        return None if row is None else _to_notification(row)

    def renew(self, one: PeerNotification, owner: str, lease_s: float, now: datetime) -> bool:
        """Lengthen the lease of `owner`; False when it is lost."""
        with writing(self._engine) as connection:
            return PEER_NOTIFICATIONS.renew(
                connection, owner, lease_s, now, t.peer_notification.c.id == one.id
            )

    def notified(self, one: PeerNotification, known: dict[str, Any], owner: str) -> None:
        """The peer knows `known`; there is more to learn where something changed meanwhile."""
        now = utcnow()
        is_all = t.peer_notification.c.changes == one.changes
        self._set(
            one,
            owner,
            known=known,
            state=case((is_all, "SENT"), else_="PENDING"),
            attempts=case((is_all, one.attempts), else_=0),
            last_error="",
            next_attempt_at=now,
        )
        self._forget_old(now)

    def retry_later(
        self,
        one: PeerNotification,
        error: str,
        next_attempt_at: datetime | None,
        owner: str,
    ) -> None:
        """`next_attempt_at`: None where it is given up."""
        self._set(
            one,
            owner,
            state="FAILED" if next_attempt_at is None else "PENDING",
            last_error=error,
            next_attempt_at=next_attempt_at or utcnow(),
        )

    def waiting(self) -> dict[str, WaitingNotifications]:
        """By peer: how many it has not taken."""
        notification = t.peer_notification.c
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(notification.peer_name, func.count(), func.max(notification.last_error))
                .where(PEER_NOTIFICATIONS.is_open())
                .group_by(notification.peer_name)
            )
            return {name: WaitingNotifications(count, error) for name, count, error in rows}

    def _set(self, one: PeerNotification, owner: str, **values: object) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.peer_notification)
                .where(t.peer_notification.c.id == one.id, PEER_NOTIFICATIONS.is_owned(owner))
                .values(lease_owner="", updated_at=utcnow(), **values)
            )

    def _forget_old(self, now: datetime) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.peer_notification).where(
                    ~PEER_NOTIFICATIONS.is_open(),
                    t.peer_notification.c.updated_at < now - self._retention,
                )
            )


def _to_notification(row: RowMapping) -> PeerNotification:
    return PeerNotification(**{name: row[name] for name in PeerNotification.__dataclass_fields__})
