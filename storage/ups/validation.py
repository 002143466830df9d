"""What a workitem must be like at each step of its life (PS3.4 CC.1.1, Table CC.2.5-3).

Nothing here touches a database: a rule gets attributes in DICOM JSON and answers
with attributes, or refuses.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from storage.core.entities import JobState
from storage.core.errors import InvalidInstance, InvalidRequest
from storage.core.uids import check_uid
from storage.ups.dicom_json import (
    NODE_SCHEME,
    JsonAttributes,
    attributes_of,
    codes_of,
    date_time,
    first_item,
    has_value,
    items_of,
    read_date_time,
    tag_of,
    text_of,
)
from storage.ups.limits import check_growth
from storage.ups.refusals import MissingValue, NotScheduled, WorkitemRefused

WorkitemState = JobState
STATES: tuple[WorkitemState, ...] = get_args(WorkitemState)
UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
DEFAULT_WORKLIST = "MediViewAI"

# Attributes of type 1 at creation, that the node cannot make up.
_MUST_HAVE = (
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
    "ProcedureStepState",
)
# Of type 2: present, if need be without a value.
_MAY_BE_EMPTY = (
    "WorklistLabel",
    "ScheduledStationNameCodeSequence",
    "ScheduledWorkitemCodeSequence",
    "CommentsOnTheScheduledProcedureStep",
    "InputInformationSequence",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "AdmittingDiagnosesDescription",
    "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)
_MUST_BE_EMPTY = (
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)
# What the origin server alone sets, or what another transaction changes.
_NOT_UPDATED = (
    "SOPClassUID",
    "SOPInstanceUID",
    "ProcedureStepState",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "AdmittingDiagnosesDescription",
    "ReferencedRequestSequence",
    "StudyInstanceUID",
    "ReplacedProcedureStepSequence",
)
_VALUES = {
    "ScheduledProcedureStepPriority": ("HIGH", "MEDIUM", "LOW"),
    "InputReadinessState": ("INCOMPLETE", "UNAVAILABLE", "READY"),
}
_DATE_TIMES = (
    "ScheduledProcedureStepStartDateTime",
    "ExpectedCompletionDateTime",
    "ScheduledProcedureStepExpirationDateTime",
)


def created(uid: str, given: Mapping[str, Any], now: datetime) -> tuple[JsonAttributes, bool]:
    """A new workitem's attributes, and whether the node had to add some (PS3.4 CC.2.5.3).

    Raises InvalidRequest for what the standard requires of the creator.
    """
    attributes = dict(given)
    for keyword in _MUST_HAVE:
        if not has_value(attributes, keyword):
            raise MissingValue(keyword, is_there=tag_of(keyword) in attributes)
    if text_of(attributes, "ProcedureStepState") != "SCHEDULED":
        raise NotScheduled
    if has_value(attributes, "TransactionUID"):
        raise InvalidRequest(
            "A new workitem has no Transaction UID.",
            remedy="Leave it empty; the system that claims the item makes one.",
        )
    for keyword in _MUST_BE_EMPTY:
        if has_value(attributes, keyword):
            raise InvalidRequest(
                f"{keyword} has a value, and nothing was performed yet.",
                remedy="Leave it empty, and update the item once it is claimed.",
            )
    _check_values(attributes)
    modified = any(tag_of(keyword) not in attributes for keyword in _MAY_BE_EMPTY)
    for keyword in _MAY_BE_EMPTY:
        attributes.setdefault(tag_of(keyword), attributes_of(**{keyword: ""})[tag_of(keyword)])
    if not has_value(attributes, "WorklistLabel"):
        attributes |= attributes_of(WorklistLabel=DEFAULT_WORKLIST)
        modified = True
    attributes.pop(tag_of("TransactionUID"), None)
    attributes |= attributes_of(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=UPS_PUSH,
        SOPInstanceUID=uid,
        ScheduledProcedureStepModificationDateTime=date_time(now),
    )
    return attributes, modified


def updated(
    attributes: JsonAttributes, given: Mapping[str, Any], state: WorkitemState, now: datetime
) -> JsonAttributes:
    """The attributes after an update (PS3.4 CC.2.6.3). Raises InvalidRequest."""
    changes = dict(given)
    changes.pop(tag_of("TransactionUID"), None)
    changes.pop(tag_of("SpecificCharacterSet"), None)
    for keyword in _NOT_UPDATED:
        tag = tag_of(keyword)
        # Repeated as it stands, as a client does that sends back what it got.
        if tag in changes and changes[tag].get("Value") != attributes.get(tag, {}).get("Value"):
            raise InvalidRequest(
                f"{keyword} is not changed by an update.",
                remedy="States change by PUT …/state; who the patient is, not at all"
                " (PS3.4 Table CC.2.5-3).",
            )
    if state == "SCHEDULED" and any(has_value(changes, keyword) for keyword in _MUST_BE_EMPTY):
        raise InvalidRequest(
            "Nothing was performed yet: the item is SCHEDULED.",
            remedy="Claim it first by PUT …/state.",
        )
    _check_values(changes)
    changes |= attributes_of(ScheduledProcedureStepModificationDateTime=date_time(now))
    after = attributes | changes
    check_growth(attributes, after)
    return after


def check_final(attributes: Mapping[str, Any], state: WorkitemState) -> None:
    """Whether the final state's requirements are met (PS3.4 Table CC.2.5-3, codes P and X).

    Raises WorkitemRefused naming what is missing.
    """
    missing = _missing(attributes, state)
    if missing:
        raise WorkitemRefused(
            "The submitted request is inconsistent with the state of the UPS Instance.",
            f"The workitem lacks what {state} requires: {', '.join(missing)}.",
            "final state",
            remedy="Update the item with these first (PS3.4 Table CC.2.5-3).",
        )


def _missing(attributes: Mapping[str, Any], state: WorkitemState) -> list[str]:
    if state == "COMPLETED":
        name = "UnifiedProcedureStepPerformedProcedureSequence"
        performed = first_item(attributes, name)
        missing = [
            f"{name}.{keyword}"
            for keyword in (
                "PerformedStationNameCodeSequence",
                "PerformedWorkitemCodeSequence",
                "PerformedProcedureStepStartDateTime",
                "PerformedProcedureStepEndDateTime",
            )
            if not has_value(performed, keyword)
        ]
        # It may be empty, where nothing came of it, but not absent.
        if tag_of("OutputInformationSequence") not in performed:
            missing.append(f"{name}.OutputInformationSequence")
        return missing
    name = "ProcedureStepProgressInformationSequence"
    progress = first_item(attributes, name)
    return [
        f"{name}.{keyword}"
        for keyword in (
            "ProcedureStepCancellationDateTime",
            "ProcedureStepDiscontinuationReasonCodeSequence",
        )
        if not has_value(progress, keyword)
    ]


def with_progress(attributes: JsonAttributes, changes: JsonAttributes) -> JsonAttributes:
    """The attributes with something more in the item of their progress."""
    item = first_item(attributes, "ProcedureStepProgressInformationSequence") | changes
    return attributes | attributes_of(ProcedureStepProgressInformationSequence=[item])


def _check_values(attributes: Mapping[str, Any]) -> None:
    for keyword, allowed in _VALUES.items():
        value = text_of(attributes, keyword)
        if tag_of(keyword) in attributes and value not in allowed:
            raise InvalidRequest(
                f"{keyword} is '{value[:16]}'.",
                remedy=f"Use {', '.join(allowed)} (PS3.3 C.30.1).",
            )
    for keyword in _DATE_TIMES:
        if has_value(attributes, keyword) and read_date_time(text_of(attributes, keyword)) is None:
            raise InvalidRequest(
                f"{keyword} is not a date with a time.", remedy="Write for example 20240131083000."
            )
    if max(map(len, studies_of(attributes)), default=0) > 64:
        raise InvalidRequest("A UID of a study has more than 64 characters.", remedy="Correct it.")
    for item in items_of(attributes, "InputInformationSequence"):
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
            if has_value(item, keyword):
                check_uid_given(text_of(item, keyword), keyword)


def check_uid_given(uid: str, keyword: str) -> str:
    """As `check_uid`, of what a request names. Raises InvalidRequest."""
    try:
        return check_uid(uid, keyword)
    except InvalidInstance as error:
        raise InvalidRequest(error.message, remedy=error.remedy) from error


def study_of(attributes: Mapping[str, Any]) -> str:
    """The study that the item is about, '' where it names none."""
    places = (
        *items_of(attributes, "InputInformationSequence"),
        *items_of(attributes, "ReferencedRequestSequence"),
        attributes,
    )
    return next((uid for one in places if (uid := text_of(one, "StudyInstanceUID"))), "")


def studies_of(attributes: Mapping[str, Any]) -> frozenset[str]:
    """All studies that the item names, in sequences of any depth."""
    found = {
        str(one)
        for one in (attributes.get(tag_of("StudyInstanceUID")) or {}).get("Value") or []
        if one
    }
    for item in items_of(attributes, "ReferencedStudySequence"):
        found.add(text_of(item, "ReferencedSOPInstanceUID"))
    for element in attributes.values():
        if element.get("vr") == "SQ":
            for item in element.get("Value") or []:
                found |= studies_of(item)
    return frozenset(found - {""})


def performer_of(attributes: Mapping[str, Any]) -> str:
    """The pipeline of this node that the item asks for, '' where another performer is meant.

    Its name stands in our coding scheme, as the workitem's code or as the station's.
    """
    for keyword in ("ScheduledWorkitemCodeSequence", "ScheduledStationNameCodeSequence"):
        for value, scheme in codes_of(attributes, keyword):
            if scheme == NODE_SCHEME and value:
                return value[:80]
    return ""
