"""How much a volume has changed since the patient's study before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from storage.core.findings import VOLUME_VARIATION_PERCENT, Feedback, Finding, Prior
from storage.core.text.dates import date_of
from storage.core.variation import variation_of

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


@dataclass(frozen=True)
class Comparison:
    """A study's date and what was measured before it. Free of the storage."""

    study_date: str
    earlier: Mapping[Key, Earlier]

    def compared(self, finding: Finding) -> Finding:
        """The finding with its prior, where it is a complete volume and has one."""
        of_lesion = finding.tracking_uid, finding.code.value
        found = self.earlier.get(of_lesion) or self.earlier.get(quantity_key(finding))
        if (
            not finding.is_sound
            or found is None
            or finding.value is None
            or found.finding.unit != finding.unit
        ):
            return finding
        then, now = date_of(found.study_date), date_of(self.study_date)
        if then is None or now is None or found.value == 0:
            return finding
        change = (finding.value - found.value) / found.value * 100
        days = (now - then).days
        limit = variation_of(finding, found.value)
        is_told = limit is None or not limit.covers(finding.value, found.value)
        prior = Prior(
            finding_id=found.finding.finding_id,
            study_instance_uid=found.finding.study_instance_uid,
            study_date=found.study_date,
            pipeline_version=found.finding.pipeline_version,
            value=found.value,
            days=days,
            change_percent=round(change, _DECIMALS),
            change_percent_per_year=round(change * _DAYS_IN_YEAR / days, _DECIMALS)
            if days >= _RATE_FROM_DAYS and is_told
            else None,
            report_sop_class_uid=found.report.sop_class_uid,
            report_series_instance_uid=found.report.series_instance_uid,
            report_sop_instance_uid=found.report.sop_instance_uid,
            variation_percent=VOLUME_VARIATION_PERCENT
            if limit is None or limit.percent is None
            else limit.percent,
        )
        return replace(finding, prior=prior)


def quantity_key(finding: Finding) -> Key:
    return finding.tracking_identifier, finding.label


def value_that_counts(finding: Finding, feedback: list[Feedback]) -> float | None:
    """The value by the last word on it; None where it was rejected, or in another unit.

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
    return word.value if word.unit in (None, finding.unit) else None
