"""The tests' own databases: a statement is compiled for the first of a kind alone."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

from storage import tables as t
from storage.db.engine import make_engine, reading
from storage.settings import load_settings
from tests.migrated import upgrade


def test_another_database_finds_what_was_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    visit = SQLiteCompiler.visit_select

    def visit_select(self: SQLiteCompiler, *arguments: Any, **more: Any) -> str:
        text: str = visit(self, *arguments, **more)
        compiled.append(text)
        return text

    monkeypatch.setattr(SQLiteCompiler, "visit_select", visit_select)
    counts = []
    for name in ("one", "other"):
        settings = load_settings(data_dir=tmp_path / name)
        upgrade(settings)
        engine = make_engine(settings.resolved_database_url)
        with reading(engine) as connection:
            compiled.clear()
            connection.execute(select(t.volume.c.size_bytes.label("asked_by_no_other_test")))
            counts.append(len(compiled))
        engine.dispose()
    assert counts == [1, 0]
