"""What computes for too long is ended, also while the database does not answer."""

import os
import signal
import threading
from pathlib import Path

import pytest

from inference.interactive import serving
from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import writing
from tests.inference.orchestration import storage_in


def test_a_click_that_takes_too_long_ends_its_process_without_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[tuple[int, int]] = []
    ended = threading.Event()

    def kill(process: int, number: int) -> None:
        killed.append((process, number))
        ended.set()

    monkeypatch.setattr(serving, "_RENEW_S", 0.01)
    with storage_in(tmp_path, interactive_click_s=0.05) as storage:
        sessions = storage.interactive_sessions
        session = sessions.open("1", "1.1", "click-x", "1", "", "account:ada", 2, utcnow())
        with writing(storage.engine) as connection:
            t.interactive_session.drop(connection)
        guard = serving._Guard(storage.settings, sessions, session.session_id, "worker")
        # In place of the signal, which would end the tests.
        monkeypatch.setattr(os, "kill", kill)
        # What else the tests have started is not of the process that would end.
        monkeypatch.setattr(serving, "end_below", lambda _: None)
        with guard, guard.busy("a click"):
            assert ended.wait(2)
    assert killed[0] == (os.getpid(), signal.SIGKILL)
