"""Lists that people page through: the rows of one page, and how many there are in all."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func


def read_page(
    connection: Connection,
    statement: Select[Any],
    limit: int | None,
    offset: int,
    beyond: ColumnElement[bool] | None = None,
) -> tuple[Sequence[RowMapping], int]:
    """The rows of one page of the statement, and how many it finds in all.

    `beyond` begins the page where another one ended (`storage.db.keyset`).
    """
    counted = statement.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
    total = int(connection.execute(counted).scalar_one())
    if beyond is not None:
        statement = statement.where(beyond)
    rows = connection.execute(statement.limit(limit).offset(offset))
    return rows.mappings().all(), total
