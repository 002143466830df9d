"""The kinds of destinations. A new one is a file beside this one, and a line in `KINDS`."""

from collections.abc import Mapping
from dataclasses import replace

from inference.deliveries.destinations import ae, bucket, fhir, folder, sftp, stow
from inference.deliveries.destinations.kind import DestinationKind
from inference.deliveries.destinations.protocol import Destination, DestinationStorage, TestResult
from inference.deliveries.destinations.testing import TEST_S, probed_within
from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer
from storage.peers.validation import checked
from storage.settings import Settings

KINDS: Mapping[str, DestinationKind] = {
    one.name: one
    for one in (
        ae.KIND,
        stow.KIND,
        folder.KIND,
        sftp.KIND,
        bucket.KIND,
        fhir.KIND,
    )
}


def kind_of(peer: KnownPeer) -> DestinationKind:
    """Raises InvalidRequest for a kind that this release does not know."""
    found = KINDS.get(peer.kind)
    if found is None:
        raise InvalidRequest(
            f"'{peer.kind}' is not a kind of destination.", remedy=f"Use one of {', '.join(KINDS)}."
        )
    return found


def open_destination(storage: DestinationStorage, peer: KnownPeer) -> Destination:
    """Raises InvalidRequest where the peer's entry is not allowed (any more)."""
    return kind_of(peer).open(storage, peer)


def probe_peer(storage: DestinationStorage, peer: KnownPeer) -> TestResult:
    """What the test button says, within half a minute.

    Raises InvalidRequest as `open_destination` does.
    """
    why_unreachable = kind_of(peer).why_unreachable
    if why_unreachable is not None and (reason := why_unreachable(peer)):
        return TestResult(False, reason)
    return probed_within(TEST_S, open_destination(storage, peer))


def checked_peer(peer: KnownPeer, settings: Settings) -> KnownPeer:
    """The peer as it is stored. Raises InvalidRequest saying what is wrong with it."""
    kind = kind_of(peer)
    found = checked(peer, settings)
    kind.check(peer, settings)
    if kind.object_kinds is not None:
        found = replace(found, object_kinds=kind.object_kinds)
    return replace(found, max_sendings=1) if kind.one_sender else found


def read_address(name: str, text: str) -> KnownPeer:
    """The peer that an address of the command line means. Raises InvalidRequest."""
    for kind in KINDS.values():
        fields = kind.read_address(text)
        if fields is not None:
            peer = KnownPeer(name=name, kind=kind.name, **fields)
            return peer if kind.may_call else replace(peer, is_destination=True)
    addresses = ", ".join(kind.address for kind in KINDS.values())
    raise InvalidRequest(f"'{text}' is not the address of a peer.", remedy=f"Write {addresses}.")


def address_of(peer: KnownPeer) -> str:
    """As it is written on the command line."""
    return kind_of(peer).show_address(peer)
