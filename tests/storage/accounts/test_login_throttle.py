"""Attempts to sign in are counted, also where another of the same name succeeds at that moment."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table

from storage.accounts import login_throttle
from storage.accounts.login_throttle import LoginThrottle, by_second_factor
from storage.container import open_storage
from storage.db.engine import insert_or_ignore
from storage.settings import load_settings
from tests.migrated import upgrade


def test_a_row_that_another_removes_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL finds the row, waits for the other, and then there is none."""
    settings = load_settings(data_dir=tmp_path)
    upgrade(settings)
    tries = []

    def found_and_removed(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
        tries.append(values["subject"])
        return len(tries) > 1 and insert_or_ignore(connection, table, values)

    monkeypatch.setattr(login_throttle, "insert_or_ignore", found_and_removed)
    with open_storage(settings) as storage:
        throttle = LoginThrottle(storage.engine)
        assert [throttle.begin([by_second_factor("ada")]) for _ in range(5)] == [0.0] * 5
        assert throttle.begin([by_second_factor("ada")]) > 0
