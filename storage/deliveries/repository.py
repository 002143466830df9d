"""The ledger of deliveries: one row for each instance and destination, never dropped."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, case, exists, func, literal, or_, select, update

from storage import tables as t
from storage.core.callers.request_context import current_request_id
from storage.core.clock import utcnow
from storage.core.entities import Delivery, DeliveryCause, DeliveryState, Instance
from storage.core.errors import NotFound
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.portions import in_portions
from storage.deliveries.cancellation import cancel_hidden
from storage.deliveries.claiming import announce, claim_due, in_reach, is_any_due
from storage.deliveries.row_mapping import to_delivery
from storage.outbox.tables import DELIVERIES
from storage.stage_times.repository import note_confirmed

UnsentState = Literal["PENDING", "AWAITING_RELEASE", "WITHHELD"]
NOT_RELEASED: tuple[DeliveryState, ...] = ("AWAITING_RELEASE", "WITHHELD")


class Deliveries:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def enqueue(
        self,
        destination: str,
        instances: Sequence[Instance],
        job_id: str | None,
        *,
        cause: DeliveryCause = "RESULT",
        rule: str = "",
        state: UnsentState = "PENDING",
        waits_until: datetime | None = None,
        note: str = "",
        is_urgent: bool = False,
    ) -> int:
        """Want each instance at the destination, in this order; how many were not wanted before.

        A report goes after the segmentation to which it refers, as the caller lists them.
        `waits_until`: when its rule's hours begin, which `note` names; `is_urgent`: whatever they
        are.
        """
        now = utcnow()
        common = {
            "destination": destination,
            "job_id": job_id,
            "cause": cause,
            "rule": rule,
            "state": state,
            "attempts": 0,
            "next_attempt_at": waits_until or now,
            "waits_until": waits_until,
            "note": note,
            "is_urgent": is_urgent,
            "updated_at": now,
            "request_id": current_request_id(),
        }
        added = 0
        # Portions, since receiving waits for those who write.
        for portion in in_portions(enumerate(instances)):
            with writing(self._engine) as connection:
                for position, instance in portion:
                    row = {
                        **common,
                        "delivery_id": str(uuid.uuid4()),
                        "study_instance_uid": instance.study_instance_uid,
                        "series_instance_uid": instance.series_instance_uid,
                        "sop_instance_uid": instance.sop_instance_uid,
                        # What claims are ordered by.
                        "created_at": now + timedelta(microseconds=position),
                    }
                    added += insert_or_ignore(connection, t.delivery, row)
        return added

    def sent_on_to(self, sop_instance_uids: Collection[str]) -> list[str]:
        """Destinations to which a rule or a person sent one of these, or began to."""
        found: set[str] = set()
        with reading(self._engine) as connection:
            for uids in in_portions(sorted(sop_instance_uids)):
                query = select(t.delivery.c.destination).where(
                    t.delivery.c.sop_instance_uid.in_(uids),
                    t.delivery.c.cause.in_(("RULE", "PERSON")),
                    t.delivery.c.attempts > 0,
                )
                found.update(connection.execute(query.distinct()).scalars())
        return sorted(found)

    def claim_due(
        self,
        owner: str,
        lease_s: float,
        now: datetime,
        limit: int,
        senders_at_most: Mapping[str, int] | None = None,
        but_not: Collection[str] = (),
    ) -> list[Delivery]:
        """See `storage.deliveries.claiming`."""
        return claim_due(self._engine, owner, lease_s, now, limit, senders_at_most or {}, but_not)

    def give_back(self, owner: str, now: datetime) -> None:
        """What `owner` claimed and did not try: it is due as before."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.delivery)
                .where(DELIVERIES.is_owned(owner))
                .values(
                    state="PENDING",
                    attempts=t.delivery.c.attempts - 1,
                    **DELIVERIES.released(now),
                )
            )

    def renew(self, owner: str, lease_s: float, now: datetime) -> bool:
        """Lengthen the lease on what `owner` is sending; False when there is nothing left."""
        with writing(self._engine) as connection:
            return DELIVERIES.renew(connection, owner, lease_s, now)

    def cancel_hidden(self, delivery_ids: Sequence[str], now: datetime) -> None:
        """See `storage.deliveries.cancellation`."""
        cancel_hidden(self._engine, delivery_ids, now)

    def is_to_be_sent(self, delivery_id: str, owner: str) -> bool:
        """Whether it still is `owner`'s, and its instance was not taken out of use meanwhile."""
        delivery, instance = t.delivery.c, t.instance.c
        is_in_use = exists().where(
            instance.sop_instance_uid == delivery.sop_instance_uid, instance.is_rejected.is_(False)
        )
        query = select(delivery.delivery_id).where(
            delivery.delivery_id == delivery_id, DELIVERIES.is_owned(owner), is_in_use
        )
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None

    def arrived(self, delivery_ids: Sequence[str], owner: str, now: datetime) -> None:
        """The destination answered success; from here on it is only asked, not sent again.

        Here and below: what `owner` has lost to another sender, or is settled, stays as it is.
        """
        with writing(self._engine) as connection:
            connection.execute(
                update(t.delivery)
                .where(t.delivery.c.delivery_id.in_(delivery_ids), DELIVERIES.is_owned(owner))
                .values(sent_at=now, questions=0)
            )

    def ask_later(
        self,
        delivery_ids: Sequence[str],
        owner: str,
        error: str,
        next_attempt_at: datetime,
        *,
        asked: bool,
    ) -> None:
        """Ask again whether the destination holds them. `asked`: it was there to be asked.

        What its late answer has settled meanwhile stays settled.
        """
        values = {
            "state": "PENDING",
            "last_error": error,
            "next_attempt_at": next_attempt_at,
            "questions": t.delivery.c.questions + int(asked),
        }
        self._set(delivery_ids, values, utcnow(), owner=owner)

    def sent(self, delivery_ids: Sequence[str], owner: str, now: datetime, note: str) -> None:
        """The destination answered success; `note` says why it proved no more than that."""
        self._set(delivery_ids, {"state": "SENT", "last_error": note}, now, owner=owner)

    def confirmed(self, delivery_ids: Sequence[str], now: datetime) -> None:
        """The destination proved that it holds them."""
        self._set(delivery_ids, {"state": "CONFIRMED", "last_error": ""}, now)

    def retry_later(
        self,
        delivery_ids: Sequence[str],
        owner: str,
        error: str,
        next_attempt_at: datetime,
        *,
        send_again: bool = False,
    ) -> None:
        """Go on later. `send_again`: the destination lacks what it answered success to."""
        values = {
            "state": "PENDING",
            "last_error": error,
            "next_attempt_at": next_attempt_at,
            **({"sent_at": None, "questions": 0} if send_again else {}),
        }
        self._set(delivery_ids, values, utcnow(), owner=owner)

    def refused(self, delivery_ids: Sequence[str], owner: str, error: str) -> None:
        """Not tried any more until a person says so (`storage.deliveries.listing.retry_now`)."""
        values = {"state": "REFUSED", "last_error": error}
        self._set(delivery_ids, values, utcnow(), owner=owner)

    def of_study(self, study_instance_uid: str) -> list[Delivery]:
        """Those of its results; what else goes on is in `storage.routing`."""
        return self.of_studies([study_instance_uid])[study_instance_uid]

    def of_studies(self, study_instance_uids: list[str]) -> dict[str, list[Delivery]]:
        deliveries: dict[str, list[Delivery]] = {uid: [] for uid in study_instance_uids}
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.delivery)
                .where(
                    t.delivery.c.study_instance_uid.in_(study_instance_uids),
                    or_(t.delivery.c.cause == "RESULT", t.delivery.c.state.in_(NOT_RELEASED)),
                )
                .order_by(t.delivery.c.created_at, t.delivery.c.delivery_id)
            )
            for row in rows.mappings():
                deliveries[row["study_instance_uid"]].append(to_delivery(row))
        return deliveries

    def confirmed_by(self, sop_instance_uid: str) -> list[str]:
        """Destinations that proved that they hold the instance."""
        delivery = t.delivery.c
        with reading(self._engine) as connection:
            return list(
                connection.execute(
                    select(delivery.destination)
                    .where(
                        delivery.sop_instance_uid == sop_instance_uid, delivery.state == "CONFIRMED"
                    )
                    .order_by(delivery.updated_at.desc())
                ).scalars()
            )

    def receivers_of(self, sop_instance_uid: str) -> dict[str, DeliveryCause]:
        """Destinations that have the instance or are about to get it, and by which cause."""
        delivery = t.delivery.c
        query = select(delivery.destination, delivery.cause).where(
            delivery.sop_instance_uid == sop_instance_uid,
            or_(
                delivery.sent_at.is_not(None),
                delivery.state.in_(("PENDING", "SENDING", "REFUSED", "SENT", "CONFIRMED")),
            ),
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(delivery.destination))
            return {row.destination: row.cause for row in rows}

    def get(self, delivery_id: str) -> Delivery:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(
                    select(t.delivery).where(t.delivery.c.delivery_id == delivery_id)
                )
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(
                "There is no delivery under that identifier.",
                remedy="GET /api/deliveries lists them.",
            )
        return to_delivery(row)

    def is_any_due(self, now: datetime) -> bool:
        return is_any_due(self._engine, now)

    def due_count(self, now: datetime) -> int:
        with reading(self._engine) as connection:
            return connection.execute(
                select(func.count())
                .select_from(t.delivery)
                .where(DELIVERIES.is_due(now), in_reach(now))
            ).scalar_one()

    def _set(
        self,
        delivery_ids: Sequence[str],
        values: dict[str, Any],
        now: datetime,
        *,
        owner: str | None = None,
    ) -> None:
        """`owner`: rows that it is sending. A commitment that came meanwhile has the last word.

        What changed while it was sent goes once more at once, whatever became of it.
        """
        conditions: list[ColumnElement[bool]] = [t.delivery.c.delivery_id.in_(delivery_ids)]
        if owner is not None:
            conditions.append(DELIVERIES.is_owned(owner))
        with writing(self._engine) as connection:
            rows = connection.execute(
                update(t.delivery)
                .where(*conditions)
                .values(**_unless_outdated(values, now), lease_owner="", updated_at=now)
                .returning(*t.delivery.c)
            ).all()
            changed = [to_delivery(row._mapping) for row in rows]
            for state in sorted({one.state for one in changed}):
                announce(connection, [one for one in changed if one.state == state], state, now)
            note_confirmed(connection, [row for row in rows if row.state == "CONFIRMED"], now)


def _unless_outdated(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    c = t.delivery.c
    afresh = {
        "state": "PENDING",
        "last_error": "",
        "next_attempt_at": now,
        "sent_at": None,
        "questions": 0,
    }
    found = {
        name: case((c.is_outdated, literal(value, c[name].type)), else_=values.get(name, c[name]))
        for name, value in afresh.items()
    }
    return {**found, "is_outdated": False}
