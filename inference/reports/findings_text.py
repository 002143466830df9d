"""Sentences about what was measured, by the rules of a language's data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inference.findings.facts import Fact
from inference.reports.caution_text import caution_sentences, none_found
from inference.reports.change_text import (
    Group,
    beside_other_acquisition,
    changes_by,
    not_found_now,
    shown,
)
from inference.reports.evidence import Evidence, Prior
from inference.reports.lesion_text import lesion_sentences
from inference.reports.lesion_totals import total_sentences
from inference.reports.locale import Locale, placeholders, references
from inference.reports.reference_text import beside_normal_ranges, sources_of_normal_ranges
from inference.reports.several_series import prefixed, series_prefix
from storage.core.acquisition import DENSITIES
from storage.reports.entities import ReportSentence


def findings_sentences(evidence: Evidence, locale: Locale) -> Iterator[ReportSentence]:
    """Everything that was found: each fact in one sentence, and its change in the next."""
    for series, groups in _by_series(evidence):
        prefix = series_prefix(evidence, series, locale)
        for structure, group in groups:
            for sentence in _about(structure, group, evidence.prior, locale):
                yield prefixed(sentence, prefix, locale)
            for sentence in beside_normal_ranges(structure, group.values(), locale):
                yield prefixed(sentence, prefix, locale)
    yield from sources_of_normal_ranges(evidence.facts, locale)
    yield from lesion_sentences(evidence.lesions, locale)
    for fact in evidence.facts:
        if fact.measure == "answer":
            yield _answer(fact, locale)
        if fact.corrected_by and fact.finding.value is not None:
            yield _corrected(fact, locale)
        if fact.named:
            yield _named(fact, locale)
    densities = tuple(
        one.finding.finding_id for one in evidence.facts if one.finding.code.value in DENSITIES
    )
    if densities:
        yield ReportSentence(locale.words["density_of"], densities, basis="node")
    yield from beside_other_acquisition(evidence, evidence.facts, locale)
    yield from not_found_now(evidence.prior, locale)
    yield from caution_sentences(evidence.facts, locale)


def sentences_of(facts: Sequence[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """What was found in a picture without a study, and so without series or prior."""
    for fact in facts:
        if fact.measure == "answer":
            yield _answer(fact, locale)
        else:
            yield from _about(fact.structure, {fact.slot: fact}, None, locale)


def impression_sentences(evidence: Evidence, locale: Locale) -> Iterator[ReportSentence]:
    """What matters of it, in the order of the language's rules."""
    contrast = any(one.contrast_agent is not None for one in evidence.technique)
    for rule in locale.words["impression"]:
        for series, groups in _by_series(evidence):
            prefix = series_prefix(evidence, series, locale)
            for structure, group in groups:
                if structure != rule["structure"]:
                    continue
                for sentence in _concluded(
                    rule, structure, group, evidence.prior, locale, contrast
                ):
                    yield prefixed(sentence, prefix, locale)
    structures = {rule["structure"] for rule in locale.words["impression"]}
    concluded = [one for one in evidence.facts if one.structure in structures]
    yield from beside_other_acquisition(evidence, concluded, locale)
    yield from not_found_now(evidence.prior, locale)
    yield from lesion_sentences(evidence.lesions, locale, other_names=False)


def _by_series(evidence: Evidence) -> list[tuple[str, list[tuple[str, Group]]]]:
    """Series → structures with their facts, in the order in which they were found."""
    found: dict[str, dict[tuple[str, str, str, bool], Group]] = {}
    for fact in evidence.facts:
        if fact.measure == "answer":
            continue
        groups = found.setdefault(fact.finding.series_instance_uid, {})
        image = fact.finding.image
        # A label that two pipelines share stays two, and so does one of two films. A single lesion
        # is called as the total with what is too small is, and has another volume.
        of_image = image.sop_instance_uid if image else ""
        is_total = bool(fact.finding.total_of)
        key = fact.finding.pipeline, fact.structure, of_image, is_total
        groups.setdefault(key, {})[fact.slot] = fact
    return [
        (series, [(structure, group) for (_, structure, *_), group in groups.items()])
        for series, groups in found.items()
    ]


def _about(
    structure: str, group: Group, prior: Prior | None, locale: Locale
) -> Iterator[ReportSentence]:
    for fact in group.values():
        if fact.counts_none:
            yield none_found(fact, locale)
    left, cut_off = _apart({slot: one for slot, one in group.items() if not one.counts_none})
    yield from total_sentences(left.values(), prior, locale)
    left = {slot: fact for slot, fact in left.items() if not fact.finding.total_of}
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
            yield from changes_by(rule, structure, whole, prior, locale)
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
        kind_of_side = "both" if side == "both" else "sided" if side else "plain"
        subject = locale.fill(words[kind_of_side], about)
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
        yield from changes_by(rule, structure, group, prior, locale)
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
        elif volume is not None and _has_no_range(volume):
            ids = (*finding_ids, volume.finding.finding_id)
            yield ReportSentence(words["breath_unknown"], ids, basis="node")
    if contrast and known["spoiled_by_contrast"]:
        yield ReportSentence(words["contrast"], finding_ids, basis="node")


def _has_no_range(fact: Fact) -> bool:
    """Whether no reference value fits the patient; of older findings nobody looked."""
    return bool(fact.finding.normal_range and fact.finding.normal_range.missing)


def _is_low(fact: Fact) -> bool:
    """Below the normal range, whatever may be concluded from that."""
    normal = fact.finding.normal_range
    low = None if normal is None else normal.low
    return low is not None and fact.value is not None and fact.value < low


def _answer(fact: Fact, locale: Locale) -> ReportSentence:
    confidence = fact.finding.confidence
    if confidence is None:
        validity = fact.finding.validity
        reason = "" if validity is None else validity.reason.rstrip(".")
        stated = {
            "label": locale.label(fact.finding.label),
            "reason": f" ({reason})" if reason else "",
        }
        text = locale.fill(locale.words["category"], stated)
        return ReportSentence(text, (fact.finding.finding_id,))
    text = locale.fill(
        locale.words["answer"],
        {
            "label": locale.label(fact.finding.label),
            "confidence": locale.percent(confidence * 100.0),
        },
    )
    return ReportSentence(text, (fact.finding.finding_id,))


def _corrected(fact: Fact, locale: Locale) -> ReportSentence:
    text = locale.fill(
        locale.words["corrected"],
        {
            "label": locale.label(fact.finding.label),
            "person": fact.corrected_by,
            "value": locale.quantity(fact.finding.value or 0.0, fact.finding.unit),
        },
    )
    # The guard knows the value that counts alone, and withholds what states both.
    return ReportSentence(text, (fact.finding.finding_id,), basis="node", states_result=True)


def _named(fact: Fact, locale: Locale) -> ReportSentence:
    words = locale.words["renamed"]
    text = locale.fill(
        words["answer"] if fact.measure == "answer" else words["value"],
        {"label": locale.label(fact.finding.label), "named": fact.named, "person": fact.named_by},
    )
    return ReportSentence(text, (fact.finding.finding_id,), basis="node", states_result=True)
