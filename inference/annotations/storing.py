"""Keep an object that comes of a person's word: stored, then sent like every other result."""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from inference.deliveries.destinations import kind_of
from inference.results.file_writing import part10
from inference.rules.job_rule import destinations_of
from storage.core.entities import Instance
from storage.core.errors import UidConflict
from storage.deliveries.repository import Deliveries
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


def stale() -> UidConflict:
    return UidConflict(
        "A newer version was saved meanwhile.",
        remedy="Read it, and save again with its sop_instance_uid as the predecessor.",
    )
