"""Instance Availability Notification as SCU (PS3.4 R): which instances of a study are to be had."""

from collections.abc import Mapping, Sequence

from pydicom.dataset import Dataset

from dicom_node.association.base import NodeAssociation
from dicom_node.normalized.answers import status_of
from dicom_node.normalized.availability_scp import AVAILABILITY_CLASS
from dicom_node.normalized.procedure_step_scp import PROCEDURE_STEP_CLASS
from dicom_node.peers import Peer
from storage.core.uids import new_uid
from storage.integrity.known_damage import Availability
from storage.peers.notifications import Instances


def availability(
    study_instance_uid: str,
    here: Instances,
    gone: Instances,
    retrieve_ae_title: str,
    not_online: Mapping[str, Availability],
    procedure_steps: Sequence[str] = (),
) -> Dataset:
    """The data set (PS3.3 C.4.23): what is here, and as unavailable what is gone.

    `not_online`: those of what is here that cannot be had, by UID. `procedure_steps` that made the
    study: one notification names one at most.
    """
    dataset = Dataset()
    dataset.StudyInstanceUID = study_instance_uid
    dataset.ReferencedPerformedProcedureStepSequence = [
        _step(uid) for uid in procedure_steps if len(procedure_steps) == 1
    ]
    dataset.ReferencedSeriesSequence = []
    for series_instance_uid in sorted({*here, *gone}):
        now = here.get(series_instance_uid, {})
        series = Dataset()
        series.SeriesInstanceUID = series_instance_uid
        series.ReferencedSOPSequence = [
            _reference(
                uid,
                sop_class_uid,
                not_online.get(uid, "ONLINE") if uid in now else "UNAVAILABLE",
                retrieve_ae_title,
            )
            for uid, sop_class_uid in {**gone.get(series_instance_uid, {}), **now}.items()
        ]
        dataset.ReferencedSeriesSequence.append(series)
    return dataset


def tell_availability(association: NodeAssociation, peer: Peer, dataset: Dataset) -> None:
    """N-CREATE. Raises PeerDidNotAnswer, PeerLacksService."""
    answer, _ = association.send_n_create(dataset, AVAILABILITY_CLASS, new_uid())
    status_of(answer, peer, "which instances are to be had")


def _step(sop_instance_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = PROCEDURE_STEP_CLASS
    item.ReferencedSOPInstanceUID = sop_instance_uid
    item.PerformedWorkitemCodeSequence = []
    return item


def _reference(
    sop_instance_uid: str, sop_class_uid: str, state: Availability, retrieve_ae_title: str
) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    item.InstanceAvailability = state
    item.RetrieveAETitle = retrieve_ae_title
    return item
