"""A report with the feedback on its findings: a new version of the document.

Made of the pipeline's own report each time, so that a word that was taken back leaves no
trace in it. Written without the library that encodes results, which the clock's process
need not hold.
"""

import copy
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import UID

from inference.annotations import codes as words
from inference.annotations.content import has_name
from inference.annotations.outdated_comparisons import (
    groups_of,
    is_change,
    outdated_comparisons,
    sentence_of,
    without_comparisons,
)
from inference.findings.corrections import corrected_value
from inference.result_identity import local_time
from inference.results.sr.change import (
    CERTAINTY,
    CLASSIFICATION,
    COMMENT,
)
from storage.core.findings import Code, Feedback, Finding
from storage.core.text.long_string import long_string
from storage.core.uids import UidScheme
from storage.findings.feedback_reports import VersionNumber

_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
_OBSERVER_TYPE = Code("121005", "DCM", "Observer Type")
_PERSON = Code("121006", "DCM", "Person")
_PERSON_NAME = Code("121008", "DCM", "Person Observer Name")
_PROCEDURE = Code("121058", "DCM", "Procedure reported")


def speak(
    report: Dataset,
    predecessor: Dataset,
    findings: Sequence[Finding],
    feedback: Mapping[str, Sequence[Feedback]],
    at: datetime,
    number: VersionNumber,
    uids: UidScheme,
    void: Collection[str] = (),
    others: Mapping[str, Sequence[Finding]] = {},
) -> Dataset:
    """The report of a pipeline with the last word on each finding.

    A rejected number is taken out, a corrected one stands in the place of the old, and all
    of the feedback stands in words under Qualitative Evaluations (TID 1500 row 12). VERIFIED
    once every finding of the report has the word of somebody who may verify. `feedback`: by
    finding, oldest first. `predecessor`: the version that this one replaces.
    `number`: of the version. `void`: ids of totals and shares that hold a value which counts no
    more; they are taken out, and it is stated. `others`: as for `outdated_comparisons`.
    """
    document = copy.deepcopy(report)
    last = {finding_id: one[-1] for finding_id, one in feedback.items() if one}
    for finding in findings:
        word = last.get(finding.finding_id)
        if word is not None:
            _apply(document, finding, word)
        if finding.finding_id in void:
            _take_out(document, finding)
    outdated = still_outdated(report, findings, feedback, void, others)
    without_comparisons(document, outdated)
    _drop_empty(document)
    by_author = {word.author_id: word.given_by for word in last.values()}
    authors = sorted(by_author.values())
    _observe(document, authors)
    if sentences := feedback_sentences(findings, feedback, void, outdated):
        document.ContentSequence.append(_evaluations(sentences))
    _verify(document, [one for one in findings if one.finding_id not in void], last)
    uid = feedback_report_uid(str(predecessor.SOPInstanceUID), number, uids)
    _identify(document, predecessor, local_time(at, report), UID(uid))
    return document


def feedback_sentences(
    findings: Sequence[Finding],
    feedback: Mapping[str, Sequence[Feedback]],
    void: Collection[str] = (),
    outdated: Sequence[Finding] = (),
) -> list[str]:
    """The last word on each finding in a sentence, and of what is void or no longer compared that
    it is left out."""
    last = {finding_id: one[-1] for finding_id, one in feedback.items() if one}
    stated = [_sentence(one, last[one.finding_id]) for one in findings if one.finding_id in last]
    return (
        stated
        + [
            f"{_stated(one)}: left out, since it holds a value that was rejected or corrected."
            for one in findings
            if one.finding_id in void
        ]
        + [sentence_of(one) for one in outdated]
    )


def still_outdated(
    report: Dataset,
    findings: Sequence[Finding],
    feedback: Mapping[str, Sequence[Feedback]],
    void: Collection[str] = (),
    others: Mapping[str, Sequence[Finding]] = {},
) -> list[Finding]:
    """Findings that count as they were made, while their change in `report` does not. Of those that
    a reader corrected or rejected no change is stated anyway."""
    touched = {one for one, given in feedback.items() if given and given[-1].kind != "ACCEPTED"}
    as_made = [one for one in findings if one.finding_id not in touched.union(void)]
    return outdated_comparisons(report, as_made, others)


def _apply(document: Dataset, finding: Finding, word: Feedback) -> None:
    if finding.value is None and word.kind == "REJECTED":
        for container, group in groups_of(document, finding):
            container.ContentSequence.remove(group)
        return
    for group, number in _numbers(document, finding):
        if word.kind == "REJECTED" or word.value is not None:
            # They rest on the number that counts no more.
            for item in [one for one in group.ContentSequence if is_change(one)]:
                group.ContentSequence.remove(item)
        if word.kind == "REJECTED":
            group.ContentSequence.remove(number)
        elif word.kind == "CORRECTED" and word.value is not None:
            number.ContentSequence = [_origin(finding, word)]
            measured = number.MeasuredValueSequence[0]
            value = corrected_value(finding, word)
            measured.NumericValue = f"{word.value if value is None else value:.10g}"
            for keyword in ("FloatingPointValue", "RationalNumeratorValue"):
                if keyword in measured:
                    delattr(measured, keyword)
            if value is None and word.unit is not None:
                measured.MeasurementUnitsCodeSequence = [_code(word.unit)]


def _take_out(document: Dataset, finding: Finding) -> None:
    if finding.value is None:
        for _, group in groups_of(document, finding):
            group.ContentSequence = [
                one for one in group.ContentSequence if not _is_category(one, finding)
            ]
        return
    for group, number in _numbers(document, finding):
        group.ContentSequence = [
            one for one in group.ContentSequence if one is not number and not is_change(one)
        ]


def _is_category(item: Dataset, finding: Finding) -> bool:
    if item.ValueType != "CODE" or not has_name(item, CLASSIFICATION):
        return False
    stated = item.ConceptCodeSequence[0]
    return bool(stated.get("CodeValue") == finding.code.value)


def _origin(finding: Finding, word: Feedback) -> Dataset:
    """Whose value it is, instead of all that the number held: its uncertainty, percentile and
    caveats are those of the software's value, and a person states the value of the whole."""
    unit = finding.unit.value if finding.unit else ""
    item = _item("TEXT", COMMENT, "HAS PROPERTIES")
    item.TextValue = (
        f"Corrected by {word.given_by}; the software had measured"
        f" {finding.value:.10g} {unit}".rstrip()
        + "."
    )
    return item


def _numbers(document: Dataset, finding: Finding) -> Iterator[tuple[Dataset, Dataset]]:
    """The content items that state the finding, with their group."""
    for _, group in groups_of(document, finding):
        for item in list(group.ContentSequence):
            if (
                item.ValueType == "NUM"
                and has_name(item, finding.code)
                and finding.value is not None
                and math.isclose(float(item.MeasuredValueSequence[0].NumericValue), finding.value)
            ):
                yield group, item


def _drop_empty(document: Dataset) -> None:
    """Groups that state nothing, and the container where it holds none any more."""
    for container in list(document.ContentSequence):
        if not has_name(container, words.MEASUREMENTS):
            continue
        for group in list(container.get("ContentSequence") or ()):
            if not any(_states(item) for item in group.ContentSequence):
                container.ContentSequence.remove(group)
        if not container.ContentSequence:
            document.ContentSequence.remove(container)


def _states(item: Dataset) -> bool:
    """A number other than how sure the model was, or what it calls the images."""
    if item.ValueType == "NUM":
        return not has_name(item, CERTAINTY)
    return item.ValueType == "CODE" and has_name(item, CLASSIFICATION)


def _sentence(finding: Finding, word: Feedback) -> str:
    unit = finding.unit.value if finding.unit else ""
    stated = _stated(finding)
    if word.kind == "ACCEPTED":
        text = f"{stated}: accepted"
    elif word.kind == "REJECTED":
        text = f"{stated}: rejected"
    else:
        right = (
            []
            if word.value is None
            else [
                f"corrected to {word.value:.10g} {word.unit.value if word.unit else unit}".strip()
            ]
        )
        if word.label:
            right.append(f"named {word.label}")
        text = f"{stated}: {', '.join(right)}"
    text += f" by {word.given_by}, {word.given_at:%Y-%m-%d %H:%M} UTC."
    return f"{text} {word.reason}".strip()


def _stated(finding: Finding) -> str:
    if finding.value is None:
        return finding.label
    unit = finding.unit.value if finding.unit else ""
    return f"{finding.label} {finding.value:.10g} {unit}".strip() + _of_a_part(finding)


def _of_a_part(finding: Finding) -> str:
    if finding.is_implausible:
        return " (not plausible)"
    return " (truncated: of a part)" if finding.is_truncated else ""


def _observe(document: Dataset, authors: Sequence[str]) -> None:
    """After the device that observed first (TID 1001 takes as many as there are)."""
    place = next(
        index for index, item in enumerate(document.ContentSequence) if has_name(item, _PROCEDURE)
    )
    for author in reversed(authors):
        kind = _item("CODE", _OBSERVER_TYPE, "HAS OBS CONTEXT")
        kind.ConceptCodeSequence = [_code(_PERSON)]
        name = _item("PNAME", _PERSON_NAME, "HAS OBS CONTEXT")
        name.PersonName = person_text(author)
        document.ContentSequence.insert(place, name)
        document.ContentSequence.insert(place, kind)


def person_text(name: str) -> str:
    """The name of an account as one component of a PN (PS3.5 6.2.1)."""
    return name.translate(str.maketrans("\\=^", "   ")).strip()[:64]


def _evaluations(comments: Sequence[str]) -> Dataset:
    container = _item("CONTAINER", _EVALUATIONS, "CONTAINS")
    container.ContinuityOfContent = "SEPARATE"
    items = []
    for comment in comments:
        item = _item("TEXT", words.COMMENT, "CONTAINS")
        item.TextValue = comment
        items.append(item)
    container.ContentSequence = items
    return container


def _verify(document: Dataset, findings: Sequence[Finding], last: Mapping[str, Feedback]) -> None:
    feedback = [last.get(one.finding_id) for one in findings]
    if not feedback or not all(word is not None and word.verifies for word in feedback):
        return
    latest: dict[str, tuple[str, datetime]] = {}
    for word in feedback:
        if word is not None:
            _, before = latest.get(word.author_id, ("", word.given_at))
            latest[word.author_id] = (word.given_by, max(word.given_at, before))
    observers = []
    for name, at in sorted(latest.values()):
        observer = Dataset()
        observer.VerifyingOrganization = str(
            document.get("InstitutionName") or document.get("Manufacturer") or ""
        )[:64]
        observer.VerificationDateTime = at.strftime("%Y%m%d%H%M%S.%f+0000")
        observer.VerifyingObserverName = person_text(name)
        observer.VerifyingObserverIdentificationCodeSequence = []
        observers.append(observer)
    document.VerificationFlag = "VERIFIED"
    document.PreliminaryFlag = "FINAL"
    document.VerifyingObserverSequence = observers


def feedback_report_uid(predecessor_uid: str, number: VersionNumber, uids: UidScheme) -> str:
    """Of the version that follows upon another one."""
    return uids.derive("spoken", predecessor_uid, str(number))


def _identify(document: Dataset, predecessor: Dataset, local: datetime, uid: UID) -> None:
    """A UID of its own in the series of the report before, and the name of that report."""
    document.SOPInstanceUID = document.file_meta.MediaStorageSOPInstanceUID = uid
    document.InstanceNumber = int(predecessor.InstanceNumber) + 1
    document.ContentDate = document.InstanceCreationDate = local.strftime("%Y%m%d")
    document.ContentTime = document.InstanceCreationTime = local.strftime("%H%M%S")
    instance, series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID = predecessor.SOPClassUID
    instance.ReferencedSOPInstanceUID = predecessor.SOPInstanceUID
    series.SeriesInstanceUID = predecessor.SeriesInstanceUID
    series.ReferencedSOPSequence = [instance]
    study.StudyInstanceUID = predecessor.StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    document.PredecessorDocumentsSequence = [study]


def _item(value_type: str, name: Code, relationship: str) -> Dataset:
    item = Dataset()
    item.RelationshipType = relationship
    item.ValueType = value_type
    item.ConceptNameCodeSequence = [_code(name)]
    return item


def _code(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = long_string(code.meaning)
    return item
