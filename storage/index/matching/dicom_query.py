"""Find what is held by DICOM keys (PS3.4 C.2.2.2), for C-FIND and QIDO-RS alike.

Studies are found first and read by portions, the newest first. Series and instances are
read study by study, unless the keys name the study, the series or the instance: so the
work for a page is bounded by the page, and neither node nor database ever sorts or holds
all of a large answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, or_, select, tuple_

from storage import tables as t
from storage.db.engine import reading
from storage.db.select_by_ids import ById
from storage.index.matching.attributes import ATTRIBUTES, Attribute, Kind, Level, available_at
from storage.index.matching.conditions import key_conditions, levels_to
from storage.index.study_list import modalities_of

_PAGE_ROWS = 500
_STUDIES_AT_ONCE = 64
_MOST_STUDIES_AT_ONCE = 1024
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

    @property
    def concerns_patients(self) -> bool:
        """Whether anything about the patient is to match."""
        return bool(self.conditions(("PATIENT",)))

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
    if offset and query.level == "STUDY":
        statement, offset = statement.where(_from(query, offset)), 0
    if query.level in ("PATIENT", "STUDY") or any(query.keys.get(uid) for uid in _BY_UID):
        yield from _pages(engine, query, statement, limit, offset)
        return
    for study_ids in _study_portions(engine, query):
        part = statement.where(t.study.c.id.in_(study_ids))
        if offset:
            skipped = min(offset, _count(engine, part))
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


def _from(query: Query, offset: int) -> ColumnElement[bool]:
    """What begins after as many studies: skipped by their ids alone."""
    conditions = query.conditions(levels_to(query.level))
    row_id = _COLUMNS[query.level]
    tables = _JOINED[query.level] if query.concerns_patients else t.study
    first = select(row_id).select_from(tables).where(*conditions).order_by(row_id.desc())
    return row_id <= first.limit(1).offset(offset).correlate(None).scalar_subquery()


def _study_portions(engine: Engine, query: Query) -> Iterator[list[int]]:
    """The ids of the studies that match by study and patient, the newest first.

    Portions grow: where most studies hold nothing that matches, few questions remain.
    """
    statement = (
        select(t.study.c.id)
        .select_from(_STUDIES)
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


def _count(engine: Engine, statement: Select[Any]) -> int:
    counted = statement.with_only_columns(func.count(), maintain_column_froms=True)
    with reading(engine) as connection:
        return int(connection.execute(counted.order_by(None)).scalar_one())


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
    known_by = _KNOWN_BY[query.level]
    keywords = list(result.keys())[: -len(known_by)]
    found = result.all()
    # Mappings of SQLAlchemy would cost several times as much.
    rows = [dict(zip(keywords, row, strict=False)) for row in found]
    if not rows:
        return rows, ()
    for level, counts in _counts(query):
        at = known_by.index(level) - len(known_by)
        values = _counted(connection, level, counts, {row[at] for row in found})
        for row, target in zip(found, rows, strict=True):
            target.update(values[row[at]])
    if query.wants("ModalitiesInStudy") and query.level != "PATIENT":
        at = known_by.index("STUDY") - len(known_by)
        modalities = modalities_of(connection, {row[at] for row in found})
        for row, target in zip(found, rows, strict=True):
            target["ModalitiesInStudy"] = modalities[row[at]]
    place = dict(zip(known_by, found[-1][-len(known_by) :], strict=True))
    return rows, tuple(place[name] for name in _PLACES[query.level])


def _counts(query: Query) -> Iterator[tuple[Level, list[Attribute]]]:
    """What is to be counted, by what it is counted of."""
    for level in levels_to(query.level):
        counts = [
            one
            for one in available_at(query.level)
            if one.level == level and one.kind is Kind.COUNT and query.wants(one.keyword)
        ]
        if counts:
            yield level, counts


def _counted(
    connection: Connection, level: Level, counts: list[Attribute], ids: set[int]
) -> dict[int, dict[str, int]]:
    """Once for each patient, study or series of a page, however many rows are of it."""
    keywords = tuple(one.keyword for one in counts)
    found: dict[int, dict[str, int]] = {one: dict.fromkeys(keywords, 0) for one in ids}
    for one, *values in _counting(level, keywords).rows(connection, ids):
        found[one] = dict(zip(keywords, values, strict=True))
    return found


# Making a statement, and finding it among those that were made, costs more than most answers;
# so what does not depend on the keys is made once.


@cache
def _counting(level: Level, keywords: tuple[str, ...]) -> ById:
    row_id = _COLUMNS[level]
    columns = [ATTRIBUTES[keyword].labelled for keyword in keywords]
    return ById(row_id, lambda of_ids: select(row_id, *columns).where(of_ids))


def _statement(query: Query) -> Select[Any]:
    everything = _everything(query.level, query.returned)
    return everything.where(*query.conditions(levels_to(query.level)))


# As many as there are combinations that clients ask for; what they ask for is theirs to choose.
@lru_cache(256)
def _everything(level: Level, returned: frozenset[str] | None) -> Select[Any]:
    query = Query(level, {}, returned=returned)
    columns = [
        attribute.labelled
        for attribute in available_at(level)
        if attribute.kind not in (Kind.MODALITIES, Kind.COUNT) and query.wants(attribute.keyword)
    ]
    first, *rest = (_COLUMNS[name] for name in _PLACES[level])
    return (
        select(*columns, *(_LABELLED[name] for name in _KNOWN_BY[level]))
        .select_from(_JOINED[level])
        .where(*_SHOWN[level])
        .order_by(first.desc(), *rest)
    )


def _after(level: Level, place: tuple[int, ...]) -> ColumnElement[bool]:
    """Whether a row comes after the one at this place."""
    first, *rest = (_COLUMNS[name] for name in _PLACES[level])
    if not rest:
        return first < place[0]
    return or_(first < place[0], and_(first == place[0], tuple_(*rest) > tuple_(*place[1:])))


_COLUMNS: dict[str, ColumnElement[int]] = {
    "PATIENT": t.patient.c.id,
    "STUDY": t.study.c.id,
    "SERIES": t.series.c.id,
    "IMAGE": t.instance.c.id,
    "SERIES NUMBER": func.coalesce(t.series.c.series_number, _NO_NUMBER),
    "INSTANCE NUMBER": func.coalesce(t.instance.c.instance_number, _NO_NUMBER),
}
_LABELLED = {name: column.label(f"_{name}") for name, column in _COLUMNS.items()}
_PLACES: dict[Level, tuple[str, ...]] = {
    "PATIENT": ("PATIENT", "STUDY"),
    "STUDY": ("STUDY",),
    "SERIES": ("STUDY", "SERIES NUMBER", "SERIES"),
    "IMAGE": ("STUDY", "SERIES NUMBER", "SERIES", "INSTANCE NUMBER", "IMAGE"),
}
"""What rows are ordered by: the newest studies first, all else as it is numbered."""
_KNOWN_BY: dict[Level, tuple[str, ...]] = {
    level: names if level == "PATIENT" else ("PATIENT", *names) for level, names in _PLACES.items()
}
"""What is read of a row beside its attributes."""


def _states_otherwise() -> ColumnElement[bool]:
    """Whether no earlier study of the patient states the same name, birth date and sex: where the
    studies state different ones, the patient is answered once with each (PS3.4 C.2.2.2: an answer
    matches its keys), and nobody is answered with what a study states that they may not see."""
    earlier = t.study.alias("earlier")
    same = ("patient_name_folded", "patient_birth_date", "patient_sex")
    stated_before = select(earlier.c.id).where(
        earlier.c.patient_fk == t.study.c.patient_fk,
        # A patient has few studies, a name may have them all (none, or that of an anonymization):
        # what is joined to something is not looked for in the index of names.
        *(earlier.c[name].concat("") == t.study.c[name] for name in same),
        earlier.c.id < t.study.c.id,
    )
    return ~stated_before.correlate(t.study).exists()


_SHOWN: dict[Level, tuple[ColumnElement[bool], ...]] = {
    "PATIENT": (_states_otherwise(),),
    "STUDY": (),
    "SERIES": (~t.series.c.is_rejected,),
    "IMAGE": (~t.instance.c.is_rejected,),
}
"""What a rejection note hides; the note itself is of the study."""
_STUDIES = t.patient.join(t.study, t.study.c.patient_fk == t.patient.c.id)
_SERIES = _STUDIES.join(t.series, t.series.c.study_fk == t.study.c.id)
_JOINED: dict[Level, Any] = {
    "PATIENT": _STUDIES,
    "STUDY": _STUDIES,
    "SERIES": _SERIES,
    "IMAGE": _SERIES.join(t.instance, t.instance.c.series_fk == t.series.c.id),
}
