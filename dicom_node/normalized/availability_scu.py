"""Instance Availability Notification as SCU (PS3.4 R): which instances of a study are to be had."""

from collections import defaultdict
from collections.abc import Iterable

from pydicom.dataset import Dataset

from dicom_node.association.base import NodeAssociation
from dicom_node.normalized.answers import status_of
from dicom_node.normalized.availability_scp import AVAILABILITY_CLASS
from dicom_node.peers import Peer
from storage.core.entities import Instance
from storage.core.uids import new_uid

Available = dict[str, dict[str, str]]
"""Series Instance UID → SOP Instance UID → SOP Class UID."""


def available(instances: Iterable[Instance]) -> Available:
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for one in instances:
        found[one.series_instance_uid][one.sop_instance_uid] = one.sop_class_uid
    return dict(found)


def notification(
    study_instance_uid: str, here: Available, known: Available, retrieve_ae_title: str
) -> Dataset | None:
    """The data set (PS3.3 C.4.23): what is here, and as unavailable what was and is gone.

    None where the peer knows all that.
    """
    if here == known:
        return None
    dataset = Dataset()
    dataset.StudyInstanceUID = study_instance_uid
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.ReferencedSeriesSequence = []
    for series_instance_uid in sorted({*here, *known}):
        now = here.get(series_instance_uid, {})
        series = Dataset()
        series.SeriesInstanceUID = series_instance_uid
        series.ReferencedSOPSequence = [
            _reference(uid, sop_class_uid, uid in now, retrieve_ae_title)
            for uid, sop_class_uid in {**known.get(series_instance_uid, {}), **now}.items()
        ]
        dataset.ReferencedSeriesSequence.append(series)
    return dataset


def tell_availability(association: NodeAssociation, peer: Peer, dataset: Dataset) -> None:
    """N-CREATE. Raises PeerDidNotAnswer, PeerLacksService."""
    answer, _ = association.send_n_create(dataset, AVAILABILITY_CLASS, new_uid())
    status_of(answer, peer, "which instances are to be had")


def _reference(
    sop_instance_uid: str, sop_class_uid: str, is_here: bool, retrieve_ae_title: str
) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    item.InstanceAvailability = "ONLINE" if is_here else "UNAVAILABLE"
    item.RetrieveAETitle = retrieve_ae_title
    return item
