"""Modality Performed Procedure Step as SCP (PS3.4 F.7): stored, and taken as a hint.

A completed step names every instance that the modality made; the series is then
complete when they are there.
"""

from typing import Any

import structlog
from pydicom.dataset import Dataset
from pynetdicom.sop_class import ModalityPerformedProcedureStep

from dicom_node.association.base import NodeAssociation
from dicom_node.network.command_set import CommandSet
from dicom_node.normalized.requests import (
    ATTRIBUTE_LIST_ERROR,
    ATTRIBUTE_VALUE_INVALID,
    MISSING_ATTRIBUTE,
    RESOURCE_LIMITATION,
    Answer,
    NormalizedRequest,
    NormalizedScp,
    Refused,
    sender_of,
)
from dicom_node.normalized.step_beginning import OF_THE_BEGINNING
from dicom_node.normalized.step_size import MOST_ELEMENTS, MOST_STUDIES, check_size
from storage.core.uids import check_uid, new_uid
from storage.mpps.repository import (
    PROCEDURE_STEP_STATES,
    ProcedureStep,
    ProcedureSteps,
    ProcedureStepState,
    StepChanged,
)
from storage.mpps.step_text import decoded

log = structlog.get_logger(__name__)

JsonDataset = dict[str, Any]

PROCEDURE_STEP_CLASS = str(ModalityPerformedProcedureStep)
# PerformedSeriesSequence, ReferencedImageSequence and that of instances without images,
# ScheduledStepAttributesSequence.
_SERIES, _REFERENCES = "00400340", ("00081140", "00400220")
_SCHEDULED = "00400270"
_STUDY_UID, _SERIES_UID, _REFERENCED_UID, _AVAILABILITY = (
    *("0020000D", "0020000E"),
    *("00081155", "00080056"),
)
# Messages about one step that come at once change it one after the other.
_ATTEMPTS = 10
_STAYS = frozenset(f"{tag:08X}" for tag in OF_THE_BEGINNING)


class ProcedureStepCreateScp(NormalizedScp):
    """Takes N-CREATE: a step begins."""

    sop_classes = frozenset({PROCEDURE_STEP_CLASS})
    max_elements = MOST_ELEMENTS

    def __init__(self, procedure_steps: ProcedureSteps, association: NodeAssociation) -> None:
        super().__init__(association)
        self._procedure_steps = procedure_steps

    def perform(self, request: NormalizedRequest, command: CommandSet) -> str:
        dataset = request.dataset
        if _state(dataset, required=True) != "IN PROGRESS":
            raise Refused(ATTRIBUTE_VALUE_INVALID, "A step begins IN PROGRESS.")
        attributes = as_json(dataset, _SERIES, _REFERENCES)
        studies = _studies(attributes)
        if not studies:
            raise Refused(MISSING_ATTRIBUTE, "No scheduled step names its Study Instance UID.")
        uid = request.sop_instance_uid or new_uid()
        sender = sender_of(self.association)
        expected = expected_of(attributes, _SERIES, _REFERENCES)
        with self._procedure_steps.alone(sender):
            step = self._procedure_steps.create(
                check_uid(uid, "SOPInstanceUID"), sender, attributes, studies, expected
            )
        log.info(
            "procedure_step_began",
            sop_instance_uid=step.sop_instance_uid,
            peer=step.calling_ae_title,
        )
        return step.sop_instance_uid


class ProcedureStepSetScp(NormalizedScp):
    """Takes N-SET: a step goes on, or ends."""

    sop_classes = frozenset({PROCEDURE_STEP_CLASS})
    max_elements = MOST_ELEMENTS

    def __init__(self, procedure_steps: ProcedureSteps, association: NodeAssociation) -> None:
        super().__init__(association)
        self._procedure_steps = procedure_steps

    def answer(self, request: NormalizedRequest, command: CommandSet) -> Answer:
        """What may not be changed stays as it was, with a warning where it would be another."""
        sent = as_json(request.dataset, _SERIES, _REFERENCES)
        changes = {tag: value for tag, value in sent.items() if tag not in _STAYS}
        with self._procedure_steps.alone(sender_of(self.association)):
            for attempts_left in reversed(range(_ATTEMPTS)):
                try:
                    step = self._change(request, changes)
                    break
                except StepChanged:
                    if not attempts_left:
                        raise
        log.info("procedure_step_changed", sop_instance_uid=step.sop_instance_uid, state=step.state)
        began = step.attributes
        differing = [tag for tag in sorted(_STAYS & sent.keys()) if sent[tag] != began.get(tag)]
        if not differing:
            return Answer(step.sop_instance_uid)
        comment = f"Not changed by N-SET: {', '.join(differing)}"
        return Answer(step.sop_instance_uid, ATTRIBUTE_LIST_ERROR, comment[:64])

    def _change(self, request: NormalizedRequest, changes: JsonDataset) -> ProcedureStep:
        steps, sender = self._procedure_steps, sender_of(self.association)
        step = steps.of_sender(request.sop_instance_uid, sender)
        state = _state(request.dataset, required=False)
        attributes = {**step.attributes, **changes}
        # Each message is counted by itself; a step is changed by any number of them.
        check_size(attributes, _SERIES, _REFERENCES, changes)
        # What it announces is written again only where that is something else then.
        is_hint = state != "IN PROGRESS" or _SERIES in changes
        hint = expected_of(decoded(attributes), _SERIES, _REFERENCES) if is_hint else None
        studies = _studies(attributes)
        return steps.change(
            request.sop_instance_uid, sender, state, attributes, studies, hint, known=step
        )


def expected_of(
    attributes: JsonDataset, series: str, references: tuple[str, ...]
) -> dict[str, set[str]]:
    """Series Instance UID → SOP Instance UIDs that the items of a series sequence name."""
    expected: dict[str, set[str]] = {}
    for item in _items(attributes, series):
        series_instance_uid = _text(item, _SERIES_UID)
        if not series_instance_uid:
            raise Refused(MISSING_ATTRIBUTE, "A series lacks its Series Instance UID.")
        uids = expected.setdefault(check_uid(series_instance_uid, "SeriesInstanceUID"), set())
        for tag in references:
            for reference in _items(item, tag):
                # Announced, but not to be had: it will not come from there.
                if _text(reference, _AVAILABILITY) != "UNAVAILABLE":
                    uid = _text(reference, _REFERENCED_UID)
                    uids.add(check_uid(uid, "ReferencedSOPInstanceUID"))
    return expected


def _items(attributes: JsonDataset, tag: str) -> list[JsonDataset]:
    items: list[JsonDataset] = attributes.get(tag, {}).get("Value") or []
    return items


def _text(attributes: JsonDataset, tag: str) -> str:
    values = attributes.get(tag, {}).get("Value") or []
    return "\\".join(str(one) for one in values)


def as_json(dataset: Dataset, series: str, references: tuple[str, ...]) -> JsonDataset:
    """The data set in DICOM JSON (PS3.18 F). Raises Refused where it is too large to be kept."""
    encoded: JsonDataset = dataset.to_json_dict(suppress_invalid_tags=True)
    check_size(encoded, series, references, encoded)
    return encoded


def _state(dataset: Dataset, *, required: bool) -> ProcedureStepState:
    value = str(dataset.get("PerformedProcedureStepStatus") or "")
    if not value:
        if required:
            raise Refused(MISSING_ATTRIBUTE, "Performed Procedure Step Status is missing.")
        return "IN PROGRESS"
    for state in PROCEDURE_STEP_STATES:
        if value == state:
            return state
    raise Refused(ATTRIBUTE_VALUE_INVALID, "Status is none of PS3.3 C.4.14.")


def _studies(attributes: JsonDataset) -> set[str]:
    uids = (_text(item, _STUDY_UID) for item in _items(attributes, _SCHEDULED))
    studies = {check_uid(uid, "StudyInstanceUID") for uid in uids if uid}
    if len(studies) > MOST_STUDIES:
        raise Refused(
            RESOURCE_LIMITATION, f"It names {len(studies)} studies; {MOST_STUDIES} are the most."
        )
    return studies
