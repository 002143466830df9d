"""Which objects are made of a result, and which of them each destination gets."""

from collections.abc import Collection, Iterator, Sequence

from inference.result_identity import ResultKindName
from storage.core.entities import Instance
from storage.core.results.result_kinds import RESULT_KINDS
from storage.peers.entities import KnownPeer
from storage.settings import Settings

NEEDS_GREY_VALUES = frozenset(kind.name for kind in RESULT_KINDS.values() if kind.needs_grey_values)
"""Those of which the voxels must still be there when they are encoded."""


def kinds_wanted(settings: Settings, destinations: Collection[KnownPeer]) -> frozenset[str]:
    """What is made beside SEG and SR: by the site, or because a destination names it."""
    wanted: set[str] = set(settings.result_kinds).union(
        *(peer.object_kinds for peer in destinations)
    )
    if any(_only_label_maps(peer) for peer in destinations):
        wanted.add("LABELMAP_SR")
    return frozenset(wanted)


def taken_by(
    destination: KnownPeer, made: Sequence[tuple[ResultKindName, Instance]]
) -> Iterator[Instance]:
    """What one destination gets.

    There are two reports where somebody takes label maps alone: each destination gets the
    one that refers to the mask it gets.
    """
    left_out: ResultKindName = "LABELMAP_SR"
    if _only_label_maps(destination) and any(kind == "LABELMAP_SR" for kind, _ in made):
        left_out = "SR"
    for kind, instance in made:
        if kind != left_out and destination.takes(instance.sop_class_uid):
            yield instance


def _only_label_maps(destination: KnownPeer) -> bool:
    kinds = destination.object_kinds
    return "LABELMAP" in kinds and "SEG" not in kinds
