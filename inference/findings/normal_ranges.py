"""The normal ranges of a job's findings, decided when the findings are made."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog
from pydicom.dataset import Dataset

from inference.normal_ranges.reference import NotApplicable, Reference
from inference.normal_ranges.site_file import reference_values_of
from inference.normal_ranges.subject import NOBODY_KNOWN, Subject, subject_of
from inference.pipeline import Pipeline
from storage.core.errors import InvalidRequest
from storage.core.findings import Finding, NormalRange
from storage.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class NormalRanges:
    """What is known for one patient. The first reference that fits counts: the site's, if any."""

    references: Sequence[Reference] = ()
    subject: Subject = NOBODY_KNOWN
    problem: str = ""
    """Why the site's file could not be used; empty where it could, or there is none."""

    def applied(self, finding: Finding) -> Finding:
        """The finding with its normal range, or with why there is none."""
        if finding.value is None:
            return finding
        if self.problem:
            # The card's range is perhaps what the site's file would have replaced.
            return replace(finding, normal_range=NormalRange(missing=self.problem))
        known = [
            one
            for one in self.references
            if one.label == finding.quantity_label and one.pipeline in ("", finding.pipeline)
        ]
        if not known:
            return replace(finding, normal_range=None)
        return replace(finding, normal_range=self._range(finding, finding.value, known))

    def _range(self, finding: Finding, value: float, known: Sequence[Reference]) -> NormalRange:
        if finding.is_truncated:
            return NormalRange(missing="The images hold a part of the structure alone.")
        if finding.is_implausible:
            return NormalRange(missing="The value is not plausible.")
        unit = finding.unit.value if finding.unit else ""
        in_unit = [one for one in known if one.unit == unit]
        if not in_unit:
            return NormalRange(
                missing=f"The reference values are in {known[0].unit}, and this value is in"
                f" {unit or 'no unit'}."
            )
        reasons: list[NotApplicable] = []
        for one in in_unit:
            try:
                return one.range_for(self.subject, value)
            except NotApplicable as error:
                reasons.append(error)
        # What would help is stated rather than that there are values for other people as well.
        return NormalRange(
            missing=str(min(reasons, key=lambda one: one.for_others)),
            # Also where the first thing to ask for is another one, such as the sex.
            ages_contradict=self.subject.ages_contradict
            and any(one.age_years is not None for one in in_unit),
        )


@dataclass(frozen=True)
class SiteReferences:
    """What a site's file calls normal, and why it could not be used; empty where it could."""

    values: Sequence[Reference] = ()
    problem: str = ""


def site_references(settings: Settings) -> SiteReferences:
    """A file that went wrong while the node runs fails no job: the findings say that it did."""
    try:
        return SiteReferences(reference_values_of(settings))
    except InvalidRequest as error:
        log.error("reference_values_refused", detail=error.message)
        return SiteReferences(
            problem="The site's reference values cannot be used; `mediview doctor` says why."
        )


def ranges_for(
    pipeline: Pipeline, site: SiteReferences, headers: Sequence[Dataset]
) -> NormalRanges:
    """By the site's file, then by the model's card, for the patient of the images.

    `headers`: those of what was measured, without other stacks of the series.
    """
    subject = subject_of(*headers) if headers else NOBODY_KNOWN
    return NormalRanges((*site.values, *pipeline.card.normal_ranges), subject, site.problem)
