"""Of which series a sentence is, where a pipeline has measured several."""

from dataclasses import replace

from inference.reports.evidence import Evidence
from inference.reports.locale import Locale
from storage.reports.entities import ReportSentence


def series_prefix(evidence: Evidence, series_instance_uid: str, locale: Locale) -> str:
    """The number of the series, where a pipeline has measured several."""
    of_pipeline: dict[str, set[str]] = {}
    for fact in evidence.facts:
        of_pipeline.setdefault(fact.finding.pipeline, set()).add(fact.finding.series_instance_uid)
    if not any(len(one) > 1 and series_instance_uid in one for one in of_pipeline.values()):
        return ""
    for one in evidence.technique:
        if one.series_instance_uid == series_instance_uid:
            return one.shown_number or "?"
    return "?"


def prefixed(sentence: ReportSentence, number: str, locale: Locale) -> ReportSentence:
    """The sentence with the number of its series, where there is one."""
    if not number:
        return sentence
    text = locale.fill(locale.words["several_series"], {"number": number, "text": sentence.text})
    return replace(sentence, text=text)
