"""What a kind of destination states about itself: for command line, API, form and documents."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypedDict

from dicom_node.archives.archive import Archive
from inference.deliveries.destinations.protocol import Destination, DestinationStorage
from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer
from storage.settings import Settings


@dataclass(frozen=True)
class FormField:
    """One value that a person gives. `name` is the member of `KnownPeer`.

    `choices`: what it may be, the default first; none: anything.
    """

    name: str
    label: str
    input: Literal["text", "number", "secret"] = "text"
    max_length: int | None = None
    choices: tuple[str, ...] = ()


class PeerAddress(TypedDict, total=False):
    """The members of `KnownPeer` that an address states."""

    ae_title: str
    host: str
    port: int
    url: str
    folder: str


@dataclass(frozen=True)
class DestinationKind:
    """One kind. All that is known of it stands in its file; `registry` has a line for it.

    `address` shows how it is written on the command line. `service` and `proof` are for the
    documents: what an instance is sent by, and how the destination proves that it has it.
    """

    name: str
    title: str
    address: str
    service: str
    proof: str
    fields: tuple[FormField, ...]
    open: Callable[[DestinationStorage, KnownPeer], Destination]
    """Raises InvalidRequest where the peer's entry is not allowed (any more)."""
    check: Callable[[KnownPeer, Settings], None]
    """Raises InvalidRequest where the fields of this kind are wrong."""
    read_address: Callable[[str], PeerAddress | None]
    """From an address as a person writes it; None: it is an address of another kind."""
    show_address: Callable[[KnownPeer], str]
    may_call: bool = False
    """Whether a peer of this kind may also call this node; others only receive."""
    is_export: bool = False
    """Whether what goes there is audited as an export to media (PS3.15 A.5.3.4)."""
    why_unreachable: Callable[[KnownPeer], str] | None = None
    """Why the node cannot call it at all; empty where it can."""
    object_kinds: frozenset[str] | None = None
    """The only kinds of results that it gets; None: those that the peer's entry names."""
    one_sender: bool = False
    """Whether no two senders may be busy with it at once: what is sent replaces what is there."""
    takes_drawings: bool = True
    """Whether it gets what persons have drawn and measured by themselves."""
    open_archive: Callable[[KnownPeer, Settings], Archive] | None = None
    """How it is asked for the studies that it holds; None: it answers no questions."""


def require(holds: object, what: str, allowed: str) -> None:
    """Raises InvalidRequest that names the member and what it may be."""
    if not holds:
        raise InvalidRequest(f"The peer's {what} is not valid.", remedy=f"Allowed: {allowed}.")
