"""Send received instances to peers: the deliveries of `storage.deliveries`, on somebody's word."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from inference.deliveries.destinations import kind_of
from inference.deliveries.release import ReleaseStorage, by_release
from storage.container.has import HasDeliveries, HasIndex, HasPeers
from storage.core.entities import DeliveryCause, Instance
from storage.core.errors import InvalidRequest
from storage.deliveries.listing import DeliveryFilter, retry_now, send_again_to
from storage.peers.entities import KnownPeer
from storage.peers.repository import Peers


def why_not(peer: KnownPeer) -> str:
    """Why nothing can be sent to it; empty where something can."""
    why_unreachable = kind_of(peer).why_unreachable
    return "" if why_unreachable is None else why_unreachable(peer)


def receivers(peer_repository: Peers, names: Iterable[str]) -> list[KnownPeer]:
    """The peers of these names. Raises NotFound, InvalidRequest where one cannot be called."""
    peers = [peer_repository.get(name) for name in dict.fromkeys(names)]
    for peer in peers:
        if reason := why_not(peer):
            raise InvalidRequest(
                f"Nothing can be sent to '{peer.name}'. {reason}",
                remedy="Give the peer a host and a port.",
            )
    return peers


class RoutingStorage(ReleaseStorage, HasIndex, HasPeers, HasDeliveries, Protocol):
    """What of the storage layer studies are sent on with."""


def send_study(
    storage: RoutingStorage,
    study_instance_uid: str,
    names: Sequence[str],
    series_instance_uids: Sequence[str] = (),
) -> dict[str, int]:
    """Send a study, or some series of it, to peers; how many instances go to each.

    Those that were sent there before are sent again where nothing else is under way. Results of
    this node go along, unless rules of release have them wait for a person.
    Raises NotFound, InvalidRequest.
    """
    peers = receivers(storage.peers, names)
    storage.index.study(study_instance_uid)
    wanted = [
        storage.index.series(study_instance_uid, uid) for uid in dict.fromkeys(series_instance_uids)
    ] or storage.index.series_of(study_instance_uid)
    instances = [
        instance
        for series in wanted
        for instance in storage.index.instances_of(study_instance_uid, series.series_instance_uid)
    ]
    return {peer.name: _send(storage, peer, instances) for peer in peers}


def _send(storage: RoutingStorage, peer: KnownPeer, instances: Sequence[Instance]) -> int:
    """First again what was sent before: what is enqueued now may be there a moment later."""
    # A peer that gets no results is sent to for this reason alone.
    cause: DeliveryCause | None = None if peer.is_destination else "PERSON"
    going, awaiting = by_release(storage, peer.name, instances)
    uids = [one.sop_instance_uid for one in going]
    send_again_to(storage.engine, peer.name, uids, cause)
    storage.deliveries.enqueue(peer.name, going, None, cause="PERSON")
    storage.deliveries.enqueue(
        peer.name, awaiting, None, cause=cause or "RESULT", state="AWAITING_RELEASE"
    )
    for study_instance_uid in {one.study_instance_uid for one in instances}:
        waiting = DeliveryFilter(destination=peer.name, study_instance_uid=study_instance_uid)
        retry_now(storage.engine, waiting)
    return len(going)
