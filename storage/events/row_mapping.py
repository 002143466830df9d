"""Table rows to events."""

from sqlalchemy import RowMapping

from storage.core.entities import Event
from storage.db.row_mapping import fields_of


def to_event(row: RowMapping) -> Event:
    return Event(**fields_of(Event, row))
