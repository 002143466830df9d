"""What a finding is of: the place, the side and the kind of its measure, from its label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inference.language.guard.evidence import Evidence
from inference.language.guard.numbered_labels import NUMBER, with_numbers
from inference.language.guard.numbers.dates import FoundDate, dicom_date
from inference.language.guard.numbers.units import PERCENT, Unit, unit_of_ucum
from inference.language.guard.reading import read
from inference.language.guard.scope import mentions_of, with_sides
from storage.core.acquisition import why_unlike
from storage.core.findings import Finding
from storage.core.variation import Variation, variation_of

CONFIDENCE = "confidence"
# The measures that a sentence may name beside the kind of the finding itself.
_BESIDE = {
    "volume": {"size", "mask", "total", "overall"},
    "density": {"mean"},
    "laa950": {"share", "density"},
    "percentile15": {"density"},
    "share": {"volume", "mask", "brain", "total"},
    "long_axis": {"size"},
    "short_axis": {"size"},
    CONFIDENCE: set(),
}
# Measures of the lung alone: it need not be named beside them.
_OF_LUNG = frozenset(("laa950", "percentile15"))
_NAMED_BY_UNIT = {"mm3": "volume"}


@dataclass(frozen=True)
class Prior:
    """The same measure of an earlier examination."""

    finding_id: str
    value: float
    date: FoundDate | None
    variation: Variation | None = None
    """How far from it a value may lie that has not changed; None where no limit is known."""


@dataclass(frozen=True)
class Subject:
    """A finding as a sentence may name it; `value` is None of what was only classified."""

    finding_id: str
    concepts: frozenset[str]
    sides: frozenset[str]
    kind: str
    value: float | None
    unit: Unit
    priors: tuple[Prior, ...] = ()
    """The latest first."""
    place: str = ""
    """`below`, `within` or `above` the reference values; empty where none are known."""

    def beside(self) -> frozenset[str]:
        """Concepts that may be named with it without saying more."""
        also = set(_BESIDE.get(self.kind, ()))
        if "lung" in self.concepts:
            also |= {"chest"} if self.kind == "density" else set()
        return frozenset(also | {self.kind})

    def needed(self, named: frozenset[str]) -> frozenset[str]:
        """What a sentence that names these must name to be of this finding."""
        implied = {"lung"} if self.kind in _OF_LUNG and self.kind in named else set()
        return self.concepts - self.beside() - implied

    def kind_needed(self) -> bool:
        """Whether a value in this unit could be of another kind, too."""
        return _NAMED_BY_UNIT.get(self.unit.dimension) != self.kind


def subjects_of(evidence: Evidence) -> tuple[Subject, ...]:
    """Every finding of the evidence; those of priors stand with the finding they precede."""
    return tuple(_subject(finding, evidence) for finding in evidence.findings)


def numbered_things(subjects: Iterable[Subject]) -> frozenset[str]:
    """What the findings tell apart by numbers: of `liver tumor 1`, the tumor."""
    return frozenset(
        concept
        for one in subjects
        if any(name.startswith(NUMBER) for name in one.concepts)
        for concept in one.concepts
    )


def _subject(finding: Finding, evidence: Evidence) -> Subject:
    reading = with_numbers(read(finding.quantity_label))
    mentions = with_sides(mentions_of(reading), reading, 0, len(reading.pieces))
    sides = frozenset(side for one in mentions for side in one.sides)
    measures = [one.concept for one in mentions if one.category == "measure"]
    kind = next((one for one in reversed(measures) if one in _BESIDE), "")
    if finding.value is None:
        value, unit, kind = finding.confidence, PERCENT, CONFIDENCE
        value = None if value is None else value * 100.0
    else:
        value = finding.value
        unit = unit_of_ucum(finding.unit.value if finding.unit else None)
    return Subject(
        finding_id=finding.finding_id,
        concepts=frozenset(one.concept for one in mentions if one.concept != kind),
        sides=sides,
        kind=kind,
        value=value,
        unit=unit,
        priors=tuple(_priors(finding, evidence)),
        place=_place_of(finding),
    )


def _place_of(finding: Finding) -> str:
    if finding.normal_range is None or finding.value is None:
        return ""
    return finding.normal_range.place_of(finding.value) or ""


def _priors(finding: Finding, evidence: Evidence) -> Iterable[Prior]:
    """Of the same label and unit; of another unit nothing is compared, nor a whole with a part."""
    if finding.prior is not None and finding.prior.relation:
        return
    for prior in sorted(evidence.priors, key=lambda one: one.study_date, reverse=True):
        for other in prior.findings:
            same = other.quantity_label == finding.quantity_label and other.unit == finding.unit
            if same and other.value is not None and why_unlike(finding, other) is None:
                limit = variation_of(finding, other, other.value)
                yield Prior(other.finding_id, other.value, dicom_date(prior.study_date), limit)
