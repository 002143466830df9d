"""A database that is not vacuumed is named, with what keeps it from that."""

import psycopg
from sqlalchemy import Engine, text

from storage.db.engine import make_engine
from storage.db.vacuum import DEAD_LEAST, not_vacuumed
from tests.postgres import PostgresServer


def _url(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _replace_all(engine: Engine, count: int) -> None:
    """Of as many events none is as it was; a session's end tells the server what it did."""
    with psycopg.connect(_url(engine), autocommit=True) as connection:
        connection.execute("ALTER TABLE event SET (autovacuum_enabled = off)")
        connection.execute(
            "INSERT INTO event (at, topic, study_instance_uid, payload)"
            f" SELECT now(), 'study', '1.2.' || n, '{{}}' FROM generate_series(1, {count}) AS n"
        )
        connection.execute("UPDATE event SET topic = 'job'")


def test_a_new_database_is_vacuumed(postgres_engine: Engine) -> None:
    assert not_vacuumed(postgres_engine) == ""


def test_a_table_full_of_dead_rows_is_named_until_it_is_vacuumed(postgres_engine: Engine) -> None:
    _replace_all(postgres_engine, DEAD_LEAST)
    wrong = not_vacuumed(postgres_engine)
    assert "event (100,000 beside 100,000 living)" in wrong
    assert "VACUUM (ANALYZE) event" in wrong
    with psycopg.connect(_url(postgres_engine), autocommit=True) as connection:
        connection.execute("VACUUM event")
    assert not_vacuumed(postgres_engine) == ""


def test_few_dead_rows_are_left_to_autovacuum(postgres_engine: Engine) -> None:
    _replace_all(postgres_engine, 1000)
    assert not_vacuumed(postgres_engine) == ""


def test_autovacuum_that_is_off_is_named(postgres_server: PostgresServer) -> None:
    url = postgres_server.migrated_database()
    engine = make_engine(url)
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")
        try:
            with engine.connect() as asking:
                for _ in range(100):
                    if asking.execute(text("SHOW autovacuum")).scalar_one() == "off":
                        break
            assert "autovacuum = off" in not_vacuumed(engine)
        finally:
            connection.execute("ALTER SYSTEM RESET autovacuum")
            connection.execute("SELECT pg_reload_conf()")
    engine.dispose()
    postgres_server.drop(url)


def test_sqlite_needs_no_vacuum(tmp_path: object) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/index.sqlite3")
    assert not_vacuumed(engine) == ""
    engine.dispose()


def test_large_tables_are_vacuumed_before_a_fifth_of_them_is_new(postgres_engine: Engine) -> None:
    with postgres_engine.connect() as connection:
        rows = connection.execute(
            text("SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL")
        )
        options = {name: set(values) for name, values in rows}
    assert "autovacuum_vacuum_insert_scale_factor=0.02" in options["instance"]
    assert "autovacuum_vacuum_scale_factor=0.05" in options["series"]
