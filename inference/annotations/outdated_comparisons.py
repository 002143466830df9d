"""Comparisons in a report of before that hold no more: what they rest on was corrected or rejected.

Written without the library that encodes results, as `feedback_sr`.
"""

import math
from collections.abc import Collection, Iterator, Sequence

from pydicom.dataset import Dataset

from inference.annotations import codes as words
from inference.annotations.content import has_name, text_of
from inference.results.sr.change import CHANGE, CHANGE_PER_YEAR, COMMENT, STUDY_DATE
from storage.core.findings import Finding
from storage.core.text.dates import date_of
from storage.core.variation import is_volume

UNCHANGED = "Not changed beyond the variation of the measurement"
"""Begins what a number's comment states last, of a change that may be noise."""
_PERCENT = 0.005  # as changes are rounded


def outdated_comparisons(report: Dataset, findings: Sequence[Finding]) -> list[Finding]:
    """Findings whose change is stated in `report` otherwise than by what counts now."""
    return [
        one
        for one in findings
        if is_volume(one)
        and any(_states_otherwise(group, one) for _, group in groups_of(report, one))
    ]


def without_comparisons(report: Dataset, findings: Collection[Finding]) -> None:
    """Take the changes of these findings out of a report."""
    for finding in findings:
        for _, group in groups_of(report, finding):
            group.ContentSequence = [one for one in group.ContentSequence if not is_change(one)]
            for number in group.ContentSequence:
                _without_unchanged(number)


def sentence_of(finding: Finding) -> str:
    return (
        f"{finding.label}: the comparison with an earlier study is left out, since what it rested"
        " on was corrected, rejected or moved afterwards."
    )


def groups_of(document: Dataset, finding: Finding) -> Iterator[tuple[Dataset, Dataset]]:
    """What states something of the thing that the finding is of, with what holds it."""
    for container in document.ContentSequence:
        if not has_name(container, words.MEASUREMENTS):
            continue
        for group in list(container.get("ContentSequence") or ()):
            items = group.get("ContentSequence") or ()
            if text_of(items, words.TRACKING_UID, "UID") == finding.tracking_uid:
                yield container, group


def is_change(item: Dataset) -> bool:
    return any(has_name(item, code) for code in (CHANGE, CHANGE_PER_YEAR))


def _states_otherwise(group: Dataset, finding: Finding) -> bool:
    prior = finding.prior
    changes = [one for one in group.ContentSequence if has_name(one, CHANGE)]
    if changes:
        return prior is None or not any(
            math.isclose(
                float(one.MeasuredValueSequence[0].NumericValue),
                prior.change_percent,
                abs_tol=_PERCENT,
            )
            and _date(one) == prior.study_date
            for one in changes
        )
    stated = "".join(_unchanged(one) for one in group.ContentSequence)
    if not stated:
        return False
    day = None if prior is None else date_of(prior.study_date)
    return prior is None or not prior.is_within_variation or f"{day:%Y-%m-%d}" not in stated


def _date(change: Dataset) -> str:
    found = [one for one in change.get("ContentSequence") or () if has_name(one, STUDY_DATE)]
    return str(found[0].Date) if found else ""


def _unchanged(number: Dataset) -> str:
    for one in number.get("ContentSequence") or ():
        if has_name(one, COMMENT) and UNCHANGED in one.TextValue:
            return UNCHANGED + str(one.TextValue).partition(UNCHANGED)[2]
    return ""


def _without_unchanged(number: Dataset) -> None:
    kept = []
    for one in number.get("ContentSequence") or ():
        if has_name(one, COMMENT) and UNCHANGED in one.TextValue:
            one.TextValue = str(one.TextValue).partition(UNCHANGED)[0].strip()
            if not one.TextValue:
                continue
        kept.append(one)
    if kept:
        number.ContentSequence = kept
    elif "ContentSequence" in number:
        del number.ContentSequence
