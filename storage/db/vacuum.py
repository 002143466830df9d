"""Whether PostgreSQL clears away what was deleted and replaced, and what keeps it from that."""

from sqlalchemy import Connection, Engine, text

from storage.db.engine import reading

DEAD_LEAST = 100_000
DEAD_RATIO = 0.5
"""Of the living rows. The node's large tables are vacuumed from a fiftieth or twentieth on."""
_OLD_TRANSACTION_S = 3600
# PostgreSQL vacuums from 200 million on whatever else there is, and stops writing at two billion.
_OLDEST_AGE = 1_000_000_000

_DEAD = text(
    "SELECT relname, n_dead_tup, n_live_tup FROM pg_stat_user_tables"
    " WHERE n_dead_tup >= :least AND n_dead_tup > :ratio * n_live_tup"
    " ORDER BY n_dead_tup DESC LIMIT 3"
)
_AGE = text("SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()")
_OLDEST_TRANSACTION = text(
    "SELECT pid, extract(epoch FROM now() - xact_start) AS seconds FROM pg_stat_activity"
    " WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
    " ORDER BY xact_start LIMIT 1"
)


def not_vacuumed(engine: Engine) -> str:
    """What is wrong, with the remedy; empty where nothing is, and of SQLite, which needs none.

    Raises StorageUnavailable.
    """
    if engine.dialect.name == "sqlite":
        return ""
    with reading(engine) as connection:
        return " ".join(
            filter(None, (_switched_off(connection), _dead(connection), _aged(connection)))
        )


def _switched_off(connection: Connection) -> str:
    query = "SELECT current_setting('autovacuum'), current_setting('track_counts')"
    names = ("autovacuum", "track_counts")
    values = connection.execute(text(query)).one()
    off = [name for name, value in zip(names, values, strict=True) if value == "off"]
    if not off:
        return ""
    return (
        f"PostgreSQL has {' and '.join(off)} = off: the index grows, and its statistics grow old."
        " Set it to on in postgresql.conf, and reload it."
    )


def _dead(connection: Connection) -> str:
    rows = connection.execute(_DEAD, {"least": DEAD_LEAST, "ratio": DEAD_RATIO}).all()
    if not rows:
        return ""
    tables = ", ".join(f"{name} ({dead:,} beside {live:,} living)" for name, dead, live in rows)
    return (
        f"Tables are full of dead rows: {tables}. {_what_keeps_it(connection)}"
        f" Then run VACUUM (ANALYZE) {rows[0].relname}."
    )


def _what_keeps_it(connection: Connection) -> str:
    oldest = connection.execute(_OLDEST_TRANSACTION).first()
    if oldest is not None and oldest.seconds > _OLD_TRANSACTION_S:
        return (
            f"The transaction of process {oldest.pid} has been open for"
            f" {oldest.seconds / 3600:.0f} h and keeps them: end it with pg_terminate_backend."
        )
    return (
        "Look for what keeps them (pg_stat_activity.backend_xmin, pg_prepared_xacts,"
        " pg_replication_slots.xmin), and whether autovacuum comes along"
        " (pg_stat_user_tables.last_autovacuum, autovacuum_max_workers)."
    )


def _aged(connection: Connection) -> str:
    age = int(connection.execute(_AGE).scalar_one())
    if age < _OLDEST_AGE:
        return ""
    return (
        f"The oldest row is {age:,} transactions old: PostgreSQL stops writing at two billion."
        f" {_what_keeps_it(connection)} Then run VACUUM (FREEZE)."
    )
