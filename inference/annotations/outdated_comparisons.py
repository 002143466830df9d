"""Comparisons in a report of before that hold no more: what they rest on was corrected, rejected,
withdrawn or deleted, or is of another patient now.

Written without the library that encodes results, as `feedback_sr`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from pydicom.dataset import Dataset

from inference.annotations import codes as words
from inference.annotations.content import has_name, text_of
from inference.results.sr.change import CHANGE, CHANGE_PER_YEAR, COMMENT, STUDY_DATE
from storage.core.findings import Finding
from storage.core.text.dates import date_of
from storage.core.variation import is_volume

UNCHANGED = "Not changed beyond the variation of the measurement"
"""Begins what a number's comment states last, of a change that may be noise."""
_UNCHANGED = re.compile(rf"{UNCHANGED}.*", re.DOTALL)
_TOGETHER = re.compile(
    r"(?:Merged from \d+ lesions|One of \d+ parts of a lesion that has split),"
    r".*?; the change is of all\.\s*",
    re.DOTALL,
)
"""Of a lesion that merged or split (`inference.results.narrative`)."""
_CAVEAT = re.compile(
    r"(?:Not compared with|Compared with|Compared across slice thicknesses with"
    r"|Lung volume differs from that of) the study (?:of|before)\b.*?\.(?=\s|$)\s*",
    re.DOTALL,
)
"""What a number states of the acquisition of an earlier study (`storage.core.acquisition`)."""
_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")

Statements = frozenset[tuple[str, str]]
"""What is stated of earlier studies: of a change its percent and day (DA), else the day."""


def outdated_comparisons(
    report: Dataset, findings: Sequence[Finding], others: Mapping[str, Sequence[Finding]] = {}
) -> list[Finding]:
    """Findings of which `report` states otherwise than what counts now of earlier studies.

    `others`: by id, the finding as it is compared with others than the newest earlier study. What
    is true of one of those holds, too.
    """
    # A change stands beside the numbers of a group, and does not name the one that it is of.
    holding: dict[str, set[tuple[str, str]]] = {}
    for one in findings:
        for each in (one, *others.get(one.finding_id, ())):
            holding.setdefault(one.tracking_uid, set()).update(_holding(each))
    return [one for one in findings if not _stated(report, one) <= holding[one.tracking_uid]]


def left_out(as_made: Dataset, version: Dataset, findings: Sequence[Finding]) -> list[Finding]:
    """Findings whose comparisons a later version of a report states no more."""
    return [one for one in findings if _stated(as_made, one) and not _stated(version, one)]


def days_stated(report: Dataset, finding: Finding) -> set[str]:
    """Days (DA) of earlier studies that the report compares the finding with."""
    days = set()
    for kind, text in _stated(report, finding):
        if kind == "change":
            days.add(text.rpartition(" ")[2])
        else:
            days |= {one.replace("-", "") for one in _DAY.findall(text)}
    return days


def without_comparisons(report: Dataset, findings: Collection[Finding]) -> None:
    """Take what is stated of earlier studies beside these findings out of a report, and what
    nothing else refers to out of its evidence."""
    taken: list[Dataset] = []
    for finding in findings:
        for _, group in groups_of(report, finding):
            if is_volume(finding):
                taken += [one for one in group.ContentSequence if is_change(one)]
                group.ContentSequence = [one for one in group.ContentSequence if not is_change(one)]
            for number in _numbers_of(group, finding):
                _without_comments(number)
    _without_evidence(report, {uid for one in taken for uid in _references([one])})


def sentence_of(finding: Finding) -> str:
    return (
        f"{finding.label}: the comparison with an earlier study is left out, since what it rested"
        " on was corrected, rejected, withdrawn, deleted or moved afterwards."
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


def _holding(finding: Finding) -> Statements:
    """What a report may state of the finding as it stands."""
    prior = finding.prior
    # By their days: another version of the node may have worded them otherwise.
    holds = {("caveat", day) for text in finding.caveat_texts for day in _days_of_caveats(text)}
    if prior is not None:
        # Another version may have called such a change one within the variation.
        holds.add(("change", f"{prior.change_percent:.2f} {_da(prior.study_date)}"))
        day = date_of(prior.study_date)
        if prior.is_within_variation and day is not None:
            holds.add(("unchanged", f"{day:%Y-%m-%d}"))
    return frozenset(holds)


def _days_of_caveats(text: str) -> set[str]:
    return {"".join(_DAY.findall(caveat)[:1]) for caveat in _CAVEAT.findall(text)}


def _stated(report: Dataset, finding: Finding) -> Statements:
    stated: set[tuple[str, str]] = set()
    for _, group in groups_of(report, finding):
        for change in group.ContentSequence:
            if is_volume(finding) and has_name(change, CHANGE):
                percent = float(change.MeasuredValueSequence[0].NumericValue)
                stated.add(("change", f"{percent:.2f} {_date(change)}"))
        for number in _numbers_of(group, finding):
            for text in _comments(number):
                stated |= {("caveat", day) for day in _days_of_caveats(text)}
                unchanged = _UNCHANGED.search(text)
                if unchanged is not None:
                    stated.add(("unchanged", "".join(_DAY.findall(unchanged.group())[:1])))
    return frozenset(stated)


def _numbers_of(group: Dataset, finding: Finding) -> Iterator[Dataset]:
    for item in group.ContentSequence:
        if item.ValueType == "NUM" and has_name(item, finding.code):
            yield item


def _date(change: Dataset) -> str:
    found = [one for one in change.get("ContentSequence") or () if has_name(one, STUDY_DATE)]
    return _da(str(found[0].Date)) if found else ""


def _da(date: str) -> str:
    """Without the dots of ACR-NEMA."""
    return date.replace(".", "")


def _comments(number: Dataset) -> list[str]:
    items = number.get("ContentSequence") or ()
    return [str(one.TextValue) for one in items if has_name(one, COMMENT)]


def _without_comments(number: Dataset) -> None:
    kept = []
    for one in number.get("ContentSequence") or ():
        if has_name(one, COMMENT):
            text = str(one.TextValue)
            for pattern in (_UNCHANGED, _TOGETHER, _CAVEAT):
                text = pattern.sub("", text)
            if not text.strip():
                continue
            one.TextValue = text.strip()
        kept.append(one)
    if kept:
        number.ContentSequence = kept
    elif "ContentSequence" in number:
        del number.ContentSequence


def _without_evidence(report: Dataset, taken: Collection[str]) -> None:
    """PS3.3 C.17.2.3: evidence is what the content refers to."""
    gone = set(taken) - set(_references(report.ContentSequence))
    studies = []
    for study in report.get("PertinentOtherEvidenceSequence") or ():
        for series in study.ReferencedSeriesSequence:
            series.ReferencedSOPSequence = [
                one
                for one in series.ReferencedSOPSequence
                if str(one.ReferencedSOPInstanceUID) not in gone
            ]
        study.ReferencedSeriesSequence = [
            one for one in study.ReferencedSeriesSequence if one.ReferencedSOPSequence
        ]
        if study.ReferencedSeriesSequence:
            studies.append(study)
    if studies:
        report.PertinentOtherEvidenceSequence = studies
    elif "PertinentOtherEvidenceSequence" in report:
        del report.PertinentOtherEvidenceSequence


def _references(items: Iterable[Dataset]) -> Iterator[str]:
    for item in items:
        for one in item.get("ReferencedSOPSequence") or ():
            yield str(one.ReferencedSOPInstanceUID)
        yield from _references(item.get("ContentSequence") or ())
