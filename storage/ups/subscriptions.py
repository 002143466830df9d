"""Who listens to which workitems, and up to where each got reports (PS3.4 CC.2.3)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, delete, func, or_, select, update

from storage import tables as t
from storage.core.callers.visibility import current_visibility
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound
from storage.db.engine import insert_or_ignore, reading, writing
from storage.ups.events import record, state_report
from storage.ups.limits import check_keys
from storage.ups.search import Listed
from storage.ups.subscriber_owner import check_owner, note_owner, take_over
from storage.ups.subscriber_room import check_subscription, check_title

WORKLIST_UID = "1.2.840.10008.5.1.4.34.5"
FILTERED_UID = "1.2.840.10008.5.1.4.34.5.1"
GLOBAL_UIDS = frozenset({WORKLIST_UID, FILTERED_UID})

SubscriptionState = Literal["ACTIVE", "SUSPENDED", "REMOVED"]

# A subscriber that was away for longer gets this many events at most.
_LOOK_BACK = 10_000


@dataclass(frozen=True)
class Subscription:
    """To one workitem, or under a well-known UID to all of them or to those of a filter.

    SUSPENDED: global, and not of items created since `changed_at`. REMOVED: of one item,
    although a global subscription would include it. `filter` maps keywords to key values.
    """

    ae_title: str
    workitem_uid: str
    state: SubscriptionState
    deletion_lock: bool
    filter: dict[str, str]
    changed_at: datetime


class Subscriptions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def subscribe(
        self,
        ae_title: str,
        workitem_uid: str,
        *,
        deletion_lock: bool = False,
        keys: Mapping[str, str] | None = None,
        initial: list[Listed] | None = None,
        identity_id: str = "",
        by_dimse: bool = False,
        holders: Collection[str] = (),
    ) -> str:
        """Listen; a subscription that is there is replaced. What `take_over` ended is returned.

        `initial`: items whose present state is reported at once. `identity_id`: `Identity.id` of
        who subscribes, whom no caller names while groups are not enforced. `by_dimse`: reports are
        sent to it (`storage.ups.event_reports`), and not only waited for. Raises NotPermitted,
        NoRoom, and InvalidRequest for a filter that is too large.
        """
        check_keys(keys or {})
        now = utcnow()
        values = {
            "state": "ACTIVE",
            "deletion_lock": deletion_lock,
            "filter": dict(keys or {}),
            "changed_at": now,
        }
        with writing(self._engine) as connection:
            newest = connection.execute(select(func.max(t.event.c.event_id))).scalar() or 0
            visibility = current_visibility()
            own_id = visibility.identity_id if visibility is not None else identity_id
            check_title(connection, ae_title, own_id)
            insert_or_ignore(
                connection,
                t.subscriber,
                {"ae_title": ae_title, "event_id": newest, "updated_at": now},
            )
            ended = take_over(connection, ae_title, holders)
            note_owner(connection, ae_title, identity_id, holders)
            if by_dimse:
                connection.execute(
                    update(t.subscriber)
                    .where(
                        t.subscriber.c.ae_title == ae_title,
                        t.subscriber.c.dimse_event_id.is_(None),
                    )
                    .values(dimse_event_id=newest)
                )
            check_subscription(connection, ae_title, workitem_uid)
            _put(connection, ae_title, workitem_uid, values)
            for item in initial or []:
                record(
                    connection,
                    now,
                    item.sop_instance_uid,
                    item.study_instance_uid,
                    state_report(item.attributes),
                    receiver=ae_title,
                )
        return ended

    def take_over(self, ae_title: str, holders: Collection[str]) -> str:
        """As `subscriber_owner.take_over`. Raises NotPermitted."""
        with writing(self._engine) as connection:
            return take_over(connection, ae_title, holders)

    def check_subscriber(self, ae_title: str) -> None:
        """Raises NotPermitted for an AE title that somebody else of other groups subscribed with.

        Who speaks for it takes its subscriptions away, and the reports that it waits for. One
        that an earlier version noted, or that has no subscription left, is nobody's.
        """
        with reading(self._engine) as connection:
            check_owner(connection, ae_title)

    def unsubscribe(self, ae_title: str, workitem_uid: str) -> None:
        """Stop listening; from the worklist as a whole, to everything.

        Raises NotFound, NotPermitted.
        """
        self.check_subscriber(ae_title)
        table = t.subscription
        with writing(self._engine) as connection:
            if workitem_uid in GLOBAL_UIDS:
                gone = _delete(connection, table.c.workitem_uid == workitem_uid, ae_title)
                if gone and workitem_uid == WORKLIST_UID:
                    _delete(connection, table.c.workitem_uid != "", ae_title)
            else:
                mine = table.c.workitem_uid == workitem_uid
                gone = _delete(connection, mine & (table.c.state == "ACTIVE"), ae_title)
                if _is_global(connection, ae_title):
                    # One that stands for "not this one", or the global one would go on.
                    values = {
                        "state": "REMOVED",
                        "deletion_lock": False,
                        "filter": {},
                        "changed_at": utcnow(),
                    }
                    known = connection.execute(
                        select(table.c.state).where(table.c.ae_title == ae_title, mine)
                    ).first()
                    gone = gone or known is None
                    _put(connection, ae_title, workitem_uid, values)
            if not gone:
                raise _no_subscription()

    def suspend(self, ae_title: str, workitem_uid: str) -> None:
        """Do not listen to items that are yet to come.

        Raises NotFound, InvalidRequest, NotPermitted.
        """
        self.check_subscriber(ae_title)
        if workitem_uid not in GLOBAL_UIDS:
            raise InvalidRequest(
                "Only a subscription to the worklist is suspended.",
                remedy=f"Name {WORKLIST_UID} or {FILTERED_UID}, or DELETE this one.",
            )
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(t.subscription)
                .where(
                    t.subscription.c.ae_title == ae_title,
                    t.subscription.c.workitem_uid == workitem_uid,
                    t.subscription.c.state == "ACTIVE",
                )
                .values(state="SUSPENDED", changed_at=utcnow())
                .returning(t.subscription.c.ae_title)
            ).first()
        if changed is None:
            raise _no_subscription()

    def of(self, ae_title: str) -> list[Subscription]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.subscription).where(t.subscription.c.ae_title == ae_title)
            )
            return [Subscription(**row) for row in rows.mappings()]

    def anyone_listens(self, workitem_uid: str) -> bool:
        """Whether somebody would hear of the item; a filter is taken to include it."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(t.subscription.c.ae_title)
                .where(
                    t.subscription.c.state == "ACTIVE",
                    or_(
                        t.subscription.c.workitem_uid == workitem_uid,
                        t.subscription.c.workitem_uid.in_(GLOBAL_UIDS),
                    ),
                )
                .limit(1)
            ).first()
        return found is not None

    def position(self, ae_title: str) -> int | None:
        """The last event that was reported to the subscriber; None for no subscriber."""
        with reading(self._engine) as connection:
            reported = connection.execute(
                select(t.subscriber.c.event_id).where(t.subscriber.c.ae_title == ae_title)
            ).scalar()
            newest = connection.execute(select(func.max(t.event.c.event_id))).scalar() or 0
        return None if reported is None else max(reported, newest - _LOOK_BACK)

    def mark_reported(self, ae_title: str, event_id: int) -> None:
        """Remember up to where a subscriber got reports, for when it comes back."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.subscriber)
                .where(t.subscriber.c.ae_title == ae_title, t.subscriber.c.event_id < event_id)
                .values(event_id=event_id, updated_at=utcnow())
            )


def _put(
    connection: Connection, ae_title: str, workitem_uid: str, values: Mapping[str, Any]
) -> None:
    key = {"ae_title": ae_title, "workitem_uid": workitem_uid}
    if not insert_or_ignore(connection, t.subscription, {**key, **values}):
        connection.execute(
            update(t.subscription)
            .where(*(t.subscription.c[name] == value for name, value in key.items()))
            .values(**values)
        )


def _delete(connection: Connection, condition: Any, ae_title: str) -> bool:
    return bool(
        connection.execute(
            delete(t.subscription)
            .where(t.subscription.c.ae_title == ae_title, condition)
            .returning(t.subscription.c.workitem_uid)
        ).all()
    )


def _is_global(connection: Connection, ae_title: str) -> bool:
    return (
        connection.execute(
            select(t.subscription.c.ae_title).where(
                t.subscription.c.ae_title == ae_title,
                t.subscription.c.workitem_uid.in_(GLOBAL_UIDS),
            )
        ).first()
        is not None
    )


def _no_subscription() -> NotFound:
    return NotFound(
        "There is no such subscription.",
        remedy="POST to the same address to subscribe.",
    )
