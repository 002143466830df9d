"""What peers are still to learn of procedure steps and of the instances that are to be had.

A row stands for a peer and a step or study, not for a message: the peer is notified of how that
is by then. Rows are written in the transaction of what they are about.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, get_args

from sqlalchemy import (
    JSON,
    Connection,
    Engine,
    RowMapping,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import insert_or_ignore, reading, writing
from storage.outbox.tables import PEER_NOTIFICATIONS

NotificationKind = Literal["mpps", "ian"]
"""Modality Performed Procedure Step (PS3.4 F.7), Instance Availability Notification (PS3.4 R)."""
NOTIFICATION_KINDS: tuple[NotificationKind, ...] = get_args(NotificationKind)
_CLOSED = ("SENT", "FAILED")


Instances = Mapping[str, Mapping[str, str]]
"""Series Instance UID → SOP Instance UID → SOP Class UID."""


@dataclass(frozen=True)
class PeerNotification:
    """`known_digest`: of what the peer took last, empty before that. `gone`: of a study, what it
    may still take for available."""

    id: int
    peer_name: str
    kind: NotificationKind
    subject_uid: str
    changes: int
    known_digest: str
    gone: Instances
    attempts: int
    created_at: datetime


@dataclass(frozen=True)
class WaitingNotifications:
    """Of one peer. `last_error`: why it did not take the one that was tried last."""

    count: int
    given_up: int
    last_error: str


class Referenced(Protocol):
    """An instance as references name it."""

    @property
    def series_instance_uid(self) -> str: ...
    @property
    def sop_instance_uid(self) -> str: ...
    @property
    def sop_class_uid(self) -> str: ...


def by_series(instances: Iterable[Referenced]) -> Instances:
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for one in instances:
        found[one.series_instance_uid][one.sop_instance_uid] = one.sop_class_uid
    return dict(found)


def want_notified(
    connection: Connection,
    kind: NotificationKind,
    subject_uid: str,
    now: datetime,
    *,
    but_not: Collection[str] = (),
    gone: Instances | None = None,
) -> None:
    """Notify the peers that want to know of such things, but not those with AE titles `but_not`.

    `gone`: instances of the study that are deleted or hidden by now.
    """
    peers = connection.execute(select(t.peer.c.name, t.peer.c.ae_title, t.peer.c.notifications))
    for name, ae_title, kinds in peers.all():
        if kind in kinds and ae_title not in but_not:
            _want(connection, name, kind, subject_uid, now, gone or {})


def _want(
    connection: Connection,
    peer_name: str,
    kind: NotificationKind,
    subject_uid: str,
    now: datetime,
    gone: Instances,
) -> None:
    row = {
        "peer_name": peer_name,
        "kind": kind,
        "subject_uid": subject_uid,
        "changes": 1,
        "known_digest": "",
        "gone": gone,
        "state": "PENDING",
        "attempts": 0,
        "next_attempt_at": now,
        "created_at": now,
        "updated_at": now,
    }
    if insert_or_ignore(connection, t.peer_notification, row):
        return
    notification = t.peer_notification.c
    of_row = and_(
        notification.peer_name == peer_name,
        notification.kind == kind,
        notification.subject_uid == subject_uid,
    )
    values: dict[str, Any] = {}
    if gone:
        before = connection.execute(
            select(notification.gone).where(of_row).with_for_update()
        ).scalar_one()
        values["gone"] = {
            series: {**before.get(series, {}), **gone.get(series, {})}
            for series in {**before, **gone}
        }
    is_sent_now = notification.state == "SENDING"
    is_closed = notification.state.in_(_CLOSED)
    connection.execute(
        update(t.peer_notification)
        .where(of_row)
        .values(
            changes=notification.changes + 1,
            # The process that notifies the peer just now sees that there is more.
            state=case((is_sent_now, notification.state), else_="PENDING"),
            next_attempt_at=case((is_sent_now, notification.next_attempt_at), else_=now),
            attempts=case((is_sent_now, notification.attempts), else_=0),
            # From when on it is tried, and given up in the end.
            created_at=case((is_closed, now), else_=notification.created_at),
            updated_at=now,
            **values,
        )
    )


class PeerNotifications:
    """`retention`: how long rows are kept of what peers have taken, or have not in the end."""

    def __init__(self, engine: Engine, retention: timedelta) -> None:
        self._engine = engine
        self._retention = retention

    def due_peers(self, now: datetime) -> list[str]:
        """The names of peers to be notified of something, those that wait longest first."""
        name = t.peer_notification.c.peer_name
        with reading(self._engine) as connection:
            found = connection.execute(
                select(name)
                .where(PEER_NOTIFICATIONS.is_due(now))
                .group_by(name)
                .order_by(func.min(t.peer_notification.c.next_attempt_at), name)
            )
            return list(found.scalars())

    def claim_due(
        self, owner: str, lease_s: float, now: datetime, peer_name: str
    ) -> PeerNotification | None:
        """Take the peer's one that is due longest, so that no other process sends it."""
        is_of_peer = t.peer_notification.c.peer_name == peer_name
        with reading(self._engine) as connection:
            due = select(t.peer_notification.c.id).where(PEER_NOTIFICATIONS.is_due(now), is_of_peer)
            if connection.execute(due.limit(1)).first() is None:
                return None
        with writing(self._engine) as connection:
            row = PEER_NOTIFICATIONS.take_first(
                connection,
                owner,
                lease_s,
                now,
                is_of_peer,
                order=(t.peer_notification.c.next_attempt_at, t.peer_notification.c.id),
            )
        return None if row is None else _to_notification(row)

    def renew(self, one: PeerNotification, owner: str, lease_s: float, now: datetime) -> bool:
        """Lengthen the lease of `owner`; False when it is lost."""
        with writing(self._engine) as connection:
            return PEER_NOTIFICATIONS.renew(
                connection, owner, lease_s, now, t.peer_notification.c.id == one.id
            )

    def notified(self, one: PeerNotification, known_digest: str, owner: str) -> None:
        """The peer knows it; there is more to learn where something changed meanwhile."""
        is_all = t.peer_notification.c.changes == one.changes
        self._set(
            one,
            owner,
            known_digest=known_digest,
            gone=case((is_all, literal({}, JSON)), else_=t.peer_notification.c.gone),
            state=case((is_all, "SENT"), else_="PENDING"),
            attempts=0,
            last_error="",
            next_attempt_at=utcnow(),
        )

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
        is_open, is_given_up = PEER_NOTIFICATIONS.is_open(), notification.state == "FAILED"
        with reading(self._engine) as connection:
            counts = connection.execute(
                select(
                    notification.peer_name,
                    func.sum(case((is_open, 1), else_=0)),
                    func.sum(case((is_given_up, 1), else_=0)),
                )
                .where(or_(is_open, is_given_up))
                .group_by(notification.peer_name)
            )
            return {
                name: WaitingNotifications(waiting, given_up, _last_error(connection, name))
                for name, waiting, given_up in counts.all()
            }

    def forget_old(self, now: datetime) -> None:
        """Rows of what was taken or given up; of a step that goes on later the peer says so."""
        closed = t.peer_notification.c.state.in_(_CLOSED)
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.peer_notification).where(
                    closed, t.peer_notification.c.next_attempt_at < now - self._retention
                )
            )

    def _set(self, one: PeerNotification, owner: str, **values: object) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.peer_notification)
                .where(t.peer_notification.c.id == one.id, PEER_NOTIFICATIONS.is_owned(owner))
                .values(lease_owner="", updated_at=utcnow(), **values)
            )


def _last_error(connection: Connection, peer_name: str) -> str:
    notification = t.peer_notification.c
    last = connection.execute(
        select(notification.last_error)
        .where(notification.peer_name == peer_name, notification.last_error != "")
        .order_by(notification.updated_at.desc())
        .limit(1)
    ).scalar()
    return last or ""


def _to_notification(row: RowMapping) -> PeerNotification:
    return PeerNotification(**{name: row[name] for name in PeerNotification.__dataclass_fields__})
