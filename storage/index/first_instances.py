"""The first instance of each of many studies or series, as what stands in the index's order."""

from collections.abc import Iterable

from sqlalchemy import Engine, bindparam

from storage import tables as t
from storage.core.entities import Instance
from storage.db.engine import reading
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_in_order, select_instances

INSTANCE_BY_UID = select_instances(t.instance.c.sop_instance_uid == bindparam("uid"))
"""Made once: each frame that is served asks this."""
_FIRST_OF_STUDY = select_in_order(bindparam("study"), None).limit(1)
_FIRST_OF_SERIES = select_in_order(bindparam("study"), bindparam("series")).limit(1)
"""Made once: a search asks one of them for each row that it returns."""


def first_of_each(
    engine: Engine, wanted: Iterable[tuple[str, str | None, str | None]]
) -> list[Instance | None]:
    """Of UIDs of studies, series and instances: the instance, or the first of the series or
    study where its own or that of the series is None. None in its place where there is none."""
    found = []
    with reading(engine) as connection:
        for study, series, uid in wanted:
            statement = _FIRST_OF_STUDY if series is None else _FIRST_OF_SERIES
            given = {"study": study} if series is None else {"study": study, "series": series}
            if uid is not None:
                statement, given = INSTANCE_BY_UID, {"uid": uid}
            row = connection.execute(statement, given).mappings().first()
            found.append(None if row is None else to_instance(row))
    return found
