"""Keep an object that comes of a person's word: stored, then sent like every other result."""

from collections.abc import Collection, Sequence

from pydicom.dataset import Dataset

from inference.deliveries.destinations import kind_of
from inference.results.file_writing import part10
from inference.rules.job_rule import destinations_of
from storage.core.entities import Instance
from storage.core.errors import NotFound, UidConflict
from storage.deletion.service import Deletions
from storage.deliveries.repository import Deliveries
from storage.index.repository import Index
from storage.ingest.generated import GeneratedInstances
from storage.peers.entities import KnownPeer
from storage.peers.repository import Peers


def keep(
    deliveries: Deliveries,
    generated: GeneratedInstances,
    peers: Peers,
    dataset: Dataset,
    source: str,
    destinations: Sequence[KnownPeer] | None = None,
) -> Instance:
    """Store the object and want it at every destination that takes its kind.

    Raises UidConflict where another version was stored at the same moment, UidOccupied where
    another system sent something under the UID at that moment.
    """
    instance, outcome = generated.store(part10(dataset), str(dataset.SOPInstanceUID), source)
    if outcome == "conflict":
        raise stale()
    for peer in destinations_of(peers, None) if destinations is None else destinations:
        if peer.takes(instance.sop_class_uid) and kind_of(peer).takes_drawings:
            deliveries.enqueue(peer.name, [instance], None)
    return instance


def check_still_there(
    deletions: Deletions, index: Index, refers_to: Collection[str], *saved: Instance
) -> None:
    """A study that was deleted meanwhile does not come back as what somebody stated of its images.

    `refers_to`: SOP Instance UIDs of images, of which one at least must be there still. Raises
    NotFound, and what was saved is deleted again.
    """
    there = {one.sop_instance_uid for one in index.instances_of(saved[0].study_instance_uid)}
    if refers_to and there.isdisjoint(refers_to):
        for one in saved:
            deletions.instance(one.sop_instance_uid)
        raise NotFound(
            "The images were deleted meanwhile.",
            remedy="Nothing was saved; send the images again, and save it again.",
        )


def stale() -> UidConflict:
    return UidConflict(
        "A newer version was saved meanwhile.",
        remedy="Read it, and save again with its sop_instance_uid as the predecessor.",
    )
