"""What has a time of day, when somebody sets the clock by a day, and when summer time begins.

docs/durability.md says what each does; `tests/inference/worker/test_clock_set.py` has running
processes.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from storage.accounts.sessions import Sessions
from storage.audit import Actor, AuditEvent, Code, Type
from storage.audit.query import AuditFilter, all_events
from storage.commitment.entities import Reference
from storage.container import Storage
from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.crypto.upload_tokens import PresignedClaim, TokenSigner
from storage.db.clock_steps import move_waits

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ANN = Identity("oidc", "ann", "ann", "https://sign-in.example")
LEASE_S = 60
Lease = Callable[[datetime], None]


@pytest.fixture
def sessions(storage: Storage) -> Sessions:
    """They end when idle for half an hour, and after twelve hours."""
    return Sessions(storage.engine, idle=30 * MINUTE, lifetime=12 * HOUR)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine stands where clocks are put forward and back."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def signed_in(sessions: Sessions, now: datetime) -> str:
    return sessions.open(ANN, ["viewer"], "10.0.0.7", now)[1].token_hash


@pytest.fixture
def leased(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Lease:
    """A commitment report that one process is about to send."""

    def lease(now: datetime) -> None:
        monkeypatch.setattr("storage.commitment.reports.utcnow", lambda: now)
        _lease(storage, now)

    return lease


def _lease(storage: Storage, now: datetime) -> None:
    storage.commitment_reports.owe("1.9", "PEER", [Reference("1.2.3", "1.2.3.1")], "association", 0)
    assert storage.commitment_reports.claim_due("first", LEASE_S, now, "PEER") is not None


def is_free(storage: Storage, now: datetime) -> bool:
    return storage.commitment_reports.claim_due("second", LEASE_S, now, "PEER") is not None


def test_a_session_lasts_longer_by_as_much_as_the_clock_was_set_back(sessions: Sessions) -> None:
    now = utcnow()
    session = signed_in(sessions, now)
    assert sessions.find(session, now - DAY) is not None
    # Idleness counts from the request after the step, and not from the future.
    assert sessions.find(session, now - DAY + 29 * MINUTE, is_use=False) is not None
    assert sessions.find(session, now - DAY + 31 * MINUTE) is None
    assert sessions.find(session, now + 13 * HOUR) is None


def test_a_session_ends_earlier_when_the_clock_is_set_forward(sessions: Sessions) -> None:
    now = utcnow()
    session = signed_in(sessions, now)
    assert sessions.find(session, now + DAY) is None
    later = signed_in(sessions, now + DAY)
    assert sessions.find(later, now) is not None
    assert sessions.find(later, now + DAY + 13 * HOUR) is None


@pytest.mark.parametrize("by", [-DAY, DAY], ids=["back", "forward"])
def test_an_upload_url_ends_by_the_time_that_it_names(
    by: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = TokenSigner(b"0" * 32)
    now = utcnow()
    token = signer.sign(PresignedClaim("uploads/a", "image/png", 10, now + 10 * MINUTE))
    monkeypatch.setattr("storage.crypto.upload_tokens.utcnow", lambda: now + by)
    if by < timedelta():
        assert signer.verify(token).key == "uploads/a"
    else:
        with pytest.raises(InvalidRequest, match="expired at"):
            signer.verify(token)


def test_a_lease_is_as_long_after_the_clock_was_set_back(storage: Storage, leased: Lease) -> None:
    now = utcnow()
    leased(now)
    assert move_waits(storage.engine, DAY, now - DAY) > 0
    assert not is_free(storage, now - DAY + timedelta(seconds=LEASE_S - 1))
    assert is_free(storage, now - DAY + timedelta(seconds=LEASE_S + 1))


def test_a_lease_ends_when_the_clock_is_set_forward(storage: Storage, leased: Lease) -> None:
    now = utcnow()
    leased(now)
    assert is_free(storage, now + DAY)


def test_the_audit_trail_is_in_the_order_of_what_happened(storage: Storage) -> None:
    noon = utcnow()
    steps = (timedelta(), -DAY, DAY, MINUTE)
    for number, step in enumerate(steps):
        actor = Actor("account", f"user-{number}", "10.0.0.7")
        login = AuditEvent(Code.USER_AUTHENTICATION, "E", actor, type=Type.LOGIN, at=noon + step)
        storage.audit.record(login)
    storage.audit.flush()
    events = list(all_events(storage.engine, AuditFilter()))
    assert [one.actor_name for one in events] == [f"user-{number}" for number in range(len(steps))]
    assert [one.at for one in events] == [noon + step for step in steps]


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    "leap",
    # 2026-03-29 02:00 and 2026-10-25 03:00 there: an hour that is not, and one that is twice.
    [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)],
    ids=["forward", "back"],
)
def test_summer_time_makes_nothing_longer_or_shorter(
    storage: Storage, sessions: Sessions, leased: Lease, leap: datetime
) -> None:
    assert leap.astimezone().utcoffset() != (leap - MINUTE).astimezone().utcoffset()
    session = signed_in(sessions, leap - 10 * MINUTE)
    assert sessions.find(session, leap + 19 * MINUTE, is_use=False) is not None
    assert sessions.find(session, leap + 21 * MINUTE) is None
    leased(leap - timedelta(seconds=30))
    assert not is_free(storage, leap + timedelta(seconds=LEASE_S - 31))
    assert is_free(storage, leap + timedelta(seconds=LEASE_S - 29))
