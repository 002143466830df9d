"""Complete series that nobody has decided on: what scheduling still owes."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine, select

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
    """Received and complete, without a decision for their present fingerprint; newest first.

    `since` looks only at series whose last instance came after it, which an index answers
    quickly; without it every series is looked at. `but_not`: UIDs of study and series.
    """
    decided = (
        select(t.decision.c.id)
        .where(
            t.decision.c.study_instance_uid == t.study.c.study_instance_uid,
            t.decision.c.series_instance_uid == t.series.c.series_instance_uid,
            t.decision.c.input_fingerprint == t.series.c.fingerprint,
        )
        .exists()
    )
    conditions = [t.series.c.state == "COMPLETE", t.series.c.origin == "received", ~decided]
    if since is not None:
        conditions.append(t.series.c.last_instance_at >= since)
    if but_not:
        # The others of such a series in another study are offered in another round.
        uids = [series_instance_uid for _, series_instance_uid in but_not]
        conditions.append(t.series.c.series_instance_uid.not_in(uids))
    query = (
        select_series(*conditions)
        .order_by(None)
        .order_by(t.series.c.last_instance_at.desc(), t.series.c.id.desc())
        .limit(limit)
    )
    with reading(engine) as connection:
        return [to_series(row) for row in connection.execute(query).mappings()]
