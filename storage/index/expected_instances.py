"""Which instances of a series others have announced: hints of when it is complete.

A modality says by MPPS what it made, an archive by an availability notice what
it holds. A hint never makes a series wait longer than the forced time.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Series
from storage.core.errors import StorageUnavailable
from storage.db.engine import insert_or_ignore, reading, writing
from storage.index.row_mapping import to_series
from storage.index.select_statements import select_series

_MOST_ANNOUNCERS = 20
"""Of one series, the newest: each may name 100,000 instances, and all are looked at together."""
_ROWS_MAX, _UIDS_MAX = 2_000, 100_000
"""One announcement that would be more, studies times series or instances, is no hint and is left
out: others wait while it is written."""


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
    study_instance_uid: str
    """Empty: of whichever study the series is."""
    sop_instance_uids: tuple[str, ...]
    instance_count: int | None
    is_final: bool
    updated_at: datetime


class Expectations:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def announce(
        self,
        announced_by: str,
        series: Mapping[str, Collection[str]],
        *,
        is_final: bool,
        study_instance_uids: Collection[str] = (),
    ) -> None:
        """Expect the instances of each series, in place of what `announced_by` stated before.

        Each may be of any of these studies; of whichever, where none is named. No series at
        all takes back what was stated before.
        """
        with writing(self._engine) as connection:
            announce(connection, announced_by, series, study_instance_uids, is_final=is_final)

    def expect(
        self,
        announced_by: str,
        series_instance_uid: str,
        sop_instance_uids: Collection[str],
        *,
        instance_count: int | None,
        is_final: bool,
        study_instance_uid: str = "",
    ) -> Expectation:
        """Expect that many instances of one series of a study, or these, in place of those before.

        Without a study: of the series in whichever study it is.
        """
        kept = Expectation(
            announced_by,
            study_instance_uid,
            tuple(sorted(set(sop_instance_uids))),
            instance_count,
            is_final,
            utcnow(),
        )
        with writing(self._engine) as connection:
            _withdraw(connection, announced_by, series_instance_uid, study_instance_uid)
            values = {**asdict(kept), "series_instance_uid": series_instance_uid}
            if not insert_or_ignore(connection, t.expectation, values):
                raise StorageUnavailable(
                    "The same series was announced twice at the same time.",
                    remedy="Announce it again.",
                )
        return kept

    def withdraw(
        self, announced_by: str, series_instance_uid: str, study_instance_uid: str = ""
    ) -> None:
        """Take back what was stated of one series: in a study, or without one in all of them."""
        with writing(self._engine) as connection:
            _withdraw(connection, announced_by, series_instance_uid, study_instance_uid)

    def of_series(
        self, series_instance_uid: str, study_instance_uid: str = ""
    ) -> list[Expectation]:
        """What applies to a series of that study, or without one to all of that UID."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.expectation)
                .where(
                    t.expectation.c.series_instance_uid == series_instance_uid,
                    *_of_study(study_instance_uid),
                )
                .order_by(t.expectation.c.id)
            )
            return [
                Expectation(
                    row["announced_by"],
                    row["study_instance_uid"],
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
                    exists().where(
                        t.expectation.c.series_instance_uid == t.series.c.series_instance_uid,
                        t.expectation.c.study_instance_uid.in_(("", t.study.c.study_instance_uid)),
                    ),
                )
            )
            receiving = [to_series(row) for row in rows.mappings()]
            return [_compare(connection, series) for series in receiving]


def announce(
    connection: Connection,
    announced_by: str,
    series: Mapping[str, Collection[str]],
    study_instance_uids: Collection[str],
    *,
    is_final: bool,
) -> None:
    """The same within a transaction of the caller."""
    now = utcnow()
    connection.execute(delete(t.expectation).where(t.expectation.c.announced_by == announced_by))
    studies = sorted(set(study_instance_uids)) or [""]
    if len(studies) * len(series) > _ROWS_MAX:
        return
    if len(studies) * sum(map(len, series.values())) > _UIDS_MAX:
        return
    rows = [
        {
            "study_instance_uid": study_instance_uid,
            "series_instance_uid": series_instance_uid,
            "announced_by": announced_by,
            "is_final": is_final,
            "sop_instance_uids": sorted(set(uids)),
            "updated_at": now,
        }
        for study_instance_uid in studies
        for series_instance_uid, uids in series.items()
        if uids
    ]
    if rows:
        connection.execute(t.expectation.insert(), rows)


def _withdraw(
    connection: Connection, announced_by: str, series_instance_uid: str, study_instance_uid: str
) -> None:
    connection.execute(
        delete(t.expectation).where(
            t.expectation.c.announced_by == announced_by,
            t.expectation.c.series_instance_uid == series_instance_uid,
            *_of_study(study_instance_uid),
        )
    )


def _of_study(study_instance_uid: str) -> list[ColumnElement[bool]]:
    """What was stated of that study, or of whichever; without a study all."""
    if not study_instance_uid:
        return []
    return [t.expectation.c.study_instance_uid.in_(("", study_instance_uid))]


def _compare(connection: Connection, series: Series) -> Announced:
    announced: set[str] = set()
    is_final = True
    count = 0
    for uids, number, final in connection.execute(
        select(
            t.expectation.c.sop_instance_uids,
            t.expectation.c.instance_count,
            t.expectation.c.is_final,
        )
        .where(
            t.expectation.c.series_instance_uid == series.series_instance_uid,
            *_of_study(series.study_instance_uid),
        )
        .order_by(t.expectation.c.updated_at.desc(), t.expectation.c.id.desc())
        .limit(_MOST_ANNOUNCERS)
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
