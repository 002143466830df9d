"""Table rows to studies, series and instances."""

from sqlalchemy import RowMapping

from storage.core.entities import Instance, Location, Series, Study
from storage.db.row_mapping import fields_of


def to_study(row: RowMapping, modalities: tuple[str, ...]) -> Study:
    return Study(**fields_of(Study, row), modalities=modalities)


def to_series(row: RowMapping) -> Series:
    return Series(**fields_of(Series, row))


def to_instance(row: RowMapping) -> Instance:
    location = Location(row["volume"], row["volume_offset"], row["size_bytes"], row["object_key"])
    return Instance(**fields_of(Instance, row), location=location)
