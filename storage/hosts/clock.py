"""The database's clock, which all hosts share."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from storage.tables.base import UtcDateTime


def now_of_database(connection: Connection) -> datetime:
    return connection.execute(select(func.clock_timestamp(type_=UtcDateTime()))).scalar_one()
