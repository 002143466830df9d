"""Messages of modalities about procedure steps and available instances."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pynetdicom import AE
from pynetdicom.sop_class import InstanceAvailabilityNotification, ModalityPerformedProcedureStep

from dicom_node.scu import send
from storage.index.expected_instances import Announced
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import Node

MPPS, IAN = ModalityPerformedProcedureStep, InstanceAvailabilityNotification
STUDY, SERIES = "1.2.840.5.1", "1.2.840.5.1.1"


@contextmanager
def modality(node: Node, ae_title: str = "CT1") -> Iterator[Any]:
    ae = AE(ae_title)
    ae.add_requested_context(MPPS)
    ae.add_requested_context(IAN)
    association = ae.associate("127.0.0.1", node.port)
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def beginning(study_instance_uid: str = STUDY) -> Dataset:
    scheduled = Dataset()
    scheduled.StudyInstanceUID = study_instance_uid
    scheduled.ScheduledProcedureStepID = "S1"
    step = Dataset()
    step.ScheduledStepAttributesSequence = [scheduled]
    step.PatientName = "Müller^Jürgen"
    step.SpecificCharacterSet = "ISO_IR 100"
    step.PerformedProcedureStepID = "P1"
    step.PerformedStationAETitle = "CT1"
    step.PerformedProcedureStepStartDate = "20240131"
    step.PerformedProcedureStepStartTime = "101500"
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    step.Modality = "CT"
    step.PerformedSeriesSequence = []
    return step


def references(uids: Sequence[str]) -> list[Dataset]:
    items = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID = CTImageStorage
        item.ReferencedSOPInstanceUID = uid
        items.append(item)
    return items


def ending(state: str, uids: Sequence[str]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = SERIES
    series.ReferencedImageSequence = references(uids)
    step = Dataset()
    step.PerformedProcedureStepStatus = state
    step.PerformedProcedureStepEndDate = "20240131"
    step.PerformedSeriesSequence = [series]
    return step


def receive(node: Node, numbers: Sequence[int]) -> None:
    items = [
        item_of(
            encoded(
                ct_instance(
                    study_instance_uid=STUDY,
                    series_instance_uid=SERIES,
                    sop_instance_uid=f"{SERIES}.{n}",
                    instance_number=n,
                )
            )
        )
        for n in numbers
    ]
    assert all(result.ok for result in send(items, peer=node.peer, calling_ae_title="CT1"))


def uids(*numbers: int) -> list[str]:
    return [f"{SERIES}.{n}" for n in numbers]


def announced(node: Node) -> Announced | None:
    found = node.storage.expectations.of_receiving()
    return found[0] if found else None


def notice(uids_: Sequence[str], **availability: str) -> Dataset:
    dataset = Dataset()
    dataset.StudyInstanceUID = STUDY
    dataset.ReferencedPerformedProcedureStepSequence = []
    series = Dataset()
    series.SeriesInstanceUID = SERIES
    series.ReferencedSOPSequence = references(uids_)
    for item in series.ReferencedSOPSequence:
        last = item.ReferencedSOPInstanceUID.rsplit(".", 1)[1]
        item.InstanceAvailability = availability.get(f"n{last}", "ONLINE")
        item.RetrieveAETitle = "PACS"
    dataset.ReferencedSeriesSequence = [series]
    return dataset
