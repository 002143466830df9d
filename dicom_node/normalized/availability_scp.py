"""Instance Availability Notification as SCP (PS3.4 R): stored, and taken as a hint."""

import structlog
from pynetdicom.sop_class import InstanceAvailabilityNotification

from dicom_node.association.base import NodeAssociation
from dicom_node.network.command_set import CommandSet
from dicom_node.normalized.procedure_step_scp import as_json, expected_of
from dicom_node.normalized.requests import (
    MISSING_ATTRIBUTE,
    NormalizedRequest,
    NormalizedScp,
    Refused,
    sender_of,
)
from dicom_node.normalized.step_size import MOST_ELEMENTS
from storage.core.uids import check_uid, new_uid
from storage.mpps.repository import ProcedureSteps

log = structlog.get_logger(__name__)

AVAILABILITY_CLASS = str(InstanceAvailabilityNotification)
# ReferencedSeriesSequence and ReferencedSOPSequence.
_SERIES, _REFERENCES = "00081115", ("00081199",)


class AvailabilityScp(NormalizedScp):
    """Takes N-CREATE: somebody says which instances of a study are to be had."""

    sop_classes = frozenset({AVAILABILITY_CLASS})
    max_elements = MOST_ELEMENTS

    def __init__(self, procedure_steps: ProcedureSteps, association: NodeAssociation) -> None:
        super().__init__(association)
        self._procedure_steps = procedure_steps

    def perform(self, request: NormalizedRequest, command: CommandSet) -> str:
        dataset = request.dataset
        if not dataset.get("StudyInstanceUID"):
            raise Refused(MISSING_ATTRIBUTE, "Study Instance UID is missing.")
        if not dataset.get("ReferencedSeriesSequence"):
            raise Refused(MISSING_ATTRIBUTE, "Referenced Series Sequence has no item.")
        uid = check_uid(request.sop_instance_uid or new_uid(), "SOPInstanceUID")
        attributes = as_json(dataset, _SERIES, _REFERENCES)
        expected = expected_of(attributes, _SERIES, _REFERENCES)
        study_instance_uid = check_uid(str(dataset.StudyInstanceUID), "StudyInstanceUID")
        sender = sender_of(self.association)
        with self._procedure_steps.alone(sender):
            self._procedure_steps.notify(uid, sender, study_instance_uid, attributes, expected)
        log.info(
            "availability_noted",
            sop_instance_uid=uid,
            peer=self.association.peer_ae_title,
            series=len(expected),
            instances=sum(map(len, expected.values())),
        )
        return uid
