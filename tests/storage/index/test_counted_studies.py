"""Counting studies reads no patients, however the list is ordered."""

from typing import Any

from sqlalchemy import event

from storage import tables as t
from storage.container import Storage


def test_the_number_of_studies_is_counted_without_their_patients(storage: Storage) -> None:
    asked: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(storage.engine, "before_cursor_execute", note)
    storage.index.studies(20, 0, "thorax", order=(t.patient.c.patient_id.desc(),))
    event.remove(storage.engine, "before_cursor_execute", note)
    (count,) = (one for one in asked if one.startswith("SELECT count(*)"))
    assert "patient" not in count.partition("WHERE")[0], count
    assert any("JOIN patient" in one for one in asked)
