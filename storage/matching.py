"""Find what is held by DICOM keys (PS3.4 C.2.2.2), for C-FIND and QIDO-RS alike.

Studies are found first and read by portions, the newest first. Series and instances are
read study by study, unless the keys name the study, the series or the instance: so the
work for a page is bounded by the page, and neither node nor database ever sorts or holds
all of a large answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select, tuple_

from storage import tables as t
from storage.attributes import Kind, Level, available_at
from storage.conditions import key_conditions, levels_to
from storage.database import reading

_PAGE_ROWS = 500
_STUDIES_AT_ONCE = 64
_MOST_STUDIES_AT_ONCE = 1024
# What a page's last row is known by, beside the attributes.
_PLACE = ("_study", "_series_number", "_series", "_instance_number", "_instance")
_NO_NUMBER = 2**62
"""Series and instances without a number come last, on both databases."""
_BY_UID = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


@dataclass(frozen=True)
class Query:
    """`keys` maps keywords to key values as DICOM writes them; "" matches everything.

    Keys that the index does not know, or that belong to a level below, are
    left out of matching, as PS3.4 C.2.2.1.3 has it for optional keys.
    """

    level: Level
    keys: Mapping[str, str]
    fuzzy: bool = False
    returned: frozenset[str] | None = None
    """Keywords to return, which spares counting what nobody asked for; None: all there are."""
    combined_datetime: bool = False
    """Ranges of a date and its time mean one period (PS3.4 C.2.2.2.5.2)."""

    def conditions(self, levels: tuple[Level, ...]) -> list[ColumnElement[bool]]:
        return key_conditions(
            self.keys, levels, fuzzy=self.fuzzy, combined_datetime=self.combined_datetime
        )

    def wants(self, keyword: str) -> bool:
        return self.returned is None or keyword in self.returned


def find(
    engine: Engine, query: Query, limit: int | None = None, offset: int = 0
) -> Iterator[dict[str, Any]]:
    """Matches with the attributes that the index has at the level and above.

    The newest studies come first; series and instances by their numbers. Rows
    are read page by page, so that a million matches need no memory. Raises
    InvalidRequest for a key value that cannot be one.
    """
    statement = _statement(query)
    if query.level in ("PATIENT", "STUDY") or any(query.keys.get(uid) for uid in _BY_UID):
        yield from _pages(engine, query, statement, limit, offset)
        return
    for study_ids in _study_portions(engine, query):
        part = statement.where(t.study.c.id.in_(study_ids))
        if offset:
            with reading(engine) as connection:
                count = select(func.count()).select_from(part.with_only_columns(t.study.c.id,
                    maintain_column_froms=True).order_by(None).subquery())  # fmt: skip
                skipped = min(offset, int(connection.execute(count).scalar_one()))
            if skipped < offset:
                offset -= skipped
                continue
        for row in _pages(engine, query, part, limit, offset):
            yield row
            if limit is not None:
                limit -= 1
        offset = 0
        if limit == 0:
            return


def _pages(
    engine: Engine, query: Query, statement: Select[Any], limit: int | None, offset: int
) -> Iterator[dict[str, Any]]:
    """All rows of a statement, each page beginning after the last row of the one before."""
    page_statement = statement.offset(offset) if offset else statement
    returned = 0
    while limit is None or returned < limit:
        size = _PAGE_ROWS if limit is None else min(_PAGE_ROWS, limit - returned)
        with reading(engine) as connection:
            page, place = _page(connection, query, page_statement.limit(size))
        yield from page
        returned += len(page)
        if len(page) < size:
            return
        page_statement = statement.where(_after(query.level, place))


def _page(
    connection: Connection, query: Query, statement: Select[Any]
) -> tuple[list[dict[str, Any]], tuple[int, ...]]:
    """The rows, and the place of the last one."""
    result = connection.execute(statement)
    names = list(result.keys())
    width = len(_place_columns(query.level))
    found = result.all()
    keywords = names[:-width]
    # One tuple of values by row: mappings of SQLAlchemy cost several times as much.
    rows = [dict(zip(keywords, row, strict=False)) for row in found]
    if query.wants("ModalitiesInStudy") and query.level != "PATIENT":
        study_ids = [row[-width] for row in found]
        modalities = _modalities(connection, set(study_ids))
        for study_id, row in zip(study_ids, rows, strict=True):
            row["ModalitiesInStudy"] = modalities[study_id]
    return rows, tuple(found[-1][-width:]) if found else ()


def _modalities(connection: Connection, study_ids: set[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {study_id: [] for study_id in study_ids}
    for study_id, modality in connection.execute(
        select(t.series.c.study_fk, t.series.c.modality)
        .where(t.series.c.study_fk.in_(study_ids), t.series.c.modality != "")
        .distinct()
        .order_by(t.series.c.study_fk, t.series.c.modality)
    ):
        found[study_id].append(modality)
    return found


def _study_portions(engine: Engine, query: Query) -> Iterator[list[int]]:
    """The ids of the studies that match by study and patient, the newest first.

    Portions grow: where most studies hold nothing that matches, few questions remain.
    """
    statement = (
        select(t.study.c.id)
        .join(t.patient, t.study.c.patient_fk == t.patient.c.id)
        .where(*query.conditions(levels_to("STUDY")))
        .order_by(t.study.c.id.desc())
    )
    size = _STUDIES_AT_ONCE
    portion = statement.limit(size)
    while True:
        with reading(engine) as connection:
            ids = list(connection.execute(portion).scalars())
        if ids:
            yield ids
        if len(ids) < size:
            return
        size = min(2 * size, _MOST_STUDIES_AT_ONCE)
        portion = statement.where(t.study.c.id < ids[-1]).limit(size)


def _statement(query: Query) -> Select[Any]:
    level = query.level
    columns = [
        attribute.labelled
        for attribute in available_at(level)
        if attribute.kind is not Kind.MODALITIES and query.wants(attribute.keyword)
    ]
    place = _place_columns(level)
    named = [column.label(name) for column, name in zip(place, _PLACE, strict=False)]
    statement = (
        select(*columns, *named)
        .select_from(_JOINED[level])
        .where(*query.conditions(levels_to(level)))
    )
    return statement.order_by(place[0].desc(), *place[1:])


def _place_columns(level: Level) -> tuple[ColumnElement[int], ...]:
    return _PLACES[level]


def _after(level: Level, place: tuple[int, ...]) -> ColumnElement[bool]:
    """Whether a row comes after the one at this place."""
    first, *rest = _place_columns(level)
    if not rest:
        return first < place[0]
    within = tuple_(*rest) > tuple_(*place[1:])
    return (first < place[0]) | ((first == place[0]) & within)


def _or_last(number: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(number, _NO_NUMBER)


_OF_SERIES = (t.study.c.id, _or_last(t.series.c.series_number), t.series.c.id)
_PLACES: dict[Level, tuple[ColumnElement[int], ...]] = {
    "PATIENT": (t.patient.c.id,),
    "STUDY": (t.study.c.id,),
    "SERIES": _OF_SERIES,
    "IMAGE": (*_OF_SERIES, _or_last(t.instance.c.instance_number), t.instance.c.id),
}
_STUDIES = t.patient.join(t.study, t.study.c.patient_fk == t.patient.c.id)
_SERIES = _STUDIES.join(t.series, t.series.c.study_fk == t.study.c.id)
_JOINED: dict[Level, Any] = {
    "PATIENT": t.patient,
    "STUDY": _STUDIES,
    "SERIES": _SERIES,
    "IMAGE": _SERIES.join(t.instance, t.instance.c.series_fk == t.series.c.id),
}
