"""Storage commitment that we asked destinations for (PS3.4 J), and what they answered."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Engine, delete, insert, select, update

from storage import tables as t
from storage.commitment.entities import (
    CommitmentRequest,
    Reference,
    references_from_json,
    references_to_json,
)
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.events.payloads import DeliveryEvent
from storage.events.repository import add_event
from storage.stage_times.repository import note_confirmed

_PROCESSING_FAILURE = 0x0110
# Long enough that a destination that fails at once is not sent to in a loop.
_RESEND_AFTER = timedelta(seconds=30)


class CommitmentRequests:
    """What destinations were asked to commit to, and what they answered, whenever it comes."""

    def __init__(self, engine: Engine, retention: timedelta) -> None:
        self._engine = engine
        self._retention = retention

    def ask(self, transaction_uid: str, destination: str, references: Sequence[Reference]) -> None:
        """Note a request before it is sent: the answer may come before the sending returns."""
        now = utcnow()
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.commitment_request).where(
                    t.commitment_request.c.created_at < now - self._retention
                )
            )
            connection.execute(
                insert(t.commitment_request).values(
                    transaction_uid=transaction_uid,
                    destination=destination,
                    references=references_to_json(references),
                    state="WAITING",
                    failed={},
                    created_at=now,
                    updated_at=now,
                )
            )

    def forget(self, transaction_uid: str) -> None:
        """The destination refused the request, so that no answer will come."""
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.commitment_request).where(
                    t.commitment_request.c.transaction_uid == transaction_uid,
                    t.commitment_request.c.state == "WAITING",
                )
            )

    def get(self, transaction_uid: str) -> CommitmentRequest | None:
        with reading(self._engine) as connection:
            row = connection.execute(
                select(t.commitment_request).where(
                    t.commitment_request.c.transaction_uid == transaction_uid
                )
            ).mappings().first()  # fmt: skip
        if row is None:
            return None
        return CommitmentRequest(
            row["transaction_uid"],
            row["destination"],
            references_from_json(row["references"]),
            row["state"],
            {str(uid): int(reason) for uid, reason in row["failed"].items()},
            row["created_at"],
        )

    def answered(
        self, transaction_uid: str, committed: Collection[str], failed: Mapping[str, int]
    ) -> bool:
        """Take a destination's answer; False when nothing was asked under that UID.

        Deliveries of the instances change with it, in the same transaction: what is
        committed is CONFIRMED, what failed will be sent again. Only instances that were asked
        about count. An answer that comes twice changes nothing the second time.
        """
        now = utcnow()
        with writing(self._engine) as connection:
            row = connection.execute(
                select(t.commitment_request).where(
                    t.commitment_request.c.transaction_uid == transaction_uid
                )
            ).mappings().first()  # fmt: skip
            if row is None:
                return False
            if row["state"] == "ANSWERED":
                return True
            asked = {one.sop_instance_uid for one in references_from_json(row["references"])}
            # What the answer passes over is not committed (PS3.4 J.3.3.1.2).
            confirmed = sorted(asked.intersection(committed) - set(failed))
            refused = {uid: failed.get(uid, _PROCESSING_FAILURE) for uid in asked - set(confirmed)}
            connection.execute(
                update(t.commitment_request)
                .where(t.commitment_request.c.transaction_uid == transaction_uid)
                .values(state="ANSWERED", failed=refused, updated_at=now)
            )
            of_destination = t.delivery.c.destination == row["destination"]
            changed: set[tuple[str, str]] = set()
            for uids, values in (
                (confirmed, {"state": "CONFIRMED", "last_error": "", "lease_owner": ""}),
                (
                    sorted(refused),
                    {
                        "state": "PENDING",
                        "sent_at": None,
                        "last_error": "The destination did not commit to the instance;"
                        " it is sent again.",
                        "next_attempt_at": now + _RESEND_AFTER,
                        "lease_owner": "",
                    },
                ),
            ):
                found = connection.execute(
                    update(t.delivery)
                    .where(
                        of_destination,
                        t.delivery.c.sop_instance_uid.in_(uids),
                        t.delivery.c.state != "CONFIRMED",
                    )
                    .values(**values, updated_at=now)
                    .returning(*t.delivery.c)
                ).all()
                changed.update((one.study_instance_uid, one.state) for one in found)
                if values["state"] == "CONFIRMED":
                    note_confirmed(connection, found, now)
            for study_instance_uid, state in sorted(changed):
                add_event(
                    connection,
                    now,
                    "delivery",
                    study_instance_uid,
                    payload=DeliveryEvent(destination=row["destination"], state=state),
                )
        return True
