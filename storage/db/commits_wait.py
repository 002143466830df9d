"""Whether PostgreSQL lets what is committed wait for its disk."""

from collections.abc import Sequence

from sqlalchemy import Engine, text

from storage.db.engine import reading

OF_SESSIONS = ("synchronous_commit",)
OF_SERVERS = ("fsync", "full_page_writes")
_REMEDY = {
    "synchronous_commit": "The node asks for 'on' as it connects. Let it connect to the server"
    " itself; of a pooler between them, which ignores that (PgBouncer's ignore_startup_parameters)"
    " or gives on connections that others have set, set it there, and with"
    " ALTER ROLE … SET synchronous_commit = on.",
    "fsync": "Set it to on in postgresql.conf, and restart the server.",
    "full_page_writes": "Set it to on in postgresql.conf, and reload it.",
}


def not_durable(engine: Engine, asked_for: Sequence[str] = OF_SESSIONS) -> str:
    """Which of these settings lets acknowledged changes be lost in a crash, with the remedy.

    Empty where none does, and of SQLite, whose connections are this node's alone. What is asked is
    an ordinary transaction: another setting may hold there than where the connection began. Raises
    StorageUnavailable.
    """
    if engine.dialect.name == "sqlite":
        return ""
    asked = ", ".join(f"current_setting('{name}')" for name in asked_for)
    with reading(engine) as connection:
        values = connection.execute(text(f"SELECT {asked}")).one()
    wrong = [name for name, value in zip(asked_for, values, strict=True) if value == "off"]
    if not wrong:
        return ""
    settings = " and ".join(f"{name} = off" for name in wrong)
    return (
        f"PostgreSQL has {settings}: what was acknowledged is lost when the server crashes."
        f" {' '.join(_REMEDY[name] for name in wrong)}"
    )
