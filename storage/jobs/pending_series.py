"""Complete series that nobody has decided on: what scheduling still owes."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, Engine, Select, and_, func, or_, select, union

from storage import tables as t
from storage.core.entities import Series
from storage.db.engine import reading
from storage.index.row_mapping import to_series
from storage.index.select_statements import select_series


def undecided_series(
    engine: Engine,
    limit: int,
    since: datetime | None = None,
    but_not: Collection[tuple[str, str]] = (),
) -> list[Series]:
    """As `undecided_with_sources`, without where they came from."""
    return [series for series, _ in undecided_with_sources(engine, limit, since, but_not)]


def undecided_with_sources(
    engine: Engine,
    limit: int,
    since: datetime | None = None,
    but_not: Collection[tuple[str, str]] = (),
) -> list[tuple[Series, str]]:
    """Received and complete, without all decisions for their present fingerprint; newest first.

    Each with the source of one of its instances. `since` looks only at series whose last instance
    came after it, and at those that were begun or are to be tried again; without it every series
    is looked at. `but_not`: UIDs of study and series.
    """
    with reading(engine) as connection:
        rows = connection.execute(undecided(limit, since, but_not)).mappings()
        return [(to_series(row), row["source_of_one"] or "") for row in rows]


def undecided(
    limit: int, since: datetime | None, but_not: Collection[tuple[str, str]] = ()
) -> Select[Any]:
    """The statement of `undecided_with_sources`."""
    decided = (
        select(t.decision.c.id)
        .where(
            t.decision.c.study_instance_uid == t.study.c.study_instance_uid,
            t.decision.c.series_instance_uid == t.series.c.series_instance_uid,
            t.decision.c.input_fingerprint == t.series.c.fingerprint,
        )
        .exists()
    )
    own = (
        t.series_try.c.study_instance_uid == t.study.c.study_instance_uid,
        t.series_try.c.series_instance_uid == t.series.c.series_instance_uid,
    )
    # Each pipeline's decision is committed by itself: who ended in between left the others open.
    in_part = select(t.series_try.c.tries).where(*own, t.series_try.c.set_aside_at.is_(None))
    conditions = [
        t.series.c.state == "COMPLETE",
        t.series.c.origin == "received",
        or_(~decided, in_part.exists()),
    ]
    if since is not None:
        conditions.append(t.series.c.id.in_(_recent_or_begun(since)))
    if but_not:
        # The others of such a series in another study are offered in another round.
        uids = [series_instance_uid for _, series_instance_uid in but_not]
        conditions.append(t.series.c.series_instance_uid.not_in(uids))
    source = (
        select(func.min(t.instance.c.source))
        .where(t.instance.c.series_fk == t.series.c.id)
        .scalar_subquery()
    )
    return (
        select_series(*conditions)
        .add_columns(source.label("source_of_one"))
        .order_by(None)
        .order_by(t.series.c.last_instance_at.desc(), t.series.c.id.desc())
        .limit(limit)
    )


def _recent_or_begun(since: datetime) -> CompoundSelect[int]:
    """Ids of series. Either half has an index; with OR between them every series is read."""
    recent = select(t.series.c.id).where(
        t.series.c.state == "COMPLETE", t.series.c.last_instance_at >= since
    )
    begun = (
        select(t.series.c.id)
        .join(t.study, t.study.c.id == t.series.c.study_fk)
        .join(
            t.series_try,
            and_(
                t.series_try.c.study_instance_uid == t.study.c.study_instance_uid,
                t.series_try.c.series_instance_uid == t.series.c.series_instance_uid,
            ),
        )
    )
    return union(recent, begun)
