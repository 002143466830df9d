"""What is still to be done, and for which stations it is scheduled."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from sqlalchemy import Engine, select, tuple_

from storage import tables as t
from storage.core.ae_titles import ANY_STATION
from storage.core.callers.visibility import as_node
from storage.db.engine import reading
from storage.worklist.entities import OPEN_STATES, WorklistItem

_PAGE_ROWS = 500


def open_items(engine: Engine, station: str) -> Iterator[WorklistItem]:
    """See `Worklist.open_items`."""
    key = (t.worklist_item.c.start, t.worklist_item.c.worklist_item_id)
    last: tuple[str, str] | None = None
    while True:
        query = select(t.worklist_item).where(t.worklist_item.c.state.in_(OPEN_STATES))
        if last is not None:
            query = query.where(tuple_(*key) > last)
        query = query.order_by(*key).limit(_PAGE_ROWS)
        with as_node() if station else nullcontext(), reading(engine) as connection:
            rows = connection.execute(query)
            page = [WorklistItem(**row) for row in rows.mappings()]
        yield from _for_station(engine, page, station) if station else page
        if len(page) < _PAGE_ROWS:
            return
        last = (page[-1].start, page[-1].worklist_item_id)


def _for_station(
    engine: Engine, page: Sequence[WorklistItem], station: str
) -> Iterator[WorklistItem]:
    ids = [one.worklist_item_id for one in page]
    column = t.worklist_item.c.worklist_item_id
    with reading(engine) as connection:
        seen = set(connection.scalars(select(column).where(column.in_(ids))))
    for one in page:
        if one.worklist_item_id in seen or station in scheduled_stations(one.attributes):
            yield one


def scheduled_stations(attributes: Mapping[str, Any]) -> set[str]:
    """Their AE titles. Who calls itself ANY is not every station."""
    steps: Iterable[Mapping[str, Any]] = attributes.get("ScheduledProcedureStepSequence", [])
    return {
        title.strip()
        for step in steps
        for title in str(step.get("ScheduledStationAETitle", "")).split("\\")
    } - {"", ANY_STATION}
