"""The queue of searches for earlier studies: one for each subject, rule and source."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.outbox.tables import PRIOR_SEARCHES
from storage.priors.entities import PriorSearch, PriorState, SearchCause

LAST_SEARCHED = Keyset[PriorSearch](
    "prior searches",
    (
        SortColumn.of(t.prior_search.c.updated_at, falls=True),
        SortColumn.of(t.prior_search.c.search_id),
    ),
)


class PriorSearches:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def want(self, cause: SearchCause, subject: str, rule: str, source: str) -> bool:
        """Have a source asked; False where that was wanted before."""
        now = utcnow()
        with writing(self._engine) as connection:
            return insert_or_ignore(
                connection,
                t.prior_search,
                {
                    "search_id": str(uuid.uuid4()),
                    "cause": cause,
                    "subject": subject,
                    "rule": rule,
                    "source": source,
                    "state": "PENDING",
                    "next_attempt_at": now,
                    "created_at": now,
                    "updated_at": now,
                },
            )

    def ask_again(self, cause: SearchCause, subject: str) -> None:
        """What was asked for a subject that has changed since is asked once more."""
        now = utcnow()
        with writing(self._engine) as connection:
            connection.execute(
                update(t.prior_search)
                .where(
                    t.prior_search.c.cause == cause,
                    t.prior_search.c.subject == subject,
                    t.prior_search.c.state.in_(("DONE", "FAILED")),
                )
                .values(_from_the_beginning(now))
            )

    def is_due(self, now: datetime) -> bool:
        with reading(self._engine) as connection:
            found = connection.execute(
                select(t.prior_search.c.search_id).where(PRIOR_SEARCHES.is_due(now)).limit(1)
            )
            return found.first() is not None

    def claim_due(
        self, owner: str, lease_s: float, now: datetime, but_not: Collection[str] = ()
    ) -> PriorSearch | None:
        """Take the oldest due search of any source but those of `but_not`."""
        columns = t.prior_search.c
        order = (columns.next_attempt_at, columns.created_at)
        with writing(self._engine) as connection:
            row = PRIOR_SEARCHES.take_first(
                connection, owner, lease_s, now, columns.source.not_in(list(but_not)), order=order
            )
            return None if row is None else _search(row)

    def renew(self, search_id: str, owner: str, lease_s: float, now: datetime) -> bool:
        row = t.prior_search.c.search_id == search_id
        with writing(self._engine) as connection:
            return PRIOR_SEARCHES.renew(connection, owner, lease_s, now, row)

    def done(self, search_id: str, owner: str, found: int, wanted: int, note: str = "") -> None:
        """`note` says why nothing could be asked, where that is so."""
        self._end(
            search_id,
            owner,
            {"state": "DONE", "found": found, "wanted": wanted, "last_error": note},
        )

    def retry_later(self, search_id: str, owner: str, error: str, at: datetime) -> None:
        self._end(
            search_id, owner, {"state": "PENDING", "last_error": error, "next_attempt_at": at}
        )

    def failed(self, search_id: str, owner: str, error: str) -> None:
        """Not tried again until somebody says so."""
        self._end(search_id, owner, {"state": "FAILED", "last_error": error})

    def retry(self, search_id: str) -> PriorSearch:
        """Ask now, whatever became of it. Raises NotFound."""
        now = utcnow()
        with writing(self._engine) as connection:
            row = (
                connection.execute(
                    update(t.prior_search)
                    .where(t.prior_search.c.search_id == search_id)
                    .values(_from_the_beginning(now))
                    .returning(*t.prior_search.c)
                )
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(
                "There is no search under that identifier.",
                remedy="GET /api/priors/searches lists them.",
            )
        return _search(row)

    def retry_failed(self) -> int:
        """Ask again wherever it was given up; how often."""
        with writing(self._engine) as connection:
            result = connection.execute(
                update(t.prior_search)
                .where(t.prior_search.c.state == "FAILED")
                .values(_from_the_beginning(utcnow()))
            )
            return result.rowcount

    def list(
        self,
        state: PriorState | None = None,
        limit: int = 100,
        offset: int = 0,
        *,
        updated_since: datetime | None = None,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[PriorSearch], int]:
        """What changed last first, and how many there are in all.

        `beyond` begins the page where another one ended (`LAST_SEARCHED`).
        """
        conditions = [] if state is None else [t.prior_search.c.state == state]
        if updated_since is not None:
            conditions.append(t.prior_search.c.updated_at >= updated_since)
        statement = select(t.prior_search).where(*conditions).order_by(*LAST_SEARCHED.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [_search(row) for row in rows], total

    def _end(self, search_id: str, owner: str, values: dict[str, Any]) -> None:
        """Only what is still its owner's: another may have taken it over."""
        now = utcnow()
        with writing(self._engine) as connection:
            connection.execute(
                update(t.prior_search)
                .where(t.prior_search.c.search_id == search_id, PRIOR_SEARCHES.is_owned(owner))
                .values(**{"next_attempt_at": now, **values, "lease_owner": "", "updated_at": now})
            )


def _from_the_beginning(now: datetime) -> dict[str, Any]:
    return {
        "state": "PENDING",
        "attempts": 0,
        "lease_owner": "",
        "next_attempt_at": now,
        "updated_at": now,
    }


def _search(row: Any) -> PriorSearch:
    return PriorSearch(**{name: row[name] for name in PriorSearch.__dataclass_fields__})
