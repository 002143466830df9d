"""Sentences about what was measured, and how it changed, by the rules of a language's data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inference.findings.facts import Fact
from inference.reports.evidence import Evidence, Prior
from inference.reports.lesion_text import joined_sentences, lesion_sentences
from inference.reports.locale import Locale, placeholders, references
from inference.reports.reference_text import beside_normal_ranges, sources_of_normal_ranges
from storage.core.acquisition import NOT_COMPARED, why_unlike
from storage.core.findings import OUTSIDE_POPULATION, REGISTERED_WITH_RESIDUAL
from storage.core.variation import Variation, variation_of
from storage.reports.entities import ReportSentence

_DENSITIES = frozenset({"mean_density", "laa950", "perc15"})
"""Of other voxels than those of the mask, which a volume is of."""
_SAME_BREATH_PERCENT = 10.0
"""Of the earlier volume of the lung; beyond, a change of its density is stated with that."""
_CAUTIONS = {
    "outside_population": OUTSIDE_POPULATION,
    "registered_with_residual": REGISTERED_WITH_RESIDUAL,
}
Group = dict[str, Fact]
"""The facts about one structure in one series by one pipeline, by slot."""


def findings_sentences(evidence: Evidence, locale: Locale) -> Iterator[ReportSentence]:
    """Everything that was found: each fact in one sentence, and its change in the next."""
    for series, groups in _by_series(evidence):
        prefix = _series_prefix(evidence, series, locale)
        for structure, group in groups:
            for sentence in _about(structure, group, evidence.prior, locale):
                yield _prefixed(sentence, prefix, locale)
            for sentence in beside_normal_ranges(structure, group.values(), locale):
                yield _prefixed(sentence, prefix, locale)
    yield from sources_of_normal_ranges(evidence.facts, locale)
    yield from lesion_sentences(evidence.lesions, locale)
    for fact in evidence.facts:
        if fact.measure == "answer":
            yield _answer(fact, locale)
        if fact.corrected_by and fact.finding.value is not None:
            yield _corrected(fact, locale)
    densities = tuple(one.finding.finding_id for one in evidence.facts if one.measure in _DENSITIES)
    if densities:
        yield ReportSentence(locale.words["density_of"], densities, basis="node")
    yield from uncompared_densities(evidence, evidence.facts, locale)
    for word in (*_CAUTIONS, "part_of_series"):
        cautioned = tuple(
            one.finding.finding_id
            for one in evidence.facts
            if any(
                _caution(caveat) == word
                for caveat in one.finding.caveats
                if not caveat.startswith(NOT_COMPARED)
            )
        )
        if cautioned:
            yield ReportSentence(locale.words[word], cautioned, basis="node")


def uncompared_densities(
    evidence: Evidence, facts: Sequence[Fact], locale: Locale
) -> Iterator[ReportSentence]:
    """Why densities of an earlier acquisition are not compared: each reason once."""
    prior = evidence.prior
    if prior is None:
        return
    before = {fact.key: fact for fact in prior.facts}
    words = locale.words["unlike"]
    of_reason: dict[str, list[str]] = {}
    for now in facts:
        then = before.get(now.key)
        unlike = why_unlike(now.finding, then.finding) if then and now.is_sound else None
        if unlike is not None:
            values = {
                "then": unlike.then or words["unknown"],
                "now": unlike.now or words["unknown"],
            }
            what = "slice_thickness" if unlike.kind.startswith("slice") else "kernel"
            text = locale.fill(words[what], values)
            of_reason.setdefault(text, []).append(now.finding.finding_id)
    date = locale.date(prior.study.study_date)
    if not date:
        return
    for why, ids in of_reason.items():
        yield ReportSentence(
            locale.fill(words["sentence"], {"date": date, "why": why}), tuple(ids), basis="node"
        )


def _caution(caveat: str) -> str:
    """The word of the locale by which a caveat is stated once of all findings that have it."""
    return next(
        (word for word, begins in _CAUTIONS.items() if caveat.startswith(begins)), "part_of_series"
    )


def sentences_of(facts: Sequence[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """What was found in a picture without a study, and so without series or prior."""
    for fact in facts:
        if fact.measure == "answer":
            yield _answer(fact, locale)
        else:
            yield from _about(fact.structure, {fact.slot: fact}, None, locale)


def impression_sentences(evidence: Evidence, locale: Locale) -> Iterator[ReportSentence]:
    """What matters of it, in the order of the language's rules."""
    limited = tuple(one for one in evidence.facts if one.slot in references())
    contrast = any(one.contrast_agent is not None for one in evidence.technique)
    for rule in locale.words["impression"]:
        for series, groups in _by_series(evidence):
            prefix = _series_prefix(evidence, series, locale)
            for structure, group in groups:
                if structure != rule["structure"]:
                    continue
                for sentence in _concluded(
                    rule, structure, group, evidence.prior, locale, contrast
                ):
                    yield _prefixed(sentence, prefix, locale)
    yield from uncompared_densities(evidence, limited, locale)
    yield from lesion_sentences(evidence.lesions, locale)


def _by_series(evidence: Evidence) -> list[tuple[str, list[tuple[str, Group]]]]:
    """Series → structures with their facts, in the order in which they were found."""
    found: dict[str, dict[tuple[str, str, str], Group]] = {}
    for fact in evidence.facts:
        if fact.measure == "answer":
            continue
        groups = found.setdefault(fact.finding.series_instance_uid, {})
        image = fact.finding.image
        # A label that two pipelines share stays two, and so does one of two films.
        key = fact.finding.pipeline, fact.structure, image.sop_instance_uid if image else ""
        groups.setdefault(key, {})[fact.slot] = fact
    return [
        (series, [(structure, group) for (_, structure, _), group in groups.items()])
        for series, groups in found.items()
    ]


def _about(
    structure: str, group: Group, prior: Prior | None, locale: Locale
) -> Iterator[ReportSentence]:
    left, cut_off = _apart(group)
    whole = dict(left)
    for rule in locale.words["findings"]:
        if rule["structure"] not in (structure, "*"):
            continue
        is_stated = False
        for template in rule["texts"]:
            sentence = _filled(template, structure, left, locale)
            if sentence is not None:
                is_stated = True
                yield sentence
                left = {
                    slot: fact
                    for slot, fact in left.items()
                    if fact.finding.finding_id not in sentence.finding_ids
                }
        if is_stated:
            yield from _changes_by(rule, structure, whole, prior, locale)
    yield from _not_whole(structure, cut_off, locale)


def _apart(group: Group) -> tuple[Group, Group]:
    """The facts that stand for the structure, and those about a part of it or not plausible."""
    doubtful = {slot: fact for slot, fact in group.items() if not fact.is_sound}
    return {slot: fact for slot, fact in group.items() if slot not in doubtful}, doubtful


def _not_whole(structure: str, doubtful: Group, locale: Locale) -> Iterator[ReportSentence]:
    for kind, holds in (("truncated", True), ("implausible", False)):
        facts = {slot: fact for slot, fact in doubtful.items() if fact.is_truncated is holds}
        yield from _worded(structure, facts, locale, kind)


def _worded(structure: str, cut_off: Group, locale: Locale, kind: str) -> Iterator[ReportSentence]:
    """One sentence a side: what was not measured as a whole, where it is cut off, what the part
    in the images has; or what is not plausible, and what the software stated. The node vouches
    for it, so that no model rewords it."""
    words = {**locale.words["truncated"], **locale.words[kind]}
    for side in dict.fromkeys(fact.side for fact in cut_off.values()):
        facts = [fact for fact in cut_off.values() if fact.side == side]
        about = locale.about(side, structure)
        subject = locale.fill(words["sided" if side else "plain"], about)
        where = dict.fromkeys(one for fact in facts for one in fact.cut_off_at)
        values = [
            locale.fill(
                words["measure"],
                {"measure": words["measures"][fact.measure], "value": shown(fact, locale)},
            ).strip()
            for fact in facts
        ]
        text = locale.fill(
            words["sentence"],
            {
                "subject": subject[:1].upper() + subject[1:],
                "where": ", ".join(words["where"][one] for one in where),
                "values": ", ".join(values),
            },
        )
        ids = tuple(fact.finding.finding_id for fact in facts)
        yield ReportSentence(text, ids, basis="node", states_result=True)


def _filled(template: str, structure: str, group: Group, locale: Locale) -> ReportSentence | None:
    """The sentence with all the facts that it asks for; None where one is missing."""
    asked = [name for name in placeholders(template) if name not in ("structure", "Structure")]
    if not asked or any(slot not in group for slot in asked):
        return None
    values = {slot: shown(group[slot], locale) for slot in asked}
    text = locale.fill(template, {**locale.about("", structure), **values})
    return ReportSentence(
        text, tuple(dict.fromkeys(group[slot].finding.finding_id for slot in asked))
    )


def shown(fact: Fact, locale: Locale) -> str:
    if fact.value is None:
        return ""
    return locale.quantity(fact.value, fact.finding.unit)


def _changes_by(
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
    """A density's change with how far the lung's volume differs, in one sentence that no model
    rewords: another depth of breath changes it as well."""
    then = None if volume is None else before.get(volume.key)
    if now.measure not in _DENSITIES or volume is None or then is None or not then.value:
        return sentence
    percent = abs((volume.value or 0.0) - then.value) / then.value * 100.0
    if percent <= _SAME_BREATH_PERCENT:
        return sentence
    values = {"text": sentence.text.rstrip("."), "percent": locale.percent(percent)}
    text = locale.fill(locale.words["unlike"]["breath"], values)
    return replace(
        sentence,
        text=text,
        finding_ids=(*sentence.finding_ids, volume.finding.finding_id),
        prior_finding_ids=(*sentence.prior_finding_ids, then.finding.finding_id),
        basis="node",
        states_result=True,
    )


def _change(
    slot: str, structure: str, now: Fact, then: Fact, prior: Prior, locale: Locale
) -> ReportSentence | None:
    date = locale.date(prior.study.study_date)
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
    if shown(now, locale) == shown(then, locale):
        # What differs below the precision that is shown is not called unchanged.
        return ("same" if new == old else "similar"), ""
    if limit is not None and limit.covers(new, old):
        return "within", ""
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


def _concluded(
    rule: Mapping[str, Any],
    structure: str,
    group: Group,
    prior: Prior | None,
    locale: Locale,
    contrast: bool,
) -> Iterator[ReportSentence]:
    is_stated = False
    group, cut_off = _apart(group)
    for template in rule["texts"]:
        sentence = _filled(template, structure, group, locale)
        if sentence is not None and not is_stated:
            is_stated = True
            yield sentence
    # Of several rules about the structure, the one about volume tells it.
    asked = {slot for text in rule["texts"] for slot in placeholders(text)}
    yield from _not_whole(
        structure,
        {
            slot: fact
            for slot, fact in cut_off.items()
            if fact.measure == "volume" and slot in asked
        },
        locale,
    )
    if is_stated:
        yield from _changes_by(rule, structure, group, prior, locale)
        if rule.get("reference", "") in group:
            yield from _beside_reference(rule["reference"], group, locale, contrast)


def _beside_reference(
    slot: str, group: Group, locale: Locale, contrast: bool
) -> Iterator[ReportSentence]:
    """The limit that others take, where it holds for the patient; and what spoils the measure."""
    known, words = references()[slot], locale.words["references"][slot]
    limit = locale.fill(words["limit"], {"limit": locale.percent(float(known["limit"]))})
    finding = group[slot].finding
    finding_ids = (finding.finding_id,)
    if finding.normal_range is None or not finding.normal_range.missing:
        yield ReportSentence(limit, finding_ids, basis="node")
        acquisition = finding.validity.acquisition if finding.validity else None
        kernel = acquisition.kernel if acquisition else ""
        if kernel.casefold() not in map(str.casefold, known["kernels"]):
            shown_kernel = kernel or locale.words["unlike"]["unknown"]
            text = locale.fill(words["kernel"], {"kernel": shown_kernel})
            yield ReportSentence(text, finding_ids, basis="node")
        volume = group.get(known["of_inspiration_by"])
        if volume is not None and _is_low(volume):
            ids = (*finding_ids, volume.finding.finding_id)
            yield ReportSentence(words["breath"], ids, basis="node")
    if contrast and known["spoiled_by_contrast"]:
        yield ReportSentence(words["contrast"], finding_ids, basis="node")


def _is_low(fact: Fact) -> bool:
    """Below the normal range, whatever may be concluded from that."""
    normal = fact.finding.normal_range
    low = None if normal is None else normal.low
    return low is not None and fact.value is not None and fact.value < low


def _answer(fact: Fact, locale: Locale) -> ReportSentence:
    confidence = fact.finding.confidence
    text = locale.fill(
        locale.words["answer"],
        {
            "label": fact.finding.label,
            "confidence": locale.percent((confidence or 0.0) * 100.0),
        },
    )
    return ReportSentence(text, (fact.finding.finding_id,))


def _corrected(fact: Fact, locale: Locale) -> ReportSentence:
    text = locale.fill(
        locale.words["corrected"],
        {
            "label": fact.finding.label,
            "person": fact.corrected_by,
            "value": locale.quantity(fact.finding.value or 0.0, fact.finding.unit),
        },
    )
    return ReportSentence(text, (fact.finding.finding_id,))


def _series_prefix(evidence: Evidence, series_instance_uid: str, locale: Locale) -> str:
    """The number of the series, where a pipeline has measured several."""
    of_pipeline: dict[str, set[str]] = {}
    for fact in evidence.facts:
        of_pipeline.setdefault(fact.finding.pipeline, set()).add(fact.finding.series_instance_uid)
    if not any(len(one) > 1 and series_instance_uid in one for one in of_pipeline.values()):
        return ""
    for one in evidence.technique:
        if one.series_instance_uid == series_instance_uid:
            return str(one.series_number if one.series_number is not None else "?")
    return "?"


def _prefixed(sentence: ReportSentence, number: str, locale: Locale) -> ReportSentence:
    if not number:
        return sentence
    text = locale.fill(locale.words["several_series"], {"number": number, "text": sentence.text})
    return replace(sentence, text=text)
