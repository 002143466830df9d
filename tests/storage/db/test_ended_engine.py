"""A thread that still uses the database when its storage is closed leaves no session behind."""

from sqlalchemy import Engine, text


def test_what_is_given_back_late_is_closed(postgres_engine: Engine) -> None:
    begun = postgres_engine.connect()
    begun.execute(text("SELECT 1"))
    early = begun.connection.driver_connection
    postgres_engine.dispose()
    begun.close()
    assert early is not None
    assert early.closed
    with postgres_engine.connect() as late:
        late.execute(text("SELECT 1"))
        another = late.connection.driver_connection
    assert another is not None
    assert another.closed
