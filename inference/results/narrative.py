"""The numbers of a job's pictures and PDF, as people read them."""

from collections.abc import Sequence
from dataclasses import replace

from inference.findings.counts import counts_none
from inference.imaging.directions import in_words
from inference.normal_ranges.distribution import shown_percentile
from inference.pipeline import Pipeline
from storage.core.findings import Finding, NormalRange
from storage.core.text.dates import date_of, shown_time
from storage.core.text.outside_text import clean_text
from storage.core.text.rounding import rounded, shown_decimals

_OUTSIDE = "outside the model's population"
_CAUTIONED = "with a caution"
NOTE = "AI result, unverified. Research use only."
_NOTE_OF_OTHERS = "Computed without AI, unverified. Research use only."

_UNITS = {
    "cm3": "cm³",
    "mm3": "mm³",
    "mm2": "mm²",
    "[hnsf'U]": "HU",
    "%": "%",
    "{pixels}2": "px²",
}
_BEYOND = {"below": "<", "at": "", "above": ">"}


def note_of(pipeline: Pipeline) -> str:
    """What every picture says of what a pipeline made."""
    return note_of_kind(is_ai=pipeline.card.is_ai)


def note_of_kind(*, is_ai: bool) -> str:
    """The same, where it is known whether that is AI."""
    return NOTE if is_ai else _NOTE_OF_OTHERS


def shown_value(finding: Finding) -> str:
    """Value and unit, or the confidence, as people read them; of what is truncated, so worded."""
    if finding.value is None:
        stated = "" if finding.confidence is None else f"confidence {finding.confidence:.0%}"
        return f"{stated}{_cautioned(finding)}".strip()
    if counts_none(finding):
        return f"nothing marked{_cautioned(finding)}"
    code = "" if finding.unit is None else finding.unit.value
    unit = f" {_UNITS.get(code, code)}".rstrip()
    value = f"{rounded(finding.value, shown_decimals(finding.value, code)):,f}{unit}"
    if finding.validity is not None and finding.is_truncated:
        where = in_words(finding.validity.cut_off_at)
        return f"truncated (cut off {where}); part in the images: {value}"
    if finding.is_implausible:
        return f"not plausible, compared with nothing: {value}"
    return f"{value}{_cautioned(finding)}"


def _cautioned(finding: Finding) -> str:
    """Behind a value or a confidence, that something is to be read with it."""
    if not finding.caveats:
        return ""
    outside = any(one.kind == "outside_population" for one in finding.caveats)
    return f" ({_OUTSIDE if outside else _CAUTIONED})"


def shown_interval(finding: Finding) -> str:
    """Between which values the true one lies, as people read it; empty where nobody says."""
    interval = finding.value_interval
    if interval is None or finding.value is None:
        return ""
    low, high = (
        shown_value(replace(finding, value=end, validity=None))
        for end in (interval.low, interval.high)
    )
    return f"{interval.level * 100:g} % interval from {low} to {high}"


def shown_limit(percent: float) -> str:
    """A limit in percent, without needless zeros."""
    return f"{percent:.1f}".removesuffix(".0") + " %"


def comparison_notes(finding: Finding) -> list[str]:
    """What an SR states of the earlier value in words, a sentence each."""
    prior = finding.prior
    if prior is None or not (prior.is_within_variation or prior.relation):
        return []
    then = shown_value(replace(finding, value=prior.value, validity=None))
    day = date_of(prior.study_date)
    notes = [f"{joined_note(finding)}."] if prior.relation else []
    if not prior.is_within_variation:
        return [as_dicom_text(one) for one in notes]
    time = shown_time(prior.study_time)
    since = f" since {day:%Y-%m-%d}{f', {time}' if time else ''}" if day else ""
    limit = shown_limit(prior.variation_percent)
    note = f"Not changed beyond the variation of the measurement ({limit}){since}; then {then}."
    return [as_dicom_text(one) for one in (*notes, note)]


def joined_note(finding: Finding) -> str:
    """Of a lesion that merged or split: what the change is of."""
    prior = finding.prior
    if prior is None or not prior.relation:
        return ""
    then = shown_value(replace(finding, value=prior.value, validity=None))
    if prior.relation == "merged":
        return f"Merged from {prior.parts_before} lesions, {then} together; the change is of all"
    now = shown_value(replace(finding, value=prior.value_now, validity=None))
    return (
        f"One of {prior.parts_now} parts of a lesion that has split, {now} together now,"
        f" {then} then; the change is of all"
    )


def shown_range(finding: Finding) -> str:
    """The normal range, the percentile, and on which side of it the value lies, as stated."""
    normal = finding.normal_range
    if normal is None or normal.missing or finding.value is None:
        return ""
    parts = [_between(normal, finding)] if (normal.low, normal.high) != (None, None) else []
    if normal.percentile is not None:
        shown = shown_percentile(normal.percentile)
        parts.append(f"percentile {_BEYOND[shown.place]}{shown.number}")
    place = normal.place_of(finding.value)
    if place in ("below", "above"):
        parts.append(place)
    return ", ".join(parts)


def _between(normal: NormalRange, finding: Finding) -> str:
    low, high = (
        "" if limit is None else shown_value(replace(finding, value=limit, validity=None))
        for limit in (normal.low, normal.high)
    )
    if not low or not high:
        return f"from {low}" if low else f"up to {high}"
    return f"{low} to {high}"


def as_dicom_text(line: str) -> str:
    """For an attribute: the source's character set, which a result keeps, may know ASCII alone.

    Without a backslash, which encoders refuse in Short Text and with it the whole result.
    """
    return clean_text(line, lines=True).replace("³", "3").replace("\\", "/")


def captions(findings: Sequence[Finding]) -> dict[int, tuple[str, ...]]:
    """By number of the segment: what is stated of it, a line each."""
    lines: dict[int, tuple[str, ...]] = {}
    for finding in findings:
        if finding.segmentation is not None and finding.value is not None:
            number = finding.segmentation.segment_number
            line = f"{finding.label}: {shown_value(finding)}"
            lines[number] = (*lines.get(number, ()), line)
    return lines
