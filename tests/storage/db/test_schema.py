"""Migrations and tables say the same, and a wrong schema is refused with the remedy."""

import importlib
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, inspect, select, text

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import StateConflict, StorageUnavailable
from storage.db.engine import make_engine, reading, writing
from storage.db.migrate import _config, upgrade_to
from storage.db.schema import check_schema, newest_revision, revision
from storage.maintenance.upgrade import upgrade
from storage.settings import Settings, load_settings
from storage.tables import metadata
from tests.storage.engines import opened_engine
from tests.storage.plans import plan_of


def test_migrations_make_exactly_the_tables_of_the_code(storage: Storage) -> None:
    with reading(storage.engine) as connection:
        options = {"compare_type": True, "include_name": _is_of_every_database}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def _is_of_every_database(name: str | None, kind: str, _of: object) -> bool:
    """Some of PostgreSQL have no pg_trgm, by whose classes this index is made."""
    return kind != "index" or name != "ix_study_search_text_trigrams"


def test_what_a_flag_marks_is_found_by_its_index(storage: Storage) -> None:
    """Each database compares the condition of an index with the words of the statement."""
    marked = {
        "ix_series_rejected": select(t.series.c.id).where(t.series.c.is_rejected),
        "ix_instance_rejected": select(t.instance.c.id).where(t.instance.c.is_rejected),
        "ix_rejection_pending": select(t.rejection.c.sop_instance_uid).where(
            ~t.rejection.c.is_applied
        ),
        "ix_job_input_prior": select(t.job_input.c.job_id).where(t.job_input.c.is_prior),
    }
    flags = {
        index.name
        for table in metadata.sorted_tables
        for index in table.indexes
        if "is_" in str(index.dialect_options["sqlite"]["where"])
    }
    assert flags == set(marked)
    marked["ix_series_roles_unknown"] = select(t.series.c.id).where(t.ROLES_UNKNOWN)
    for index, statement in marked.items():
        assert index in plan_of(storage.engine, statement)


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    assert ScriptDirectory.from_config(_config()).get_heads() == [newest_revision()]


def test_upgrading_twice_changes_nothing(storage_settings: Settings) -> None:
    assert upgrade(storage_settings) == 0


def test_an_older_schema_is_refused_with_the_remedy(storage: Storage) -> None:
    with writing(storage.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(StorageUnavailable, match="schema 0000") as refusal:
        check_schema(storage.engine)
    assert "mediview migrate" in refusal.value.remedy


def test_a_schema_of_a_newer_version_is_refused_without_calling_it_old(storage: Storage) -> None:
    with writing(storage.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageUnavailable, match="schema 9999, which a newer version") as error:
        check_schema(storage.engine)
    assert "restore the backup" in (error.value.remedy or "")
    with pytest.raises(StorageUnavailable, match="schema 9999, which a newer version"):
        upgrade(storage.settings)


def test_a_migration_that_does_not_fit_is_named_and_changes_nothing(tmp_path: Path) -> None:
    """Somebody has renamed a column by hand."""
    settings = load_settings(data_dir=tmp_path, free_disk_mark_bytes=0)
    with opened_engine(settings) as engine:
        with writing(engine) as connection:
            upgrade_to(connection, "0074")
            connection.execute(
                text("ALTER TABLE report RENAME COLUMN withdrawal_notified_at TO other")
            )
        with pytest.raises(StateConflict, match="withdrawal_notified_at") as refused:
            upgrade(settings)
        assert "The migration 0075_find_reports_to_publish_by_an_index does" in str(refused.value)
        with reading(engine) as connection:
            assert revision(connection) == "0074"


def test_a_column_that_is_not_there_is_no_database_that_is_away(storage: Storage) -> None:
    if storage.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's driver tells them apart")
    with (
        pytest.raises(StorageUnavailable, match="no such column: unknown_yet"),
        reading(storage.engine) as connection,
    ):
        connection.execute(text("SELECT unknown_yet FROM job"))


def test_a_database_that_is_down_is_named() -> None:
    settings = load_settings(database_url="postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(StorageUnavailable, match="database"), open_storage(settings):
        pass


def test_what_an_administrator_stated_is_recorded_also_before_this_was_noted() -> None:
    """Of messages of which nothing was recorded, nobody knows what they stated."""
    module = "0063_note_what_messages_state_that_is_not_recorded"
    migration = importlib.import_module(f"storage.migrations.versions.{module}")
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        for table in ("patient_message", "patient_change"):
            connection.execute(
                text(f"CREATE TABLE {table} (sender TEXT, control_id TEXT, message_digest TEXT)")
            )
        messages = "('', 'of its own', ''), ('RIS^H', '1', 'a'), ('RIS^H', '2', 'b')"
        connection.execute(text(f"INSERT INTO patient_message VALUES {messages}"))
        changes = "('', 'its change ID', ''), ('RIS^H', '1', 'a')"
        connection.execute(text(f"INSERT INTO patient_change VALUES {changes}"))
        with Operations.context(MigrationContext.configure(connection)):
            migration.upgrade()
        rows = connection.execute(text("SELECT control_id, unrecorded FROM patient_message"))
        assert {one.control_id: one.unrecorded for one in rows} == {
            "of its own": "",
            "1": "",
            "2": "patient_birth_date patient_name patient_sex",
        }
    engine.dispose()


def test_inputs_of_jobs_made_before_priors_are_of_the_jobs_own_study(
    tmp_path: Path,
) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/index.sqlite")
    try:
        with writing(engine) as connection:
            upgrade_to(connection, "0078")
            columns = {one["name"] for one in inspect(connection).get_columns("job_input")}
            assert columns == {"job_id", "role", "series_instance_uid", "fingerprint"}
            now = utcnow()
            connection.execute(
                insert(t.job).values(
                    job_id="j", pipeline="p", pipeline_version="1", study_instance_uid="1.2",
                    series_instance_uid="1.3", input_fingerprint="f", state="COMPLETED", progress=1,
                    result={}, priority=0, attempts=1, created_at=now, updated_at=now,
                )
            )  # fmt: skip
            connection.execute(text("INSERT INTO job_input VALUES ('j', 'flair', '1.3', 'f')"))
            upgrade_to(connection, "0079")
            found = connection.execute(select(t.job_input.c.study_instance_uid)).scalars().all()
        assert found == ["1.2"]
    finally:
        engine.dispose()


def test_what_was_expected_of_a_series_is_of_its_study_unless_two_share_it() -> None:
    module = "0080_note_of_which_study_an_expected_series_is"
    migration = importlib.import_module(f"storage.migrations.versions.{module}")
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE study (id INTEGER, study_instance_uid TEXT)",
            "CREATE TABLE series (study_fk INTEGER, series_instance_uid TEXT)",
            "CREATE TABLE expectation (id INTEGER PRIMARY KEY, series_instance_uid TEXT,"
            " announced_by TEXT, CONSTRAINT uq_expectation_announced_by_series_instance_uid"
            " UNIQUE (announced_by, series_instance_uid))",
            "INSERT INTO study VALUES (1, '1.2'), (2, '1.3')",
            "INSERT INTO series VALUES (1, '1.2.1'), (1, '1.9'), (2, '1.9')",
            "INSERT INTO expectation VALUES (1, '1.2.1', 'a'), (2, '1.9', 'a'), (3, '1.8', 'a')",
        ):
            connection.execute(text(statement))
        with Operations.context(MigrationContext.configure(connection)):
            migration.upgrade()
            columns = "series_instance_uid, study_instance_uid"
            found = connection.execute(text(f"SELECT {columns} FROM expectation")).all()
            assert {tuple(row) for row in found} == {("1.2.1", "1.2"), ("1.9", ""), ("1.8", "")}
            # Two studies of one series, by the same announcer, are one row again.
            connection.execute(text("INSERT INTO expectation VALUES (4, '1.9', 'a', '1.3')"))
            migration.downgrade()
        assert connection.execute(text("SELECT id FROM expectation")).scalars().all() == [1, 3, 4]
    engine.dispose()
