"""Table rows to entities."""

from typing import Any

from sqlalchemy import RowMapping

from storage.core.entities import (
    Decision,
    Delivery,
    Event,
    Instance,
    Job,
    Location,
    Series,
    Study,
    Upload,
)


def to_study(row: RowMapping, modalities: tuple[str, ...]) -> Study:
    return Study(**fields_of(Study, row), modalities=modalities)


def to_series(row: RowMapping) -> Series:
    return Series(**fields_of(Series, row))


def to_instance(row: RowMapping) -> Instance:
    location = Location(row["volume"], row["volume_offset"], row["size_bytes"], row["object_key"])
    return Instance(**fields_of(Instance, row), location=location)


def to_job(row: RowMapping) -> Job:
    return Job(**fields_of(Job, row))


def to_decision(row: RowMapping) -> Decision:
    return Decision(**fields_of(Decision, row))


def to_delivery(row: RowMapping) -> Delivery:
    return Delivery(**fields_of(Delivery, row))


def to_event(row: RowMapping) -> Event:
    return Event(**fields_of(Event, row))


def to_upload(row: RowMapping) -> Upload:
    return Upload(**fields_of(Upload, row))


def fields_of(entity: Any, row: RowMapping) -> dict[str, Any]:
    """The columns that bear the names of the entity's fields."""
    return {name: row[name] for name in entity.__dataclass_fields__ if name in row}
