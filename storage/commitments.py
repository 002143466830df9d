"""Storage commitment on record (PS3.4 J): what we owe peers, and what peers owe us."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine, RowMapping, delete, insert, select, update

from storage import tables as t
from storage.clock import utcnow
from storage.database import reading, writing
from storage.events import add_event

_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Reference:
    """One SOP instance that a commitment is about."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class CommitmentReport:
    """An N-EVENT-REPORT that we owe to a peer."""

    transaction_uid: str
    peer_ae_title: str
    references: tuple[Reference, ...]
    state: Literal["DUE", "REPORTED"]
    attempts: int
    next_attempt_at: datetime
    last_error: str
    created_at: datetime


@dataclass(frozen=True)
class CommitmentRequest:
    """A commitment that we asked a destination for. `failed`: UID → the standard's reason."""

    transaction_uid: str
    destination: str
    references: tuple[Reference, ...]
    state: Literal["WAITING", "ANSWERED"]
    failed: Mapping[str, int]
    created_at: datetime


class CommitmentReports:
    """The reports that peers wait for; a row is DUE until its peer took it, or for 30 days."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def owe(
        self,
        transaction_uid: str,
        peer_ae_title: str,
        references: Sequence[Reference],
        owner: str,
        lease_s: float,
    ) -> CommitmentReport:
        """Note that `peer_ae_title` asked; for `lease_s` only `owner` reports.

        A peer that asks again under the same UID gets a new report.
        """
        now = utcnow()
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.commitment_report).where(
                    t.commitment_report.c.peer_ae_title == peer_ae_title,
                    t.commitment_report.c.transaction_uid == transaction_uid,
                )
            )
            # A peer that took no report for so long will not.
            connection.execute(
                delete(t.commitment_report).where(t.commitment_report.c.created_at < now - _KEPT)
            )
            connection.execute(
                insert(t.commitment_report).values(
                    transaction_uid=transaction_uid,
                    peer_ae_title=peer_ae_title,
                    references=_to_json(references),
                    state="DUE",
                    attempts=0,
                    lease_owner=owner,
                    next_attempt_at=now + timedelta(seconds=lease_s),
                    created_at=now,
                    updated_at=now,
                )
            )
        return self.get(transaction_uid, peer_ae_title)

    def get(self, transaction_uid: str, peer_ae_title: str) -> CommitmentReport:
        with reading(self._engine) as connection:
            row = connection.execute(
                select(t.commitment_report).where(
                    t.commitment_report.c.transaction_uid == transaction_uid,
                    t.commitment_report.c.peer_ae_title == peer_ae_title,
                )
            ).mappings().one()  # fmt: skip
            return _to_report(row)

    def claim_due(self, owner: str, lease_s: float, now: datetime) -> CommitmentReport | None:
        """Take the report that is due longest, so that no other process sends it."""
        due = (
            t.commitment_report.c.state == "DUE",
            t.commitment_report.c.next_attempt_at <= now,
        )
        with writing(self._engine) as connection:
            first = connection.execute(
                select(t.commitment_report.c.id)
                .where(*due)
                .order_by(t.commitment_report.c.next_attempt_at, t.commitment_report.c.id)
                .limit(1)
            ).scalar()
            if first is None:
                return None
            # The condition again: on PostgreSQL another process may have been quicker.
            row = connection.execute(
                update(t.commitment_report)
                .where(t.commitment_report.c.id == first, *due)
                .values(
                    lease_owner=owner,
                    next_attempt_at=now + timedelta(seconds=lease_s),
                    updated_at=now,
                )
                .returning(*t.commitment_report.c)
            ).mappings().first()  # fmt: skip
            return None if row is None else _to_report(row)

    def is_due(self, now: datetime) -> bool:
        with reading(self._engine) as connection:
            found = connection.execute(
                select(t.commitment_report.c.id)
                .where(
                    t.commitment_report.c.state == "DUE",
                    t.commitment_report.c.next_attempt_at <= now,
                )
                .limit(1)
            )
            return found.first() is not None

    def reported(self, report: CommitmentReport) -> None:
        """The peer has taken the report."""
        self._set(report, state="REPORTED", last_error="", attempts=report.attempts + 1)

    def retry_later(self, report: CommitmentReport, error: str, next_attempt_at: datetime) -> None:
        self._set(
            report,
            last_error=error,
            next_attempt_at=next_attempt_at,
            attempts=report.attempts + 1,
        )

    def _set(self, report: CommitmentReport, **values: object) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.commitment_report)
                .where(
                    t.commitment_report.c.transaction_uid == report.transaction_uid,
                    t.commitment_report.c.peer_ae_title == report.peer_ae_title,
                    # Asked again meanwhile: that is another report.
                    t.commitment_report.c.created_at == report.created_at,
                )
                .values(lease_owner="", updated_at=utcnow(), **values)
            )


class CommitmentRequests:
    """What destinations were asked to commit to, and what they said, whenever they say it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(self, transaction_uid: str, destination: str, references: Sequence[Reference]) -> None:
        """Note a request before it is sent: the answer may come before the sending returns."""
        now = utcnow()
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.commitment_request).where(t.commitment_request.c.created_at < now - _KEPT)
            )
            connection.execute(
                insert(t.commitment_request).values(
                    transaction_uid=transaction_uid,
                    destination=destination,
                    references=_to_json(references),
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
            _from_json(row["references"]),
            row["state"],
            {str(uid): int(reason) for uid, reason in row["failed"].items()},
            row["created_at"],
        )

    def answered(
        self, transaction_uid: str, committed: Collection[str], failed: Mapping[str, int]
    ) -> bool:
        """Take a destination's answer; False when nothing was asked under that UID.

        Deliveries of the instances change with it, in the same transaction: what is
        committed is HELD, what failed will be sent again. Only instances that were asked
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
            asked = {one.sop_instance_uid for one in _from_json(row["references"])}
            # What the answer passes over is not committed (PS3.4 J.3.3.1.2).
            held = sorted(asked.intersection(committed) - set(failed))
            refused = {uid: failed.get(uid, _PROCESSING_FAILURE) for uid in asked - set(held)}
            connection.execute(
                update(t.commitment_request)
                .where(t.commitment_request.c.transaction_uid == transaction_uid)
                .values(state="ANSWERED", failed=refused, updated_at=now)
            )
            of_destination = t.delivery.c.destination == row["destination"]
            changed: set[tuple[str, str]] = set()
            for uids, values in (
                (held, {"state": "HELD", "last_error": "", "lease_owner": ""}),
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
                        t.delivery.c.state != "HELD",
                    )
                    .values(**values, updated_at=now)
                    .returning(t.delivery.c.study_instance_uid, t.delivery.c.state)
                )
                changed.update((study, state) for study, state in found)
            for study_instance_uid, state in sorted(changed):
                add_event(
                    connection,
                    now,
                    "delivery",
                    study_instance_uid,
                    payload={"destination": row["destination"], "state": state},
                )
        return True


_PROCESSING_FAILURE = 0x0110
# Long enough that a destination that fails at once is not sent to in a loop.
_RESEND_AFTER = timedelta(seconds=30)


def _to_json(references: Sequence[Reference]) -> list[list[str]]:
    return [[one.sop_class_uid, one.sop_instance_uid] for one in references]


def _from_json(value: list[list[str]]) -> tuple[Reference, ...]:
    return tuple(Reference(sop_class, sop_instance) for sop_class, sop_instance in value)


def _to_report(row: RowMapping) -> CommitmentReport:
    values = {name: row[name] for name in CommitmentReport.__dataclass_fields__}
    references = values.pop("references")
    return CommitmentReport(references=_from_json(references), **values)
