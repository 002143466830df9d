"""Failed attempts to sign in, and the pause that follows from them.

Counted by account at an address, by account and by address, in the database, so that all
processes count together. Who guesses at a name from one address keeps its owner out at that
address alone; who has many addresses, in browsers where the account has never signed in. One where
it has counts for itself. An attempt is counted before its password is looked at: a hundred at
once are a hundred. After the free ones each doubles the pause, up to a limit; a
sign-in that works clears the account's count.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, delete, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.doubling_waits import doubled_wait_s
from storage.db.engine import insert_or_ignore, writing

_PAUSE_FIRST_S = 5.0
_PAUSE_MAX_S = 300.0
_FORGOTTEN_AFTER = timedelta(hours=1)
_ENDED = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Subject:
    """Whom attempts are counted for; `free` of them have no consequence."""

    key: str
    free: int
    is_shared: bool = False
    """Whether several people are counted as one."""


def by_name_at(name: str, group: str) -> Subject:
    """A hash, because people type passwords into the wrong field. `group`: as for `by_address`."""
    digest = hashlib.sha256(f"{group} {name.strip().lower()}".encode()).hexdigest()
    return Subject(f"account-at:{digest}"[:80], 5)


def by_name(name: str) -> Subject:
    """From all addresses together; one of them reaches no more than half of the free ones within
    the hour after which they are forgotten."""
    digest = hashlib.sha256(name.strip().lower().encode()).hexdigest()
    return Subject(f"account:{digest}", 50)


def by_device(device: str, name: str) -> Subject:
    """A browser in which the account has signed in before (`storage.accounts.known_devices`)."""
    digest = hashlib.sha256(f"{device} {name.strip().lower()}".encode()).hexdigest()
    return Subject(f"device:{digest}", 5)


def by_session(session_hash: str) -> Subject:
    """One who has signed in, and shows again who it is."""
    return Subject(f"session:{session_hash}"[:80], 5)


def by_second_factor(name: str) -> Subject:
    """Who knows the account's password, and tries codes."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Subject(f"factor:{digest}", 5)


def by_address(group: str) -> Subject:
    """An address, or a network of IPv6. Several people may share it: a ward behind one router."""
    return Subject(f"address:{group}"[:80], 30, is_shared=True)


class LoginThrottle:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, subjects: Sequence[Subject]) -> float:
        """Count one more. Seconds to wait where it is too early for it, else 0."""
        with writing(self._engine) as connection:
            now = utcnow()
            connection.execute(
                delete(t.failed_attempt).where(t.failed_attempt.c.last_at < now - _FORGOTTEN_AFTER)
            )
            # In one order for all, so that two of them cannot wait for each other.
            ordered = sorted(subjects, key=lambda subject: subject.key)
            waits = [_wait(connection, subject) for subject in ordered]
            if max(waits) > 0:
                return max(waits)
            for subject in ordered:
                _count(connection, subject)
        return 0.0

    def clear(self, subject: Subject) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.failed_attempt).where(t.failed_attempt.c.subject == subject.key)
            )

    def uncount(self, subject: Subject) -> None:
        """Take back the one attempt of an address that was none."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.failed_attempt)
                .where(t.failed_attempt.c.subject == subject.key, t.failed_attempt.c.failures > 0)
                .values(failures=t.failed_attempt.c.failures - 1)
            )


def _wait(connection: Connection, subject: Subject) -> float:
    now = utcnow()
    new = {"subject": subject.key, "failures": 0, "last_at": now, "blocked_until": _ENDED}
    mine = select(t.failed_attempt.c.blocked_until).where(t.failed_attempt.c.subject == subject.key)
    blocked_until = None
    while blocked_until is None:
        # One that succeeds meanwhile removes the row, between these two.
        insert_or_ignore(connection, t.failed_attempt, new)
        blocked_until = connection.execute(mine.with_for_update()).scalar()
    # Now, not before: another that had locked the row meanwhile has counted.
    return max(0.0, float((blocked_until - utcnow()).total_seconds()))


def _count(connection: Connection, subject: Subject) -> None:
    now = utcnow()
    mine = t.failed_attempt.c.subject == subject.key
    failures = connection.execute(select(t.failed_attempt.c.failures).where(mine)).scalar_one() + 1
    blocked_until = _ENDED
    if failures >= subject.free:
        pause_s = doubled_wait_s(_PAUSE_FIRST_S, failures - subject.free, _PAUSE_MAX_S)
        blocked_until = now + timedelta(seconds=pause_s)
    connection.execute(
        update(t.failed_attempt)
        .where(mine)
        .values(failures=failures, last_at=now, blocked_until=blocked_until)
    )
