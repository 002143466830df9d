"""The queue of studies that are fetched from other archives, and which studies came so."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, func, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.outbox.tables import PRIOR_FETCHES
from storage.priors.entities import PriorFetch, PriorState, WantedStudy

_CLAIM_LOCK = 0x6D76_7072  # of this transaction alone among those of the database


LAST_FETCHED = Keyset[PriorFetch](
    "priors",
    (
        SortColumn.of(t.prior_fetch.c.updated_at, falls=True),
        SortColumn.of(t.prior_fetch.c.study_instance_uid),
    ),
)


class PriorFetches:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def want(self, study: WantedStudy) -> bool:
        """Have a study fetched; False where it is under way or here already.

        Given up, or deleted since it came, it is fetched as it is wanted now.
        """
        now = utcnow()
        values = {
            **asdict(study),
            "state": "PENDING",
            "attempts": 0,
            "instances": 0,
            "last_error": "",
            "next_attempt_at": now,
            "updated_at": now,
        }
        this = t.prior_fetch.c.study_instance_uid == study.study_instance_uid
        with writing(self._engine) as connection:
            if _is_here(connection, study.study_instance_uid) and not _is_broken_off(
                connection, study.study_instance_uid
            ):
                return False
            if insert_or_ignore(connection, t.prior_fetch, {**values, "created_at": now}):
                return True
            result = connection.execute(
                update(t.prior_fetch)
                .where(this, t.prior_fetch.c.state.in_(("DONE", "FAILED")))
                .values(**values, lease_owner="")
            )
            return bool(result.rowcount)

    def is_due(self, now: datetime, *, for_persons: bool = False) -> bool:
        """`for_persons`: something that a person asked for."""
        due = _due(now, for_persons=for_persons)
        with reading(self._engine) as connection:
            found = connection.execute(
                select(t.prior_fetch.c.study_instance_uid).where(due).limit(1)
            )
            return found.first() is not None

    def claim_due(
        self,
        owner: str,
        lease_s: float,
        now: datetime,
        at_once: int,
        *,
        for_persons: bool = False,
        but_not: Collection[str] = (),
    ) -> PriorFetch | None:
        """Take what a person waits for, else the oldest; none of a source that is busy with
        `at_once` fetches, or is one of `but_not`."""
        columns = t.prior_fetch.c
        # PERSON comes before REQUEST and RULE in the alphabet, too.
        order = (columns.cause, columns.next_attempt_at, columns.created_at)
        with writing(self._engine) as connection:
            wanted: list[ColumnElement[bool]] = [
                columns.source.not_in(_busy(connection, now, at_once)),
                columns.source.not_in(list(but_not)),
            ]
            if for_persons:
                wanted.append(columns.cause == "PERSON")
            row = PRIOR_FETCHES.take_first(
                connection, owner, lease_s, now, *wanted, order=order, instances=0
            )
            return None if row is None else _fetch(row)

    def renew(self, study_instance_uid: str, owner: str, lease_s: float, now: datetime) -> bool:
        row = t.prior_fetch.c.study_instance_uid == study_instance_uid
        with writing(self._engine) as connection:
            return PRIOR_FETCHES.renew(connection, owner, lease_s, now, row)

    def came(self, study_instance_uid: str, owner: str, instances: int, total: int) -> None:
        """How far it is."""
        values = {"instances": instances, "updated_at": utcnow()}
        if total:
            values["instances_total"] = total
        self._set(study_instance_uid, owner, values)

    def done(self, study_instance_uid: str, owner: str, service: str, instances: int) -> None:
        self._end(
            study_instance_uid,
            owner,
            {
                "state": "DONE",
                "service": service,
                "instances": instances,
                "last_error": "",
            },
        )

    def retry_later(self, study_instance_uid: str, owner: str, error: str, at: datetime) -> None:
        values = {"state": "PENDING", "last_error": error, "next_attempt_at": at}
        self._end(study_instance_uid, owner, values)

    def failed(self, study_instance_uid: str, owner: str, error: str) -> None:
        """Not tried again until somebody says so."""
        self._end(study_instance_uid, owner, {"state": "FAILED", "last_error": error})

    def retry(self, study_instance_uid: str) -> PriorFetch:
        """Fetch it now, whatever became of it. Raises NotFound."""
        self.get(study_instance_uid)
        now = utcnow()
        with writing(self._engine) as connection:
            connection.execute(
                update(t.prior_fetch)
                .where(
                    t.prior_fetch.c.study_instance_uid == study_instance_uid,
                    t.prior_fetch.c.state != "RUNNING",
                )
                .values(state="PENDING", attempts=0, next_attempt_at=now, updated_at=now)
            )
        return self.get(study_instance_uid)

    def retry_failed(self) -> int:
        """Fetch again what was given up; how many studies."""
        now = utcnow()
        with writing(self._engine) as connection:
            result = connection.execute(
                update(t.prior_fetch)
                .where(t.prior_fetch.c.state == "FAILED")
                .values(state="PENDING", attempts=0, next_attempt_at=now, updated_at=now)
            )
            return result.rowcount

    def find(self, study_instance_uid: str) -> PriorFetch | None:
        with reading(self._engine) as connection:
            row = (
                connection.execute(
                    select(t.prior_fetch).where(
                        t.prior_fetch.c.study_instance_uid == study_instance_uid
                    )
                )
                .mappings()
                .first()
            )
        return None if row is None else _fetch(row)

    def get(self, study_instance_uid: str) -> PriorFetch:
        """Raises NotFound."""
        found = self.find(study_instance_uid)
        if found is None:
            raise NotFound(
                "This study is not fetched from another archive.",
                remedy="GET /api/priors lists those that are.",
            )
        return found

    def list(
        self,
        state: PriorState | None = None,
        limit: int = 100,
        offset: int = 0,
        *,
        updated_since: datetime | None = None,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[PriorFetch], int]:
        """What changed last first, and how many there are in all.

        `beyond` begins the page where another one ended (`LAST_FETCHED`).
        """
        conditions = [] if state is None else [t.prior_fetch.c.state == state]
        if updated_since is not None:
            conditions.append(t.prior_fetch.c.updated_at >= updated_since)
        statement = select(t.prior_fetch).where(*conditions).order_by(*LAST_FETCHED.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [_fetch(row) for row in rows], total

    def prior_of(self, study_instance_uid: str) -> PriorFetch | None:
        """How a study was fetched that came in no other way; None for any other study, also for
        one that a workitem named as its input.

        What a modality sends as well is a study of its own right.
        """
        found = self.find(study_instance_uid)
        if found is None or found.cause == "REQUEST":
            return None
        with reading(self._engine) as connection:
            came_otherwise = connection.execute(
                select(t.instance.c.id)
                .join(t.series, t.series.c.id == t.instance.c.series_fk)
                .join(t.study, t.study.c.id == t.series.c.study_fk)
                .where(
                    t.study.c.study_instance_uid == study_instance_uid,
                    t.series.c.origin == "received",
                    t.instance.c.source != found.label,
                )
                .limit(1)
            ).first()
        return None if came_otherwise else found

    def _end(self, study_instance_uid: str, owner: str, values: dict[str, Any]) -> None:
        now = utcnow()
        ended = {"next_attempt_at": now, **values, "lease_owner": "", "updated_at": now}
        self._set(study_instance_uid, owner, ended)

    def _set(self, study_instance_uid: str, owner: str, values: dict[str, Any]) -> None:
        """Only of what is still its owner's: another may have taken it over."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.prior_fetch)
                .where(
                    t.prior_fetch.c.study_instance_uid == study_instance_uid,
                    PRIOR_FETCHES.is_owned(owner),
                )
                .values(**values)
            )


def _due(now: datetime, *, for_persons: bool) -> ColumnElement[bool]:
    due = PRIOR_FETCHES.is_due(now)
    return and_(due, t.prior_fetch.c.cause == "PERSON") if for_persons else due


def _is_here(connection: Connection, study_instance_uid: str) -> bool:
    return bool(
        connection.execute(
            select(exists().where(t.study.c.study_instance_uid == study_instance_uid))
        ).scalar()
    )


def _is_broken_off(connection: Connection, study_instance_uid: str) -> bool:
    """Given up in the middle: what is here is a part of it."""
    columns = t.prior_fetch.c
    return bool(
        connection.execute(
            select(
                exists().where(
                    columns.study_instance_uid == study_instance_uid, columns.state == "FAILED"
                )
            )
        ).scalar()
    )


def _busy(connection: Connection, now: datetime, at_once: int) -> list[str]:
    if connection.dialect.name == "postgresql":
        # Others would count while this claim is not yet to be seen. SQLite has one writer anyway.
        connection.execute(select(func.pg_advisory_xact_lock(_CLAIM_LOCK)))
    columns = t.prior_fetch.c
    rows = connection.execute(
        select(columns.source)
        .where(columns.state == "RUNNING", columns.next_attempt_at > now)
        .group_by(columns.source)
        .having(func.count() >= at_once)
    )
    return list(rows.scalars())


def _fetch(row: Any) -> PriorFetch:
    return PriorFetch(**{name: row[name] for name in PriorFetch.__dataclass_fields__})
