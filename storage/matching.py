"""Find what is held by DICOM keys (PS3.4 C.2.2.2), for C-FIND and QIDO-RS alike."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, or_, select

from storage import tables as t
from storage.attributes import ATTRIBUTES, LEVELS, Attribute, Kind, Level, available_at
from storage.database import reading
from storage.errors import InvalidRequest

_PAGE_ROWS = 500
_ID_COLUMNS = {
    "PATIENT": t.patient.c.id,
    "STUDY": t.study.c.id,
    "SERIES": t.series.c.id,
    "IMAGE": t.instance.c.id,
}


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


def find(
    engine: Engine, query: Query, limit: int | None = None, offset: int = 0
) -> Iterator[dict[str, Any]]:
    """Matches with the attributes that the index has at the level and above.

    The newest studies come first; series and instances by their numbers. Rows
    are read page by page, so that a million matches need no memory. Raises
    InvalidRequest for a key value that cannot be one.
    """
    statement = _statement(query)
    returned = 0
    while limit is None or returned < limit:
        size = _PAGE_ROWS if limit is None else min(_PAGE_ROWS, limit - returned)
        with reading(engine) as connection:
            page = _page(connection, query, statement.limit(size).offset(offset + returned))
        yield from page
        returned += len(page)
        if len(page) < size:
            return


def _page(connection: Connection, query: Query, statement: Select[Any]) -> list[dict[str, Any]]:
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    if _modalities_wanted(query):
        study_ids = {row["_study_fk"] for row in rows}
        modalities: dict[int, set[str]] = {study_id: set() for study_id in study_ids}
        for study_id, modality in connection.execute(
            select(t.series.c.study_fk, t.series.c.modality)
            .where(t.series.c.study_fk.in_(study_ids))
            .distinct()
        ):
            if modality:
                modalities[study_id].add(modality)
        for row in rows:
            row["ModalitiesInStudy"] = sorted(modalities[row.pop("_study_fk")])
    return rows


def _statement(query: Query) -> Select[Any]:
    level = query.level
    columns = [
        attribute.column.label(attribute.keyword)
        for attribute in available_at(level)
        if attribute.kind is not Kind.MODALITIES
        and (query.returned is None or attribute.keyword in query.returned)
    ]
    if _modalities_wanted(query):
        columns.append(t.study.c.id.label("_study_fk"))
    statement = select(*columns).select_from(_joined(level)).where(*_conditions(query))
    if level == "PATIENT":
        return statement.order_by(t.patient.c.id.desc())
    order: list[ColumnElement[Any]] = [t.study.c.id.desc()]
    if level in ("SERIES", "IMAGE"):
        order += [t.series.c.series_number, t.series.c.id]
    if level == "IMAGE":
        order += [t.instance.c.instance_number, t.instance.c.id]
    return statement.order_by(*order)


def _modalities_wanted(query: Query) -> bool:
    wanted = query.returned is None or "ModalitiesInStudy" in query.returned
    return wanted and query.level != "PATIENT"


def _joined(level: Level) -> Any:
    joined: Any = t.patient
    if level != "PATIENT":
        joined = joined.join(t.study, t.study.c.patient_fk == t.patient.c.id)
    if level in ("SERIES", "IMAGE"):
        joined = joined.join(t.series, t.series.c.study_fk == t.study.c.id)
    if level == "IMAGE":
        joined = joined.join(t.instance, t.instance.c.series_fk == t.series.c.id)
    return joined


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    levels = LEVELS[: LEVELS.index(query.level) + 1]
    conditions = []
    for keyword, value in query.keys.items():
        attribute = ATTRIBUTES.get(keyword)
        if attribute is None or attribute.level not in levels or not value.strip():
            continue
        if attribute.kind is Kind.COUNT:
            continue
        matcher = _MATCHERS[attribute.kind]
        conditions.append(matcher(attribute, value.strip(), query.fuzzy))
    return conditions


def _match_uid(attribute: Attribute, value: str, _fuzzy: bool) -> ColumnElement[bool]:
    """Single value or list of UIDs (C.2.2.2.1, C.2.2.2.2)."""
    uids = [uid for uid in value.replace(",", "\\").split("\\") if uid]
    return attribute.column.in_(uids)


def _match_text(attribute: Attribute, value: str, _fuzzy: bool) -> ColumnElement[bool]:
    """Single value or wildcard; codes and identifiers are case-sensitive (C.2.2.2.1, C.2.2.2.4)."""
    alternatives = [_text_or_wildcard(attribute.column, part) for part in value.split("\\")]
    return or_(*alternatives)


def _text_or_wildcard(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    if not set(value) & set("*?"):
        return column == value
    if not value.strip("*"):
        return column.is_not(None)
    return _like(column, value)


def _like(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    pattern = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.like(pattern.replace("*", "%").replace("?", "_"), escape="\\")


def _match_name(attribute: Attribute, value: str, fuzzy: bool) -> ColumnElement[bool]:
    """Names match without regard to case (C.2.2.2.1 allows it); fuzzily by their words.

    Fuzzy: each word of the key begins some word of the name (PS3.18 8.3.4.2).
    """
    column = func.lower(attribute.column)
    value = unicodedata.normalize("NFC", value).lower()
    if fuzzy and not set(value) & set("*?"):
        words = value.replace("^", " ").replace("=", " ").split()
        return and_(
            *(
                or_(
                    _like(column, f"{word}*"), *(_like(column, f"*{mark}{word}*") for mark in "^ =")
                )
                for word in words
            )
        )
    exact = _like(column, value) if set(value) & set("*?") else column == value
    # A key without ideographic or phonetic groups matches the alphabetic group alone,
    # and trailing empty components do not count (PS3.5 6.2.1).
    return or_(exact, _like(column, f"{value}=*"), _like(column, f"{value}^^*"))


def _match_range(attribute: Attribute, value: str, _fuzzy: bool) -> ColumnElement[bool]:
    """Single date or time, or a range of them (C.2.2.2.5)."""
    digits = value.replace(".", "").replace(":", "")
    is_date = attribute.kind is Kind.DATE
    if not digits.replace("-", "").isdigit() or value.count("-") > 1:
        raise InvalidRequest(
            f"{attribute.keyword} is no {'date' if is_date else 'time'} and no range of them.",
            remedy="Write 20240131, 20240101-20240131, 20240101- or -20240131."
            if is_date
            else "Write 143000, 080000-180000, 080000- or -180000.",
        )
    value = value.replace(":", "") if not is_date else value.replace(".", "")
    column = attribute.column
    if "-" not in value:
        # A stored time may be more exact than the key: 1430 matches 143012.5 too.
        return column == value if is_date else column.like(f"{value}%")
    first, last = value.split("-")
    conditions = [column != ""]
    if first:
        conditions.append(column >= first)
    if last:
        # The end of a time range may be less exact than what is stored, and includes it.
        stored = column if is_date else func.substr(column, 1, len(last))
        conditions.append(stored <= last)
    return and_(*conditions)


def _match_number(attribute: Attribute, value: str, _fuzzy: bool) -> ColumnElement[bool]:
    numbers = []
    for part in value.split("\\"):
        try:
            numbers.append(int(float(part)))
        except (ValueError, OverflowError) as error:
            raise InvalidRequest(
                f"{attribute.keyword} takes a number.", remedy="Leave the key empty to match all."
            ) from error
    return attribute.column.in_(numbers)


def _match_modalities(attribute: Attribute, value: str, fuzzy: bool) -> ColumnElement[bool]:
    inner = t.series.alias("any_series")
    modality = Attribute(attribute.keyword, "STUDY", Kind.TEXT, inner.c.modality)
    wanted = _match_text(modality, value.replace(",", "\\"), fuzzy)
    return (
        select(inner.c.id)
        .where(inner.c.study_fk == t.study.c.id, wanted)
        .correlate(t.study)
        .exists()
    )


_MATCHERS: dict[Kind, Callable[[Attribute, str, bool], ColumnElement[bool]]] = {
    Kind.UID: _match_uid,
    Kind.TEXT: _match_text,
    Kind.NAME: _match_name,
    Kind.DATE: _match_range,
    Kind.TIME: _match_range,
    Kind.NUMBER: _match_number,
    Kind.MODALITIES: _match_modalities,
}
