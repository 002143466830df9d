"""Which instances of a series others have announced: hints of when it is complete.

A modality says by MPPS what it made, an archive by an availability notice what
it holds. A hint never makes a series wait longer than the forced time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, select

from storage import tables as t
from storage.clock import utcnow
from storage.database import reading, writing
from storage.entities import Series
from storage.index import select_series
from storage.rows import to_series


@dataclass(frozen=True)
class Announced:
    """A series that still arrives, and how it compares with what was announced."""

    series: Series
    missing: frozenset[str]
    """SOP Instance UIDs that were announced and have not arrived."""
    is_final: bool
    """Whether whoever announced them has said all that he will."""
    extra_count: int
    """Instances that arrived and that nobody announced."""

    @property
    def is_whole(self) -> bool:
        """Everything is there, and nothing that would put the announcement in doubt."""
        return self.is_final and not self.missing and not self.extra_count


class Expectations:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def announce(
        self, announced_by: str, series: Mapping[str, Collection[str]], *, is_final: bool
    ) -> None:
        """Expect the instances of each series, in place of what `announced_by` said before.

        No series at all takes back what was said before.
        """
        with writing(self._engine) as connection:
            announce(connection, announced_by, series, is_final=is_final)

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
    connection.execute(delete(t.expectation).where(t.expectation.c.announced_by == announced_by))
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


def _compare(connection: Connection, series: Series) -> Announced:
    announced: set[str] = set()
    is_final = True
    for uids, final in connection.execute(
        select(t.expectation.c.sop_instance_uids, t.expectation.c.is_final).where(
            t.expectation.c.series_instance_uid == series.series_instance_uid
        )
    ):
        announced.update(uids)
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
    return Announced(series, frozenset(announced - present), is_final, len(present - announced))
