"""Where the measurements lie among those of a reference population, in a report's sentences."""

from collections.abc import Iterable, Iterator
from typing import Any

from inference.findings.facts import Fact
from inference.normal_ranges.distribution import shown_percentile
from inference.normal_ranges.subject import GROWN_UP_YEARS
from inference.reports.locale import Locale, references
from storage.core.findings import NormalRange
from storage.reports.entities import ReportSentence

_IN_MONTHS_BELOW = 2.0
_WHOLE = 1e-6


def beside_normal_ranges(
    structure: str, facts: Iterable[Fact], locale: Locale
) -> Iterator[ReportSentence]:
    """One sentence about all that was measured of a structure. The node vouches for it."""
    stated = [(fact, normal) for fact in facts if (normal := _normal_range_of(fact))]
    if not stated:
        return
    parts = [_part(fact, normal, structure, locale) for fact, normal in stated]
    text = locale.fill(locale.words["normal_range"]["sentence"], {"parts": "; ".join(parts)})
    ids = _ids(fact for fact, _ in stated)
    yield ReportSentence(text, ids, basis="node", states_result=True)


def sources_of_normal_ranges(facts: Iterable[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """Each source once, and what is not to be concluded from a value outside."""
    words = locale.words["normal_range"]
    of_source: dict[str, list[Fact]] = {}
    for fact in facts:
        normal = _normal_range_of(fact)
        if normal is not None:
            whom = _of_whom(normal, locale)
            source = f"{normal.source} ({whom})" if whom else normal.source
            of_source.setdefault(source, []).append(fact)
    for source, members in of_source.items():
        text = locale.fill(words["source"], {"source": source})
        doubtful = [one.finding.normal_range for one in members if one.finding.normal_range]
        if any(one.caveat for one in doubtful):
            text = f"{text} {words['no_conclusion']}"
        yield ReportSentence(text, _ids(members), basis="node")


def _of_whom(normal: NormalRange, locale: Locale) -> str:
    """As the node worded it where an older version stored the words alone."""
    words = locale.words["normal_range"]["of_whom"]
    parts = [words[_people(normal.age_from, normal.age_to)][normal.sex]] if normal.sex else []
    if normal.age_from is not None and normal.age_to is not None:
        parts.append(_ages(normal.age_from, normal.age_to, words["in"], locale))
    if normal.height_cm is not None:
        parts.append(locale.fill(words["height"], {"height": f"{normal.height_cm:.0f}"}))
    return ", ".join(parts) or normal.of_whom


def _people(age_from: float | None, age_to: float | None) -> str:
    if age_to is None or age_to >= GROWN_UP_YEARS:
        return "people" if age_from is None or age_from >= GROWN_UP_YEARS else "of_all_ages"
    return "infants" if age_to < 1 else "children"


def _ages(low: float, high: float, words: Any, locale: Locale) -> str:
    """In years, of infants in months where the source divides the years."""
    if high < _IN_MONTHS_BELOW and not (float(low).is_integer() and float(high).is_integer()):
        low, high, words = low * 12, high * 12, words["months"]
    else:
        words = words["years"]
    first, last = (_shortest(age, locale) for age in (low, high))
    if first != last:
        return locale.fill(words["range"], {"low": first, "high": last})
    if high < 1:
        return str(words["under_one"])
    return str(words["one"]) if high == 1 else locale.fill(words["many"], {"age": last})


def _shortest(age: float, locale: Locale) -> str:
    return locale.number(age, 0 if abs(age - round(age)) < _WHOLE else 1)


def _normal_range_of(fact: Fact) -> NormalRange | None:
    """None as well of what a person corrected, and where the impression states the limit."""
    normal = fact.finding.normal_range
    if normal is None or normal.missing or fact.corrected_by or fact.slot in references():
        return None
    return normal


def place_among_normal(fact: Fact, locale: Locale) -> str:
    """Percentile, verdict and limits; empty where no reference is stated beside the value."""
    normal = _normal_range_of(fact)
    return "" if normal is None else _place(fact, normal, locale)


def _part(fact: Fact, normal: NormalRange, structure: str, locale: Locale) -> str:
    subject = locale.measured_of(fact.slot, fact.side, structure, fact.finding.label)
    values = {"subject": subject, "place": _place(fact, normal, locale)}
    return locale.fill(locale.words["normal_range"]["part"], values)


def _place(fact: Fact, normal: NormalRange, locale: Locale) -> str:
    words = locale.words["normal_range"]
    limits = _limits(fact, normal, locale)
    place = None if fact.value is None else normal.place_of(fact.value)
    parts = [
        _percentile(normal.percentile, locale),
        words["places"][place] if place else "",
        locale.fill(words["limits"], {"limits": limits}) if limits else "",
    ]
    return ", ".join(part for part in parts if part)


def _percentile(percentile: float | None, locale: Locale) -> str:
    if percentile is None:
        return ""
    words, shown = locale.words["normal_range"]["percentile"], shown_percentile(percentile)
    return locale.fill(words[shown.place], {"ordinal": locale.ordinal(shown.number)})


def _limits(fact: Fact, normal: NormalRange, locale: Locale) -> str:
    words, unit = locale.words["normal_range"], fact.finding.unit
    values = {
        name: locale.quantity(value, unit)
        for name, value in (("low", normal.low), ("high", normal.high))
        if value is not None
    }
    kind = {("low", "high"): "between", ("low",): "from", ("high",): "up_to"}.get(tuple(values))
    return locale.fill(words[kind], values) if kind else ""


def _ids(facts: Iterable[Fact]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact.finding.finding_id for fact in facts))
