"""The vectors of passages where PostgreSQL searches them itself, by its extension pgvector.

They are copies: `passage.vector` stays what counts, so the setting may be turned on, off and on
again. Nothing here is in the migrations, for most databases have no such extension.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from sys import byteorder

from sqlalchemy import Connection, Engine, bindparam, func, select, text
from sqlalchemy.exc import DBAPIError

from storage.core.callers.visibility import current_visibility
from storage.core.errors import StorageUnavailable
from storage.db.engine import reading, writing

DIMENSIONS = 384
_OLDEST = (0, 8)
"""From this version on a search goes on until enough of what it finds is wanted."""
_AT_A_TIME = 500
_LOCK = 0x6D767076
_SEARCHED = 200
"""How many neighbours the search keeps in view: more find better, and take longer."""
_REMEDY = (
    "Install pgvector 0.8 or newer for the database's PostgreSQL (Debian 13:"
    " postgresql-17-pgvector) and run 'CREATE EXTENSION vector' in it as a superuser,"
    " or set MEDIVIEW_PASSAGE_SEARCH=memory."
)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS passage_vector ("
    " passage_id bigint PRIMARY KEY REFERENCES passage ON DELETE CASCADE,"
    f" vector vector({DIMENSIONS}) NOT NULL)"
)
_INDEX = (
    "CREATE INDEX IF NOT EXISTS ix_passage_vector_vector ON passage_vector"
    " USING hnsw (vector vector_ip_ops)"
)
_MISSING = text(
    "SELECT passage_id, vector FROM passage"
    " WHERE passage_id > :after AND NOT waits AND vector IS NOT NULL"
    " AND NOT EXISTS (SELECT FROM passage_vector v WHERE v.passage_id = passage.passage_id)"
    " ORDER BY passage_id LIMIT :limit FOR KEY SHARE"
)
_ADD = text(
    "INSERT INTO passage_vector (passage_id, vector) VALUES (:passage_id, CAST(:vector AS vector))"
    " ON CONFLICT (passage_id) DO UPDATE SET vector = excluded.vector"
)
# Of vectors of length one the inner product is the cosine; <#> is its negative.
_NEAREST = (
    "SELECT p.passage_id, -(v.vector <#> CAST(:vector AS vector)) AS score"
    " FROM passage_vector v JOIN passage p ON p.passage_id = v.passage_id"
    " WHERE p.kind IN :kinds AND p.study_instance_uid <> :other_than{narrowed}"
    " ORDER BY v.vector <#> CAST(:vector AS vector) LIMIT :limit"
)
# Text is not narrowed by itself (`storage.db.visibility_engine`).
_OF_GROUPS = (
    " AND EXISTS (SELECT 1 FROM study_group g WHERE g.group_id IN :group_ids"
    " AND g.study_instance_uid = p.study_instance_uid AND g.origin <> 'ordered')"
)
_OF_ALL = text(_NEAREST.format(narrowed="")).bindparams(bindparam("kinds", expanding=True))
_OF_VISIBLE = text(_NEAREST.format(narrowed=_OF_GROUPS)).bindparams(
    bindparam("kinds", expanding=True), bindparam("group_ids", expanding=True)
)


class PassageVectors:
    """Vectors of 384 numbers of 32 bits, little endian, of length one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prepare(self) -> None:
        """Make the table and its index, and copy what is not in it yet. Safe at every start.

        Raises StorageUnavailable where the database has no extension that will do.
        """
        try:
            with self._alone() as connection:
                connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        except DBAPIError as error:
            raise StorageUnavailable(
                "MEDIVIEW_PASSAGE_SEARCH is pgvector, and the database cannot load the"
                " extension 'vector'.",
                remedy=_REMEDY,
            ) from error
        with self._alone() as connection:
            version = connection.scalar(
                text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
            )
            if tuple(int(part) for part in str(version).split(".")[:2]) < _OLDEST:
                raise StorageUnavailable(
                    f"The database's pgvector is {version}; at least 0.8 is needed.", remedy=_REMEDY
                )
            connection.execute(text(_TABLE))
        self._copy_missing()
        # After the rows: an index that is built at once takes less time than one that grows.
        with self._alone() as connection:
            connection.execute(text(_INDEX))

    def check(self) -> None:
        """Raise StorageUnavailable unless `prepare` has run in this database."""
        with reading(self._engine) as connection:
            if connection.scalar(text("SELECT to_regclass('ix_passage_vector_vector')")) is None:
                raise StorageUnavailable(
                    "MEDIVIEW_PASSAGE_SEARCH is pgvector, and the database is not prepared for it.",
                    remedy="Run 'mediview migrate'.",
                )

    def nearest(
        self, vector: Sequence[float], limit: int, kinds: Sequence[str], other_than: str
    ) -> dict[int, float]:
        """The ids of passages with the cosine of the angle to `vector`, the greatest first.

        The index is approximate: of the nearest ones it may miss some. Passages of the study
        `other_than` are left out.
        """
        values = {
            "vector": _literal(vector),
            "kinds": list(kinds),
            "other_than": other_than,
            "limit": limit,
        }
        with reading(self._engine) as connection:
            connection.execute(text(f"SET LOCAL hnsw.ef_search = {max(_SEARCHED, limit)}"))
            connection.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
            visibility = current_visibility()
            if visibility is None:
                rows = connection.execute(_OF_ALL, values)
            else:
                rows = connection.execute(_OF_VISIBLE, values | {"group_ids": visibility.group_ids})
            return {row.passage_id: float(row.score) for row in rows}

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """A transaction that no other preparing process has at the same time."""
        with writing(self._engine) as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            yield connection

    def _copy_missing(self) -> None:
        after = 0
        while True:
            with self._alone() as connection:
                rows = connection.execute(_MISSING, {"after": after, "limit": _AT_A_TIME}).all()
                if not rows:
                    return
                add_vectors(connection, {row.passage_id: bytes(row.vector) for row in rows})
            after = rows[-1].passage_id


def add_vectors(connection: Connection, vectors: Mapping[int, bytes]) -> None:
    """In a transaction that holds the passages' rows, so that none is deleted meanwhile."""
    connection.execute(
        _ADD,
        [
            {"passage_id": passage_id, "vector": _literal(_numbers(vector))}
            for passage_id, vector in vectors.items()
        ],
    )


def _numbers(vector: bytes) -> Sequence[float]:
    numbers = array("f")
    numbers.frombytes(vector)
    if byteorder == "big":
        numbers.byteswap()
    return numbers


def _literal(vector: Sequence[float]) -> str:
    """As pgvector reads it; nine digits keep a number of 32 bits whole."""
    return "[" + ",".join(f"{number:.9g}" for number in vector) + "]"
