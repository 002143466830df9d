"""Storage commitment reports that we owe to peers (PS3.4 J), on record until they are taken."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, RowMapping, and_, delete, func, insert, select, update

from storage import tables as t
from storage.commitment.entities import (
    CommitmentReport,
    Reference,
    references_from_json,
    references_to_json,
)
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.outbox.tables import COMMITMENT_REPORTS


class CommitmentReports:
    """The reports that peers wait for: DUE until the peer took it, or `retention` is over."""

    def __init__(self, engine: Engine, retention: timedelta) -> None:
        self._engine = engine
        self._retention = retention

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
                delete(t.commitment_report).where(
                    t.commitment_report.c.created_at < now - self._retention
                )
            )
            connection.execute(
                insert(t.commitment_report).values(
                    transaction_uid=transaction_uid,
                    peer_ae_title=peer_ae_title,
                    references=references_to_json(references),
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

    def due_peers(self, now: datetime) -> list[str]:
        """The AE titles that reports are due to, those that wait longest first."""
        ae_title = t.commitment_report.c.peer_ae_title
        with reading(self._engine) as connection:
            found = connection.execute(
                select(ae_title)
                .where(COMMITMENT_REPORTS.is_due(now))
                .group_by(ae_title)
                .order_by(func.min(t.commitment_report.c.next_attempt_at), ae_title)
            )
            return list(found.scalars())

    def claim_due(
        self, owner: str, lease_s: float, now: datetime, peer_ae_title: str
    ) -> CommitmentReport | None:
        """Take the peer's report that is due longest, so that no other process sends it."""
        due = and_(
            COMMITMENT_REPORTS.is_due(now), t.commitment_report.c.peer_ae_title == peer_ae_title
        )
        with writing(self._engine) as connection:
            first = connection.execute(
                select(t.commitment_report.c.id)
                .where(due)
                .order_by(t.commitment_report.c.next_attempt_at, t.commitment_report.c.id)
                .limit(1)
            ).scalar()
            if first is None:
                return None
            # The condition again: on PostgreSQL another process may have been quicker.
            row = connection.execute(
                update(t.commitment_report)
                .where(t.commitment_report.c.id == first, due)
                .values(**COMMITMENT_REPORTS.taken(owner, lease_s, now))
                .returning(*t.commitment_report.c)
            ).mappings().first()  # fmt: skip
            return None if row is None else _to_report(row)

    def renew(self, report: CommitmentReport, owner: str, lease_s: float, now: datetime) -> bool:
        """Lengthen the lease of `owner`; False when it is lost."""
        with writing(self._engine) as connection:
            return COMMITMENT_REPORTS.renew(
                connection,
                owner,
                lease_s,
                now,
                t.commitment_report.c.peer_ae_title == report.peer_ae_title,
                t.commitment_report.c.transaction_uid == report.transaction_uid,
            )

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


def _to_report(row: RowMapping) -> CommitmentReport:
    values = {name: row[name] for name in CommitmentReport.__dataclass_fields__}
    references = values.pop("references")
    return CommitmentReport(references=references_from_json(references), **values)
