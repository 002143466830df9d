"""The first instance of each of many studies or series, as what stands in the index's order."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select, bindparam, select

from storage import tables as t
from storage.core.entities import Instance
from storage.db.engine import reading
from storage.index.row_mapping import to_instance
from storage.index.select_statements import in_order, select_in_order, select_instances

INSTANCE_BY_UID = select_instances(t.instance.c.sop_instance_uid == bindparam("uid"))
"""Made once: each frame that is served asks this."""
_FIRST_OF_SERIES = select_in_order(bindparam("study"), bindparam("series")).limit(1)
"""Made once: a search asks it for each series that it returns."""
_AT_ONCE = 500


def _first_ids() -> Select[Any]:
    first = (
        in_order(
            select(t.instance.c.id)
            .join(t.series, t.instance.c.series_fk == t.series.c.id)
            .where(t.series.c.study_fk == t.study.c.id, ~t.instance.c.is_rejected)
        )
        .limit(1)
        .correlate(t.study)
        .scalar_subquery()
    )
    of_studies = t.study.c.study_instance_uid.in_(bindparam("studies", expanding=True))
    return select(first).where(of_studies)


_FIRST_IDS = _first_ids()
_BY_IDS = select_instances(t.instance.c.id.in_(bindparam("ids", expanding=True)))


def first_of_each(
    engine: Engine, wanted: Iterable[tuple[str, str | None, str | None]]
) -> list[Instance | None]:
    """Of UIDs of studies, series and instances: the instance, or the first of the series or
    study where its own or that of the series is None. None in its place where there is none."""
    wanted = list(wanted)
    studies = sorted({study for study, series, uid in wanted if series is None and uid is None})
    with reading(engine) as connection:
        of_studies = _first_of_studies(connection, studies)

        def first_of(study: str, series: str | None, uid: str | None) -> Instance | None:
            if uid is not None:
                row = connection.execute(INSTANCE_BY_UID, {"uid": uid}).mappings().first()
            elif series is None:
                return of_studies.get(study)
            else:
                given = {"study": study, "series": series}
                row = connection.execute(_FIRST_OF_SERIES, given).mappings().first()
            return None if row is None else to_instance(row)

        return [first_of(*one) for one in wanted]


def _first_of_studies(connection: Connection, studies: Sequence[str]) -> Mapping[str, Instance]:
    """Two questions for all of them."""
    found: dict[str, Instance] = {}
    for start in range(0, len(studies), _AT_ONCE):
        some = studies[start : start + _AT_ONCE]
        ids = connection.scalars(_FIRST_IDS, {"studies": some}).all()
        rows = connection.execute(_BY_IDS, {"ids": [one for one in ids if one is not None]})
        instances = (to_instance(row) for row in rows.mappings())
        found.update((one.study_instance_uid, one) for one in instances)
    return found
