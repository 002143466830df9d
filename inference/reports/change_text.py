"""Sentences about how what was measured has changed, and why it is not compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inference.findings.facts import Fact
from inference.reports.evidence import Evidence, Prior
from inference.reports.lesion_text import joined_sentences
from inference.reports.locale import Locale
from storage.core.acquisition import (
    DENSITIES,
    breath_differs_percent,
    laterality_of,
    side_doubted,
    slices_differ,
    why_unlike,
)
from storage.core.variation import Variation, is_volume, variation_of
from storage.reports.entities import ReportSentence

Group = dict[str, Fact]
"""The facts about one structure in one series by one pipeline, by slot."""


def shown(fact: Fact, locale: Locale) -> str:
    if fact.value is None:
        return ""
    return locale.quantity(fact.value, fact.finding.unit)


def changes_by(
    rule: Mapping[str, Any], structure: str, group: Group, prior: Prior | None, locale: Locale
) -> Iterator[ReportSentence]:
    """Of both sides together; where one of the studies has not measured both, of each."""
    together = list(_changes(rule.get("change", ()), structure, group, prior, locale))
    sides = rule.get("change_of_sides", ())
    yield from together or _changes(sides, structure, group, prior, locale)


def _changes(
    slots: Sequence[str], structure: str, group: Group, prior: Prior | None, locale: Locale
) -> Iterator[ReportSentence]:
    before = {} if prior is None else {fact.key: fact for fact in prior.facts}
    for slot in slots:
        now = group.get(slot)
        if now is not None and now.is_joined:
            yield from joined_sentences(now, locale)
            continue
        then = None if now is None else before.get(now.key)
        if now is not None and then is not None and prior is not None:
            sentence = _change(slot, structure, now, then, prior, locale)
            if sentence is not None:
                volume = group.get(f"{now.side}_volume" if now.side else "volume")
                yield _of_breath(sentence, now, volume, before, locale)


def _of_breath(
    sentence: ReportSentence,
    now: Fact,
    volume: Fact | None,
    before: Mapping[tuple[str, str, str, str], Fact],
    locale: Locale,
) -> ReportSentence:
    """The change of a lung's density or volume with how far the volume differs, in one sentence
    that no model rewords: another depth of breath changes both."""
    then = None if volume is None else before.get(volume.key)
    is_density = now.finding.code.value in DENSITIES
    if volume is None or then is None or not (is_density or now.structure == "lung"):
        return sentence
    percent = breath_differs_percent(volume.value, then.value)
    if percent is None:
        return sentence
    values = {"text": sentence.text.rstrip("."), "percent": locale.percent(percent)}
    text = locale.fill(
        locale.words["unlike"]["breath" if is_density else "breath_of_volume"], values
    )
    return replace(
        sentence,
        text=text,
        finding_ids=_once(*sentence.finding_ids, volume.finding.finding_id),
        prior_finding_ids=_once(*sentence.prior_finding_ids, then.finding.finding_id),
        basis="node",
        states_result=True,
    )


def _once(*finding_ids: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding_ids))


def _change(
    slot: str, structure: str, now: Fact, then: Fact, prior: Prior, locale: Locale
) -> ReportSentence | None:
    date = locale.date(prior.study.study_date, prior.time)
    if why_unlike(now.finding, then.finding) is not None:
        return None
    if now.value is None or then.value is None or not date or now.finding.unit != then.finding.unit:
        return None
    subject = locale.measured_of(slot, now.side, structure, now.finding.label)
    kind, percent = _kind_of_change(now, then, locale)
    limit = _limit(now, then)
    text = locale.fill(
        locale.words["changes"][kind],
        {
            "subject": subject,
            "percent": percent,
            "date": date,
            "before": shown(then, locale),
            "now": shown(now, locale),
            "variation": "" if limit is None else _shown_limit(limit, now, locale),
        },
    )
    return ReportSentence(
        text, (now.finding.finding_id,), prior_finding_ids=(then.finding.finding_id,)
    )


def _kind_of_change(now: Fact, then: Fact, locale: Locale) -> tuple[str, str]:
    """Which sentence tells it. Percent of a volume; densities and shares only by direction; none
    of what two measurements of the same may lie apart."""
    new, old = now.value or 0.0, then.value or 0.0
    limit = _limit(now, then)
    if limit is not None and limit.covers(new, old):
        return "within", ""
    if shown(now, locale) == shown(then, locale):
        # What differs below the precision that is shown is not called unchanged.
        return ("same" if new == old else "similar"), ""
    if limit is None or limit.percent is None:
        return ("higher" if new > old else "lower"), ""
    change = (new - old) / old * 100.0
    return ("increased" if change > 0 else "decreased"), locale.percent(abs(change))


def _limit(now: Fact, then: Fact) -> Variation | None:
    """Of the values that count."""
    return variation_of(replace(now.finding, value=now.value), then.finding, then.value or 0.0)


def _shown_limit(limit: Variation, fact: Fact, locale: Locale) -> str:
    if limit.percent is not None:
        return locale.percent(limit.percent)
    unit = fact.finding.unit
    if unit is not None and unit.value == "%":
        # Of a share, percent of it would be another limit.
        number = locale.number(limit.amount, 1)
        return locale.fill(locale.words["changes"]["points"], {"number": number})
    return locale.quantity(limit.amount, unit)


def not_found_now(prior: Prior | None, locale: Locale) -> Iterator[ReportSentence]:
    """What the study before has measured of a lung that this one does not show."""
    date = "" if prior is None else locale.date(prior.study.study_date, prior.time)
    if prior is None or not date:
        return
    for then in prior.gone:
        subject = locale.measured_of(then.slot, then.side, then.structure, then.finding.label)
        values = {"subject": subject, "before": shown(then, locale), "date": date}
        yield ReportSentence(
            locale.fill(locale.words["changes"]["gone"], values),
            prior_finding_ids=(then.finding.finding_id,),
            basis="node",
        )


def beside_other_acquisition(
    evidence: Evidence, facts: Sequence[Fact], locale: Locale
) -> Iterator[ReportSentence]:
    """What is not compared, or with a caution, since the earlier images were made otherwise."""
    prior = evidence.prior
    date = "" if prior is None else locale.date(prior.study.study_date, prior.time)
    if prior is not None and date:
        before = {fact.key: fact for fact in prior.facts}
        yield from _uncompared(before, date, facts, locale)
        yield from _sides_doubted(before, date, facts, locale)
        yield from _volumes_on_other_slices(before, date, facts, locale)


_Before = Mapping[tuple[str, str, str, str], Fact]


def _volumes_on_other_slices(
    before: _Before, date: str, facts: Sequence[Fact], locale: Locale
) -> Iterator[ReportSentence]:
    """Between which slice thicknesses volumes are compared, where these differ much; each once."""
    found: dict[tuple[str, str], list[tuple[Fact, Fact]]] = {}
    for now in facts:
        then = before.get(now.key)
        if then is None or not now.is_sound or not is_volume(now.finding):
            continue
        if why_unlike(now.finding, then.finding) is not None:
            continue
        unlike = slices_differ(now.finding, then.finding)
        if unlike is not None:
            shown_mm = (_of_acquisition(unlike.then, locale), _of_acquisition(unlike.now, locale))
            found.setdefault(shown_mm, []).append((now, then))
    for (then_mm, now_mm), pairs in found.items():
        values = {"date": date, "then": then_mm, "now": now_mm}
        yield ReportSentence(
            locale.fill(locale.words["unlike"]["volumes"], values),
            tuple(now.finding.finding_id for now, _ in pairs),
            prior_finding_ids=tuple(then.finding.finding_id for _, then in pairs),
            basis="node",
        )


def _sides_doubted(
    before: _Before, date: str, facts: Sequence[Fact], locale: Locale
) -> Iterator[ReportSentence]:
    """That only one of two studies states one side of the body: once for all that it concerns."""
    pairs = [
        (now, then)
        for now in facts
        if (then := before.get(now.key)) is not None
        and now.is_sound
        and side_doubted(now.finding, then.finding)
    ]
    found: dict[str, list[tuple[Fact, Fact]]] = {}
    words = locale.words["unlike"]
    for now, then in pairs:
        sides = [words["sides"][laterality_of(one.finding) or "none"] for one in (then, now)]
        values = {"date": date, "then": sides[0], "now": sides[1]}
        found.setdefault(locale.fill(words["side_doubted"], values), []).append((now, then))
    for text, of_text in found.items():
        yield ReportSentence(
            text,
            tuple(now.finding.finding_id for now, _ in of_text),
            prior_finding_ids=tuple(then.finding.finding_id for _, then in of_text),
            basis="node",
        )


def _uncompared(
    before: _Before, date: str, facts: Sequence[Fact], locale: Locale
) -> Iterator[ReportSentence]:
    """Why values of the other side, or densities of an earlier acquisition, are not compared: each
    reason once."""
    words = locale.words["unlike"]
    of_reason: dict[str, list[str]] = {}
    for now in facts:
        then = before.get(now.key)
        unlike = why_unlike(now.finding, then.finding) if then and now.is_sound else None
        if then is not None and unlike is not None and unlike.kind == "laterality":
            sides = [words["sides"][laterality_of(one.finding) or "none"] for one in (then, now)]
            values = {"date": date, "then": sides[0], "now": sides[1]}
            text = locale.fill(words["side"], values)
            of_reason.setdefault(text, []).append(now.finding.finding_id)
        elif unlike is not None:
            values = {
                "date": date,
                "then": _of_acquisition(unlike.then, locale),
                "now": _of_acquisition(unlike.now, locale),
            }
            what = "slice_thickness" if unlike.kind.startswith("slice") else "kernel"
            why = locale.fill(words[what], values)
            text = locale.fill(words["sentence"], {"date": date, "why": why})
            of_reason.setdefault(text, []).append(now.finding.finding_id)
    for text, ids in of_reason.items():
        yield ReportSentence(text, tuple(ids), basis="node")


def _of_acquisition(known: str | float | None, locale: Locale) -> str:
    """A kernel by its name, a slice thickness in mm as the language writes numbers."""
    if not known:
        return str(locale.words["unlike"]["unknown"])
    return known if isinstance(known, str) else locale.measure(known, "mm")
