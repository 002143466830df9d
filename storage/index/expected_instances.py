"""Which instances of a series others have announced: hints of when it is complete.

A modality says by MPPS what it made, an archive by an availability notice what
it holds. A hint never makes a series wait longer than the forced time.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Series
from storage.core.errors import StorageUnavailable
from storage.db.engine import insert_or_ignore, reading, writing
from storage.index.row_mapping import to_series
from storage.index.select_statements import select_series


@dataclass(frozen=True)
class Announced:
    """A series that still arrives, and how it compares with what was announced."""

    series: Series
    missing: frozenset[str]
    """SOP Instance UIDs that were announced and have not arrived."""
    is_final: bool
    """Whether the one who announced them has stated all that will come."""
    extra_count: int
    """Instances that arrived and that nobody announced."""
    missing_count: int
    """How many are missing: those of `missing`, or what a number that was named asks for."""

    @property
    def is_whole(self) -> bool:
        """Everything is there, and nothing that would put the announcement in doubt."""
        return self.is_final and not self.missing_count and not self.extra_count


@dataclass(frozen=True)
class Expectation:
    """What one source announced of one series."""

    announced_by: str
    sop_instance_uids: tuple[str, ...]
    instance_count: int | None
    is_final: bool
    updated_at: datetime


class Expectations:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def announce(
        self, announced_by: str, series: Mapping[str, Collection[str]], *, is_final: bool
    ) -> None:
        """Expect the instances of each series, in place of what `announced_by` stated before.

        No series at all takes back what was stated before.
        """
        with writing(self._engine) as connection:
            announce(connection, announced_by, series, is_final=is_final)

    def expect(
        self,
        announced_by: str,
        series_instance_uid: str,
        sop_instance_uids: Collection[str],
        *,
        instance_count: int | None,
        is_final: bool,
    ) -> Expectation:
        """Expect that many instances of one series, or these, in place of those before."""
        kept = Expectation(
            announced_by,
            tuple(sorted(set(sop_instance_uids))),
            instance_count,
            is_final,
            utcnow(),
        )
        with writing(self._engine) as connection:
            _forget(connection, announced_by)
            values = {**asdict(kept), "series_instance_uid": series_instance_uid}
            if not insert_or_ignore(connection, t.expectation, values):
                raise StorageUnavailable(
                    "The same series was announced twice at the same time.",
                    remedy="Announce it again.",
                )
        return kept

    def has_series(self, series_instance_uid: str) -> bool:
        """Whether some of the series is here."""
        found = select(t.series.c.id).where(t.series.c.series_instance_uid == series_instance_uid)
        with reading(self._engine) as connection:
            return connection.execute(found.limit(1)).first() is not None

    def of_series(self, series_instance_uid: str) -> list[Expectation]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.expectation)
                .where(t.expectation.c.series_instance_uid == series_instance_uid)
                .order_by(t.expectation.c.id)
            )
            return [
                Expectation(
                    row["announced_by"],
                    tuple(row["sop_instance_uids"]),
                    row["instance_count"],
                    row["is_final"],
                    row["updated_at"],
                )
                for row in rows.mappings()
            ]

    def of_receiving(self) -> list[Announced]:
        """Every series that still arrives and of which something was announced."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select_series(
                    t.series.c.state == "RECEIVING",
                    t.series.c.series_instance_uid.in_(select(t.expectation.c.series_instance_uid)),
                )
            )
            receiving = [to_series(row) for row in rows.mappings()]
            return [_compare(connection, series) for series in receiving]


def announce(
    connection: Connection,
    announced_by: str,
    series: Mapping[str, Collection[str]],
    *,
    is_final: bool,
) -> None:
    """The same within a transaction of the caller."""
    now = utcnow()
    _forget(connection, announced_by)
    rows = [
        {
            "series_instance_uid": series_instance_uid,
            "announced_by": announced_by,
            "is_final": is_final,
            "sop_instance_uids": sorted(set(uids)),
            "updated_at": now,
        }
        for series_instance_uid, uids in series.items()
        if uids
    ]
    if rows:
        connection.execute(t.expectation.insert(), rows)


def _forget(connection: Connection, announced_by: str) -> None:
    connection.execute(delete(t.expectation).where(t.expectation.c.announced_by == announced_by))


def _compare(connection: Connection, series: Series) -> Announced:
    announced: set[str] = set()
    is_final = True
    count = 0
    for uids, number, final in connection.execute(
        select(
            t.expectation.c.sop_instance_uids,
            t.expectation.c.instance_count,
            t.expectation.c.is_final,
        ).where(t.expectation.c.series_instance_uid == series.series_instance_uid)
    ):
        announced.update(uids)
        count = max(count, number or 0)
        is_final = is_final and final
    present = set(
        connection.execute(
            select(t.instance.c.sop_instance_uid)
            .join(t.series, t.instance.c.series_fk == t.series.c.id)
            .join(t.study, t.series.c.study_fk == t.study.c.id)
            .where(
                t.series.c.series_instance_uid == series.series_instance_uid,
                t.study.c.study_instance_uid == series.study_instance_uid,
            )
        ).scalars()
    )
    missing = announced - present
    # A number covers instances that nobody named.
    extra_count = len(present) - max(count, len(present & announced))
    return Announced(
        series,
        frozenset(missing),
        is_final,
        max(0, extra_count),
        max(len(missing), count - len(present)),
    )
