"""How much a volume has changed since the patient's study before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from inference.findings.corrections import corrected_value
from inference.findings.facts import fact_of
from inference.findings.merged_lesions import MergedLesions
from inference.findings.missing_lungs import is_of_lung, missing_lungs
from storage.core.acquisition import (
    DENSITIES,
    breath_caveat,
    breath_differs_percent,
    not_compared_caveat,
    not_found_caveat,
    side_caveat,
    side_doubted,
    slices_caveat,
    slices_differ,
    why_unlike,
)
from storage.core.caveats import OF_EARLIER_STUDY, Caveat
from storage.core.findings import VOLUME_VARIATION_PERCENT, Feedback, Finding, Prior, Validity
from storage.core.results.lesion_terms import without_total
from storage.core.text.dates import date_of, shown_time
from storage.core.text.rounding import kept
from storage.core.variation import joined_surface, variation_of

# Closer together, the noise of two measurements would be stated as a rate.
_RATE_FROM_DAYS = 30
_DAYS_IN_YEAR = 365.25
_DECIMALS = 2

Key = tuple[str, str]
"""The same quantity, by the same pipeline: of a structure its tracking identifier and label, of a
lesion, which each study numbers again, its tracking UID and the code."""


class ReportRef(NamedTuple):
    sop_class_uid: str
    series_instance_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class Earlier:
    """The newest value before a study, its date (DA) and the report that states it."""

    finding: Finding
    study_date: str
    value: float
    report: ReportRef
    study_time: str = ""
    """TM, where the study is of the day of the one that it is compared with."""


@dataclass(frozen=True)
class Comparison:
    """A study's date and what was measured before it. Free of the storage."""

    study_date: str
    earlier: Mapping[Key, Earlier]
    joined: Mapping[str, MergedLesions] = field(default_factory=dict)
    """By tracking UID: lesions that merged or split since."""
    densities: Mapping[Key, tuple[Finding, str, str]] = field(default_factory=dict)
    """The newest of before, with the date (DA) of its study, and the time as in `Earlier`."""

    def compared(self, finding: Finding, beside: Sequence[Finding] = ()) -> Finding:
        """The finding with its prior, where it is a complete volume and has one.

        Of a lesion that merged or split, all parts are compared together; those of now are
        `beside`. Where one of them was not measured whole, nothing is compared.
        """
        judged = self._compared(_with_caveats(finding), beside)
        gone = self._not_found_now(judged)
        if judged.validity is None or not gone:
            return judged
        validity = replace(judged.validity, caveats=(*judged.validity.caveats, *gone))
        return replace(judged, validity=validity)

    def _compared(self, finding: Finding, beside: Sequence[Finding]) -> Finding:
        if finding.code.value in DENSITIES:
            return self._cautioned(finding, beside)
        joined = self.joined.get(finding.tracking_uid)
        if joined is not None:
            return self._together(finding, joined, beside)
        of_lesion = finding.tracking_uid, finding.code.value
        found = self.earlier.get(of_lesion) or self.earlier.get(quantity_key(finding))
        if (
            not finding.is_sound
            or found is None
            or finding.value is None
            or found.finding.unit != finding.unit
        ):
            return finding
        return self._with_prior(finding, found)

    def _not_found_now(self, finding: Finding) -> list[Caveat]:
        """What was stated of the other lung, which is not found any more."""
        missing = missing_lungs([finding])
        return [
            not_found_caveat(_of_day(one.study_date, one.study_time), then.side, one.value)
            for one in self.earlier.values()
            for then in (fact_of(one.finding),)
            if missing and one.finding.is_sound and is_of_lung(then, missing)
        ]

    def _with_prior(self, finding: Finding, found: Earlier) -> Finding:
        """With the value of before, or why it is none to compare with."""
        if finding.value is None:
            return finding
        then, now = date_of(found.study_date), date_of(self.study_date)
        if then is None or now is None or found.value == 0:
            return finding
        side = why_unlike(finding, found.finding)
        if side is not None:
            of_day = _of_day(found.study_date, found.study_time)
            return _with_caveats(finding, not_compared_caveat(of_day, side))
        change = (finding.value - found.value) / found.value * 100
        days = (now - then).days
        limit = variation_of(finding, found.finding, found.value)
        is_told = limit is None or not limit.covers(finding.value, found.value)
        if finding.total_of and not is_told:
            # Unchanged, as a whole, are lesions of which one has grown and another shrunk.
            return finding
        prior = Prior(
            finding_id=found.finding.finding_id,
            study_instance_uid=found.finding.study_instance_uid,
            study_date=found.study_date,
            pipeline_version=found.finding.pipeline_version,
            value=found.value,
            days=days,
            change_percent=round(change, _DECIMALS),
            change_percent_per_year=_rate(change, days) if is_told else None,
            report_sop_class_uid=found.report.sop_class_uid,
            report_series_instance_uid=found.report.series_instance_uid,
            report_sop_instance_uid=found.report.sop_instance_uid,
            variation_percent=VOLUME_VARIATION_PERCENT
            if limit is None or limit.percent is None
            else limit.percent,
            study_time=found.study_time,
        )
        unlike = slices_differ(finding, found.finding)
        of_day = _of_day(found.study_date, found.study_time)
        fact = fact_of(finding)
        caveats = [slices_caveat(of_day, unlike)] if unlike else []
        if side_doubted(finding, found.finding):
            caveats.append(side_caveat(of_day, finding, found.finding))
        percent = breath_differs_percent(finding.value, found.value)
        if percent is not None and (fact.structure, fact.measure) == ("lung", "volume"):
            caveats.append(breath_caveat(of_day, percent, "it"))
        return _with_caveats(replace(finding, prior=prior), *caveats)

    def _cautioned(self, finding: Finding, beside: Sequence[Finding]) -> Finding:
        """A density tells where that of before is of another acquisition, or another breath."""
        then, *moment = self.densities.get(quantity_key(finding), (None, "", ""))
        if then is None or not finding.is_sound:
            return finding
        of_day, unlike = _of_day(*moment), why_unlike(finding, then)
        if unlike is not None:
            return _with_caveats(finding, not_compared_caveat(of_day, unlike))
        caveats = [side_caveat(of_day, finding, then)] if side_doubted(finding, then) else []
        percent = self._breath_differs_percent(finding, then, beside)
        if percent is not None:
            caveats.append(breath_caveat(of_day, percent))
        return _with_caveats(finding, *caveats)

    def _breath_differs_percent(
        self, density: Finding, then: Finding, beside: Sequence[Finding]
    ) -> float | None:
        """By the volume of the same lung; None where one of the studies has none that counts."""
        lung = fact_of(density)
        for one in map(fact_of, beside):
            before = self.earlier.get(quantity_key(one.finding))
            if (
                (one.side, one.structure, one.measure) == (lung.side, lung.structure, "volume")
                and one.is_sound
                and before is not None
                and before.finding.unit == one.finding.unit
                and before.finding.study_instance_uid == then.study_instance_uid
            ):
                return breath_differs_percent(one.value, before.value)
        return None

    def _together(
        self, finding: Finding, joined: MergedLesions, beside: Sequence[Finding]
    ) -> Finding:
        code = finding.code.value
        before = [self.earlier.get((uid, code)) for uid in joined.earlier_uids]
        then = [one for one in before if one is not None]
        now = [
            one
            for one in (beside or (finding,))
            if one.code.value == code and one.tracking_uid in joined.later_uids
        ]
        values = [one.value for one in now if one.value is not None and one.is_sound]
        studies = {one.finding.study_instance_uid for one in then}
        units = {one.unit for one in (*now, *(each.finding for each in then))}
        if (
            joined.relation == "regrouped"
            or len(then) < len(before)
            or len(values) < len(joined.later_uids)
            or len(studies) > 1
            or len(units) > 1
        ):
            return finding
        largest = max(then, key=lambda one: one.value)
        sum_then = kept(sum(one.value for one in then))
        whole = replace(
            largest,
            finding=_of_all(largest.finding, sum_then, [one.finding for one in then]),
            value=sum_then,
        )
        total = kept(sum(values))
        alone = replace(self, earlier={quantity_key(finding): whole}, joined={})
        prior = alone.compared(replace(_of_all(finding, total, now), tracking_uid="")).prior
        if prior is None:
            return finding
        is_split = joined.relation == "split"
        prior = replace(
            prior,
            relation="split" if is_split else "merged",
            parts_before=len(joined.earlier_uids),
            parts_now=len(joined.later_uids),
            value_now=total if is_split else None,
        )
        return replace(finding, prior=prior)


def _rate(change_percent: float, days: int) -> float | None:
    """In percent a year; None over few days, and where nothing would be left before a year is over:
    less than nothing there cannot be."""
    if days < _RATE_FROM_DAYS:
        return None
    rate = round(change_percent * _DAYS_IN_YEAR / days, _DECIMALS)
    return rate if rate >= -100 else None


def _of_day(study_date: str, study_time: str) -> str:
    day, time = date_of(study_date), shown_time(study_time)
    if day is None:
        return " before"
    return f" of {day.isoformat()}{f', {time}' if time else ''}"


def _with_caveats(finding: Finding, *of_earlier_study: Caveat) -> Finding:
    """With these instead of those that it has: they are of what was known before, or of the
    finding whose mask was edited."""
    validity = finding.validity or Validity("complete")
    caveats = tuple(one for one in validity.caveats if one.kind not in OF_EARLIER_STUDY)
    caveats = (*caveats, *of_earlier_study)
    if caveats == validity.caveats:
        return finding
    return replace(finding, validity=replace(validity, caveats=caveats))


def _of_all(finding: Finding, value: float, parts: Sequence[Finding]) -> Finding:
    """A finding as if it were of all parts together."""
    validity = replace(finding.validity or Validity("complete"), surface=joined_surface(parts))
    return replace(finding, value=value, validity=validity)


def quantity_key(finding: Finding) -> Key:
    return without_total(finding.tracking_identifier), finding.quantity_label


def value_that_counts(finding: Finding, feedback: list[Feedback]) -> float | None:
    """The value by the last word on it; None where it was rejected.

    None as well where it is that of a part or not plausible, unless a person has given the
    value of the whole.
    """
    stated = finding.value if finding.is_sound else None
    if not feedback:
        return stated
    word = feedback[-1]
    if word.kind == "REJECTED":
        return None
    if word.value is None:
        return stated
    return corrected_value(finding, word)
