"""Keys as DICOM writes them to conditions of the database (PS3.4 C.2.2.2)."""

from collections.abc import Callable, Iterator, Mapping

from sqlalchemy import ColumnElement, and_, func, or_, select

from storage import tables as t
from storage.core.errors import InvalidKey, InvalidRequest
from storage.core.text.bounded_text import cut
from storage.core.text.text_folding import folded, folded_name, with_caret
from storage.index.matching.attributes import ATTRIBUTES, LEVELS, Attribute, Kind, Level
from storage.index.matching.key_values import date_range, time_range, uids

# Beyond these a key is no question that a person or a viewer asks, and a statement that
# SQLite (50,000 bytes of a pattern, 32,766 values, 1,000 levels) or PostgreSQL cannot take.
MAX_KEY_LENGTH = 1024
MAX_ALTERNATIVES = 500
MAX_FUZZY_WORDS = 16
MAX_UIDS = 10_000

_LAST_CHARACTER = "\U0010ffff"
_DATE_WITH_TIME = {
    "StudyDate": "StudyTime",
    "SeriesDate": "SeriesTime",
    "PerformedProcedureStepStartDate": "PerformedProcedureStepStartTime",
}

_DATE_OF = {time: date for date, time in _DATE_WITH_TIME.items()}


def key_conditions(
    keys: Mapping[str, str], levels: tuple[Level, ...], *, fuzzy: bool, combined_datetime: bool
) -> list[ColumnElement[bool]]:
    """The keys that belong to these levels. Raises InvalidRequest for a value that cannot be one.

    Empty keys match everything (universal matching, C.2.2.2.3), and so do keys that the
    index does not know, as C.2.2.1.3 has it for optional keys.
    """
    conditions = []
    done: set[str] = set()
    if combined_datetime:
        for date, time in _DATE_WITH_TIME.items():
            both_ranges = "-" in keys.get(date, "") and "-" in keys.get(time, "")
            if both_ranges and ATTRIBUTES[date].level in levels:
                conditions.append(_match_period(ATTRIBUTES[date], ATTRIBUTES[time], keys))
                done |= {date, time}
    for keyword, value in keys.items():
        attribute = ATTRIBUTES.get(keyword)
        if attribute is None or attribute.level not in levels or not value.strip():
            continue
        if attribute.kind is Kind.COUNT or keyword in done:
            continue
        _check_size(attribute, value)
        if attribute.kind is Kind.TIME and "-" not in keys.get(_DATE_OF.get(keyword, ""), ""):
            # With dates the ends may be meant as those of one period, negotiated or not.
            time_range(keyword, value)
        conditions.append(_MATCHERS[attribute.kind](attribute, value.strip(), fuzzy))
    return conditions


def _check_size(attribute: Attribute, value: str) -> None:
    """Raises InvalidRequest for a key that is too long to be one."""
    alternatives = 1 + value.count("\\") + value.count(",")
    if attribute.kind is Kind.UID:
        if alternatives > MAX_UIDS:
            raise InvalidRequest(
                f"{attribute.keyword} lists {alternatives} UIDs; {MAX_UIDS} are allowed.",
                remedy="Ask in several queries.",
            )
        return
    longest = max(map(len, value.split("\\")))
    if longest > MAX_KEY_LENGTH:
        raise InvalidRequest(
            f"The key {attribute.keyword} has {longest} characters; {MAX_KEY_LENGTH} are allowed.",
            remedy="Ask for less of it, with a wildcard (*) for the rest.",
        )
    if 1 + value.count("\\") > MAX_ALTERNATIVES:
        raise InvalidRequest(
            f"The key {attribute.keyword} lists {alternatives} values;"
            f" {MAX_ALTERNATIVES} are allowed.",
            remedy="Ask in several queries.",
        )


def levels_to(level: Level) -> tuple[Level, ...]:
    """The level and those above it."""
    return LEVELS[: LEVELS.index(level) + 1]


def _match_uid(attribute: Attribute, value: str, _fuzzy: bool) -> ColumnElement[bool]:
    """Single value or list of UIDs (C.2.2.2.1, C.2.2.2.2)."""
    wanted = uids(attribute.keyword, value)
    return attribute.column == wanted[0] if len(wanted) == 1 else attribute.column.in_(wanted)


def _match_text(attribute: Attribute, value: str, _fuzzy: bool) -> ColumnElement[bool]:
    """Single value or wildcard; codes and identifiers are case-sensitive (C.2.2.2.1, C.2.2.2.4)."""
    alternatives = [_text_or_wildcard(attribute.column, part) for part in value.split("\\")]
    return or_(*alternatives)


def _text_or_wildcard(column: ColumnElement[str], value: str) -> ColumnElement[bool]:
    if not set(value) & set("*?"):
        return column == value
    if not value.strip("*"):
        return column.is_not(None)
    return like(column, value)


def like(column: ColumnElement[str], value: str) -> ColumnElement[bool]:
    """Match `*` and `?`; by an index where the text begins with something else."""
    pattern = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    matched = column.like(pattern.replace("*", "%").replace("?", "_"), escape="\\")
    prefix = value[: min(value.find(mark) % (len(value) + 1) for mark in "*?")]
    if not prefix or not getattr(column, "info", {}).get("ordered"):
        return matched
    # Stated as a range too: SQLite takes an index for LIKE only where it knows the pattern.
    return and_(column.between(prefix, prefix + _LAST_CHARACTER), matched)


def _match_name(attribute: Attribute, value: str, fuzzy: bool) -> ColumnElement[bool]:
    """Names match without regard to case and accents, as C.2.2.2.1 allows.

    Fuzzy: each word of the key begins some word of the name (C.2.2.2.1, PS3.18 8.3.4.2).
    """
    column = attribute.folded if attribute.folded is not None else func.lower(attribute.column)
    if fuzzy and not set(value) & set("*?"):
        words = folded(value).replace("^", " ").replace("=", " ").split()
        if len(words) > MAX_FUZZY_WORDS:
            raise InvalidRequest(
                f"The key {attribute.keyword} has {len(words)} words; fuzzy matching takes"
                f" {MAX_FUZZY_WORDS}.",
                remedy="Ask for fewer words, or without fuzzymatching.",
            )
        return and_(*(or_(*_begins_some_word(column, word)) for word in words))
    value = folded_name(value)
    if value.startswith("="):
        return _has_later_group(column, value.removeprefix("="))
    # The index keeps the beginning of what is longer.
    exact = like(column, value) if set(value) & set("*?") else column == cut(value)
    matched = or_(exact, like(column, f"{value}=*"))
    if value.isascii() or "=" in value:
        return matched
    # A key of one group matches any group alone. The ideographic and phonetic ones are not
    # looked through for Latin letters, since no index of the database helps there.
    return or_(matched, like(column, f"*={value}"), like(column, f"*={value}=*"))


def _begins_some_word(column: ColumnElement[str], word: str) -> Iterator[ColumnElement[bool]]:
    for one in with_caret(word):
        # That it stands anywhere is asked first: few names get any further.
        starts = or_(*(like(column, f"{start}{one}*") for start in ("", "*^", "* ", "*=")))
        yield and_(like(column, f"*{one}*"), starts)


def _has_later_group(column: ColumnElement[str], groups: str) -> ColumnElement[bool]:
    """By the ideographic group, or after another `=` the phonetic one, whatever the others are."""
    if groups.startswith("="):
        return like(column, f"*=*{groups}")
    is_second = and_(like(column, f"*={groups}"), ~like(column, f"*=*={groups}"))
    return or_(is_second, like(column, f"*={groups}=*"))


def _match_date(attribute: Attribute, value: str, _fuzzy: bool) -> ColumnElement[bool]:
    """Single date, or a range of them (C.2.2.2.5)."""
    first, last = date_range(attribute.keyword, value)
    column = attribute.column
    if first == last:
        return column == first
    conditions = [column >= first if first else column != ""]
    if last:
        conditions.append(column <= last)
    return and_(*conditions)


def _match_time(attribute: Attribute, value: str, _fuzzy: bool) -> ColumnElement[bool]:
    """Single time, or a range of them (C.2.2.2.5).

    What is stored may be less or more exact than the key: 1430 matches 143012.5 too.
    """
    first, last = time_range(attribute.keyword, value, may_be_reversed=True)
    column = attribute.column
    if first == last:
        return column.like(f"{first}%")
    conditions = [column != ""]
    if first:
        conditions.append(column >= _shortest(first))
    if last:
        conditions.append(func.substr(column, 1, len(last)) <= last)
    return and_(*conditions)


def _match_period(date: Attribute, time: Attribute, keys: Mapping[str, str]) -> ColumnElement[bool]:
    """Date and time ranges that mean one period (C.2.2.2.5.2, as negotiated)."""
    first_date, last_date = date_range(date.keyword, keys[date.keyword])
    first_time, last_time = time_range(time.keyword, keys[time.keyword], may_be_reversed=True)
    on, at = date.column, time.column
    conditions = [on != ""]
    if first_date:
        later = at >= _shortest(first_time) if first_time else at.is_not(None)
        conditions.append(or_(on > first_date, and_(on == first_date, later)))
    if last_date:
        earlier = func.substr(at, 1, len(last_time)) <= last_time if last_time else at.is_not(None)
        conditions.append(or_(on < last_date, and_(on == last_date, earlier)))
    return and_(*conditions)


def _shortest(time: str) -> str:
    """The least exact way to write a time: 0800 as well as 080000.0 is not before 08."""
    whole, _, fraction = time.partition(".")
    if fraction.strip("0"):
        return f"{whole}.{fraction}"
    while len(whole) > 2 and whole.endswith("00"):
        whole = whole[:-2]
    return whole


def _match_number(attribute: Attribute, value: str, _fuzzy: bool) -> ColumnElement[bool]:
    numbers = []
    for part in value.split("\\"):
        try:
            numbers.append(int(float(part)))
        except (ValueError, OverflowError) as error:
            raise InvalidKey(
                f"{attribute.keyword} takes a number.",
                remedy="Leave the key empty to match all.",
                keyword=attribute.keyword,
            ) from error
    return attribute.column.in_(numbers)


def _match_modalities(attribute: Attribute, value: str, fuzzy: bool) -> ColumnElement[bool]:
    inner = t.series.alias("any_series")
    modality = Attribute(attribute.keyword, "STUDY", Kind.TEXT, inner.c.modality)
    wanted = _match_text(modality, value.replace(",", "\\"), fuzzy)
    return (
        select(inner.c.id)
        .where(inner.c.study_fk == t.study.c.id, ~inner.c.is_rejected, wanted)
        .correlate(t.study)
        .exists()
    )


_MATCHERS: dict[Kind, Callable[[Attribute, str, bool], ColumnElement[bool]]] = {
    Kind.UID: _match_uid,
    Kind.TEXT: _match_text,
    Kind.NAME: _match_name,
    Kind.DATE: _match_date,
    Kind.TIME: _match_time,
    Kind.NUMBER: _match_number,
    Kind.MODALITIES: _match_modalities,
}
