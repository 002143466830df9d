"""Table rows to entities."""

from typing import Any

from sqlalchemy import RowMapping

from storage.core.entities import (
    Decision,
    Job,
)


def to_job(row: RowMapping) -> Job:
    return Job(**fields_of(Job, row))


def to_decision(row: RowMapping) -> Decision:
    return Decision(**fields_of(Decision, row))


def fields_of(entity: Any, row: RowMapping) -> dict[str, Any]:
    """The columns that bear the names of the entity's fields."""
    # Asking a row whether it has a column costs two calls, for each.
    columns = dict(row)
    return {name: columns[name] for name in entity.__dataclass_fields__ if name in columns}
