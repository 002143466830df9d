"""The evidence behind a verdict, in words."""

from inference.language.guard.evidence import STUDY, Evidence
from inference.language.guard.verdict import Verdict
from storage.core.findings import Finding


def premises_of(verdict: Verdict, evidence: Evidence) -> tuple[str, ...]:
    """The findings and the sentences of sources that support, each as a sentence."""
    texts = {one.source_id: one.text for one in evidence.texts}
    premises = [
        _in_words(one) for one in evidence.findings if one.finding_id in verdict.finding_ids
    ]
    for prior in evidence.priors:
        premises += [
            f"On {_iso(prior.study_date)}: {_in_words(one)}"
            for one in prior.findings
            if one.finding_id in verdict.finding_ids
        ]
    premises += [
        texts[span.source_id][span.start : span.end]
        for span in verdict.source_spans
        if span.source_id != STUDY
    ]
    return tuple(premises)


def _in_words(finding: Finding) -> str:
    if finding.value is None and finding.confidence is None:
        return f"{finding.label}."
    if finding.value is None:
        return f"{finding.label}: confidence {(finding.confidence or 0.0) * 100.0:.1f}%."
    unit = (
        {"[hnsf'U]": "HU", "{pixels}2": "px²"}.get(finding.unit.value, finding.unit.value)
        if finding.unit
        else ""
    )
    return f"{finding.quantity_label}: {finding.value:g} {unit}.".replace(" %", "%")


def _iso(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else date
