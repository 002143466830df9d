"""Statements of SQLAlchemy that are compiled once for all databases of one kind."""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_AT_MOST = 3000
_DIALECTS: tuple[type[Any], ...] = (SQLiteDialect_pysqlite, PGDialect_psycopg)
_OPTIONS = (
    # That of an engine that narrows what a caller sees is another: `storage.db.visibility_engine`.
    "statement_compiler",
    "ddl_compiler",
    "paramstyle",
    "server_version_info",
    "_json_serializer",
    "_json_deserializer",
)


def compile_once() -> None:
    """For this process: each test opens databases of its own, by engines that are made alike.

    What SQLAlchemy compiled is found again by its dialect and the statement; a new engine has
    neither a dialect that it knows nor anything compiled.
    """
    for dialect in _DIALECTS:
        dialect.__eq__ = _are_alike
        dialect.__hash__ = lambda self: hash(type(self))
    # A new dialect does not know the version of its server, by which it differs from the others,
    # until it has connected. What was compiled is found by the dialect as it is then.
    compiled: dict[type[Any], Any] = {}
    make = Engine.__init__

    def make_with_compiled(self: Engine, *arguments: Any, **more: Any) -> None:
        make(self, *arguments, **more)
        own: Any = self._compiled_cache
        if own is not None and type(self.dialect) in _DIALECTS:
            own.capacity = _AT_MOST
            self._compiled_cache = compiled.setdefault(type(self.dialect), own)

    Engine.__init__ = make_with_compiled  # type: ignore[method-assign]


def _are_alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and all(
        getattr(one, name, None) == getattr(other, name, None) for name in _OPTIONS
    )
