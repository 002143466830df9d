"""Sessions of interactive models: whose they are, how many there may be, and when one is lost."""

from datetime import timedelta

import pytest

from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StateConflict, TooManyRequests
from storage.interactive.entities import Acceptance, Grid, InteractiveSession, MaskPlace, Point
from storage.interactive.repository import LEASE_S

NOW = utcnow()
GRID: Grid = {
    "slices": 2,
    "rows": 3,
    "columns": 4,
    "lps_from_kji": [[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]],
    "sources": [("1.1", 1), ("1.2", 1)],
}
POINT: Point = {"lps_mm": (1.0, 2.0, 0.0), "inside": True}


def opened(storage: Storage, owner_id: str, at_most: int = 2) -> InteractiveSession:
    return storage.interactive_sessions.open("1", "1.1", "click-x", "1", "", owner_id, at_most, NOW)


def ready(storage: Storage, owner_id: str = "account:ada") -> InteractiveSession:
    session = opened(storage, owner_id)
    sessions = storage.interactive_sessions
    claimed = sessions.claim("worker", NOW)
    assert claimed is not None
    assert sessions.opened(session.session_id, "worker", GRID)
    return sessions.get(session.session_id, owner_id, NOW)


def test_a_change_is_answered_by_the_worker_that_has_it(storage: Storage) -> None:
    sessions, session = storage.interactive_sessions, ready(storage)
    assert sessions.claim("another", NOW) is None
    changed = sessions.change(session, [POINT], None, NOW)
    assert changed.is_waiting
    assert not sessions.answer(session.session_id, "another", 1, mask=b"theirs", voxels=1)
    place: MaskPlace = {"start": (0, 1, 1), "shape": (1, 1, 1)}
    assert sessions.answer(
        session.session_id, "worker", 1, mask=b"bits", mask_place=place, voxels=1, took_ms=7
    )
    now = sessions.get(session.session_id, "account:ada", NOW)
    assert not now.is_waiting
    assert (now.points, now.voxels, sessions.mask(now.session_id)) == (
        [{**POINT, "lps_mm": [1.0, 2.0, 0.0]}],
        1,
        b"bits",
    )
    with pytest.raises(StateConflict, match="changed meanwhile"):
        sessions.change(session, [], None, NOW)


def test_another_person_finds_no_session_of_mine(storage: Storage) -> None:
    session = ready(storage)
    with pytest.raises(NotFound):
        storage.interactive_sessions.get(session.session_id, "account:eve", NOW)


def test_as_many_as_the_node_may_have(storage: Storage) -> None:
    opened(storage, "account:ada")
    opened(storage, "account:eve")
    with pytest.raises(TooManyRequests, match="2 sessions"):
        opened(storage, "account:bob")
    # One's own earlier one makes room.
    opened(storage, "account:eve")


def test_a_session_ends_with_its_process(storage: Storage) -> None:
    session = ready(storage)
    later = NOW + timedelta(seconds=LEASE_S + 1)
    ended = storage.interactive_sessions.get(session.session_id, "account:ada", later)
    assert ended.state == "ended"
    assert ended.reason.startswith("The worker's process that had the series in memory ended")
    assert not storage.interactive_sessions.renew(session.session_id, "worker", later)
    with pytest.raises(StateConflict, match="The session is over"):
        storage.interactive_sessions.change(session, [POINT], None, later)
    opened(storage, "account:bob", at_most=1)


def test_a_session_that_no_worker_takes_up_ends(storage: Storage) -> None:
    session = opened(storage, "account:ada")
    later = NOW + timedelta(minutes=5)
    ended = storage.interactive_sessions.get(session.session_id, "account:ada", later)
    assert ended.reason == "No worker took it up within 90 s."


def test_what_is_accepted_is_what_is_saved(storage: Storage) -> None:
    """No click, and no other acceptance, comes between."""
    sessions, session = storage.interactive_sessions, ready(storage)
    changed = sessions.change(session, [POINT], None, NOW)
    assert sessions.answer(session.session_id, "worker", changed.wanted, voxels=1)
    acceptance: Acceptance = {
        "author_name": "ada", "author_id": "account:ada", "is_person": True, "label": "",
        "code": None,
    }  # fmt: skip
    accepted = sessions.accept(changed, acceptance, NOW)
    with pytest.raises(StateConflict, match="is being saved"):
        sessions.change(accepted, [POINT, POINT], None, NOW)
    with pytest.raises(StateConflict, match="is being saved"):
        sessions.accept(accepted, {**acceptance, "label": "Other"}, NOW)
    assert sessions.saved(session.session_id, "worker", "job")
    again = sessions.get(session.session_id, session.owner_id, NOW)
    assert sessions.change(again, [POINT, POINT], None, NOW).wanted == changed.wanted + 1
