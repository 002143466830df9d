"""A database of an earlier version, with rows in every table, is brought to this one with them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    func,
    insert,
    select,
)

from storage.db.engine import reading, writing
from storage.db.migrate import upgrade_to
from storage.maintenance.upgrade import upgrade
from storage.settings import Settings, load_settings
from storage.tables import metadata
from tests.postgres import PostgresServer
from tests.storage.engines import opened_engine

STUDY, SERIES, INSTANCE = "2.25.1", "2.25.2", "2.25.3"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# Of the first version, and of three on the way: before models lay in the bucket, for one.
REVISIONS = ("0001", "0044", "0086", "0125")
VALUES: dict[str, Any] = {
    "study_instance_uid": STUDY,
    "series_instance_uid": SERIES,
    "sop_instance_uid": INSTANCE,
    "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
    "transfer_syntax_uid": "1.2.840.10008.1.2.1",
    "modality": "CT",
    "state": "COMPLETED",
    "patient_name": "Müller^Jörg",
    "patient_id": "P-1",
    "study_date": "20260102",
    "pipeline": "brain-volume",
    "pipeline_version": "1.0",
    "destination": "pacs",
}


def _slow(revision: str) -> ParameterSet:
    return pytest.param(revision, marks=pytest.mark.slow)


def value_of(column: Column[Any]) -> Any:
    kind = column.type
    if column.name in VALUES:
        return VALUES[column.name]
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, DateTime) or column.name == "at" or column.name.endswith("_at"):
        return AT if isinstance(kind, DateTime) else int(AT.timestamp() * 1_000_000)
    if isinstance(kind, Date):
        return AT.date()
    if isinstance(kind, JSON):
        return {}
    if isinstance(kind, LargeBinary):
        return b"{}"
    if isinstance(kind, (Integer, Float, Numeric)):
        return 1
    return "1"


def fill(connection: Connection) -> set[str]:
    """One row in each table; all tables there are."""
    found = MetaData()
    found.reflect(connection)
    filled = set()
    for table in found.sorted_tables:
        if table.name == "alembic_version":
            continue
        filled.add(table.name)
        if connection.scalar(select(func.count()).select_from(table)):
            # Migrations make some themselves.
            continue
        row = {
            column.name: value_of(column)
            for column in table.columns
            if column.name in VALUES or not (column.nullable or column.server_default)
        }
        connection.execute(insert(table).values(row))
    return filled


def try_from(settings: Settings, revision: str) -> None:
    with opened_engine(settings) as engine:
        with writing(engine) as connection:
            upgrade_to(connection, revision)
            filled = fill(connection)
        assert len(filled) > 10
    upgrade(settings)
    with opened_engine(settings) as engine, reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert [
            one for one in compare_metadata(context, metadata) if "trigrams" not in str(one)
        ] == []
        for name in filled & metadata.tables.keys():
            count = select(func.count()).select_from(metadata.tables[name])
            assert connection.scalar(count), f"the row of {name} is gone"
        names = connection.execute(select(metadata.tables["study"].c.patient_name)).scalars()
        assert list(names) == [VALUES["patient_name"]]
        jobs = connection.execute(select(metadata.tables["job"].c.created_at)).scalars()
        assert list(jobs) == [AT]
    assert upgrade(settings) == 0


@pytest.mark.parametrize("revision", [REVISIONS[0], *map(_slow, REVISIONS[1:])])
def test_an_sqlite_file_of_an_earlier_version(tmp_path: Path, revision: str) -> None:
    try_from(load_settings(data_dir=tmp_path, free_disk_mark_bytes=0), revision)


@pytest.mark.parametrize("revision", list(map(_slow, REVISIONS)))
def test_a_postgresql_database_of_an_earlier_version(
    tmp_path: Path, postgres_server: PostgresServer, revision: str
) -> None:
    url = postgres_server.new_database()
    try_from(load_settings(data_dir=tmp_path, database_url=url, free_disk_mark_bytes=0), revision)
