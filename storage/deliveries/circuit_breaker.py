"""Which destinations are out of reach: nobody calls them again before the time is right.

A destination that answers again has everything at once that waited for it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, select, update

from storage import tables as t
from storage.db.engine import insert_or_ignore, reading, writing
from storage.deliveries.terms import waits_for_no_hours


@dataclass(frozen=True)
class OpenBreaker:
    """A destination that is left alone until `open_until`, after `failures` calls in vain."""

    destination: str
    failures: int
    last_error: str
    since: datetime
    open_until: datetime


class CircuitBreakers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[OpenBreaker]:
        """Those out of reach, and those whose next call is due."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(t.breaker).order_by(t.breaker.c.destination))
            return [
                OpenBreaker(**{name: row[name] for name in OpenBreaker.__dataclass_fields__})
                for row in rows.mappings()
            ]

    def may_try(self, destination: str, now: datetime, until: datetime, tolerated: int = 0) -> bool:
        """Whether this caller may call; of several, one alone tries what was out of reach.

        The others wait for what it finds, until `until`. With no more than `tolerated` failures
        in a row everybody may.
        """
        with writing(self._engine) as connection:
            known = connection.execute(
                select(t.breaker.c.failures).where(t.breaker.c.destination == destination)
            ).first()
            if known is None or known.failures <= tolerated:
                return True
            won = connection.execute(
                update(t.breaker)
                .where(t.breaker.c.destination == destination, t.breaker.c.open_until <= now)
                .values(open_until=until)
            )
            return bool(won.rowcount)

    def failed(self, destination: str, error: str, now: datetime) -> int:
        """One more call in vain; how many there were in a row. It is due at once until deferred."""
        with writing(self._engine) as connection:
            insert_or_ignore(
                connection,
                t.breaker,
                {
                    "destination": destination,
                    "failures": 0,
                    "last_error": "",
                    "since": now,
                    "open_until": now,
                },
            )
            row = connection.execute(
                update(t.breaker)
                .where(t.breaker.c.destination == destination)
                .values(failures=t.breaker.c.failures + 1, last_error=error)
                .returning(t.breaker.c.failures)
            ).one()
            return int(row[0])

    def open(self, destination: str, until: datetime) -> None:
        """Leave it alone until then."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.breaker)
                .where(t.breaker.c.destination == destination)
                .values(open_until=until)
            )

    def answered(self, destination: str, now: datetime) -> None:
        """It is there again: what waits for it goes now, and not by each one's own time."""
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(t.breaker).where(t.breaker.c.destination == destination)
            )
            if gone.rowcount:
                connection.execute(
                    update(t.delivery)
                    .where(
                        t.delivery.c.destination == destination,
                        t.delivery.c.state == "PENDING",
                        t.delivery.c.next_attempt_at > now,
                        waits_for_no_hours(now),
                    )
                    .values(next_attempt_at=now)
                )
