"""A PACS: C-STORE, storage commitment, C-FIND."""

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from dicom_node.archives.ae import AeArchive
from dicom_node.archives.archive import Archive
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.commitment import scu as commitment_scu
from dicom_node.peers import Peer, PeerLacksService
from dicom_node.scu import SendItem, echo, holds, send
from inference.deliveries.destinations.kind import DestinationKind, FormField, PeerAddress, require
from inference.deliveries.destinations.protocol import InstanceStorage, Outcome, TestResult
from storage.commitment.entities import CommitmentRequest
from storage.container.has import HasCommitmentRequests
from storage.core.ae_titles import ALLOWED, is_title
from storage.core.entities import Instance
from storage.core.untrusted_input.host_names import HOST_NAMES, is_host_name
from storage.peers.entities import KnownPeer
from storage.settings import Destination as Address
from storage.settings import Settings

_TIMEOUTS = Timeouts(connect_s=5.0, acse_s=15.0, dimse_s=60.0, idle_s=30.0)
# A report that comes later is taken by the SCP, and changes the delivery by itself.
_COMMITMENT_WAIT_S = 5.0


class AeStorage(InstanceStorage, HasCommitmentRequests, Protocol):
    """What of the storage layer sending by C-STORE needs."""


class AeDestination:
    query = "C-FIND"

    def __init__(self, storage: AeStorage, peer: KnownPeer) -> None:
        self._storage = storage
        self._name = peer.name
        self._peer = Peer.known(peer, storage.settings)
        self._calling = storage.settings.ae_title

    def __str__(self) -> str:
        return str(self._peer)

    def send(self, instances: Sequence[Instance]) -> list[Outcome]:
        results = send(
            [self._item(instance) for instance in instances],
            peer=self._peer,
            calling_ae_title=self._calling,
            timeouts=_TIMEOUTS,
        )
        return [
            Outcome(one.sop_instance_uid, one.error, reached=one.status is not None)
            for one in results
        ]

    def commit(self, instances: Sequence[Instance]) -> CommitmentRequest | None:
        return commitment_scu.request(
            self._peer,
            list(instances),
            destination=self._name,
            requests=self._storage.commitment_requests,
            calling_ae_title=self._calling,
            wait_s=_COMMITMENT_WAIT_S,
            timeouts=_TIMEOUTS,
        )

    def listed(self, instances: Sequence[Instance]) -> set[str]:
        first = instances[0]
        return holds(
            self._peer,
            self._calling,
            first.study_instance_uid,
            first.series_instance_uid,
            [instance.sop_instance_uid for instance in instances],
            timeouts=_TIMEOUTS,
        )

    def fetch(self, instance: Instance, write: Callable[[bytes], None]) -> None:
        raise PeerLacksService(f"{self} is not asked to send anything back.")

    def test(self) -> TestResult:
        answer = echo(self._peer, self._calling, _TIMEOUTS)
        over_tls = " over TLS" if self._peer.tls is not None else ""
        if answer.ok:
            return TestResult(
                True, f"{self} answers C-ECHO{over_tls} in {answer.seconds * 1000:.0f} ms."
            )
        return TestResult(False, answer.error)

    def _item(self, instance: Instance) -> SendItem:
        return SendItem(
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            transfer_syntax_uid=instance.transfer_syntax_uid,
            open=lambda: self._storage.instances.open(instance),
        )


_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")


def _check(peer: KnownPeer, settings: Settings) -> None:
    require(is_title(peer.ae_title), "ae_title", f"{ALLOWED} (PS3.5 6.2)")
    if peer.is_destination or peer.host or peer.port:
        is_host = _HOST.fullmatch(peer.host) and is_host_name(peer.host)
        require(is_host, "host", HOST_NAMES)
        require(0 < peer.port < 65536, "port", "1 to 65535")


def _read_address(text: str) -> PeerAddress | None:
    if "@" not in text:
        # A title alone is a peer that only calls.
        return None if ":" in text or "/" in text else {"ae_title": text}
    if "://" in text:
        return None
    read = Address.parse(text)
    return {"ae_title": read.ae_title, "host": read.host, "port": read.port}


def _show_address(peer: KnownPeer) -> str:
    host = f"[{peer.host}]" if ":" in peer.host else peer.host
    return f"{peer.ae_title}@{host}:{peer.port}" if host else peer.ae_title


def _why_unreachable(peer: KnownPeer) -> str:
    if peer.host:
        return ""
    return (
        f"{peer.ae_title} has no address at which it could be called;"
        " let it send a C-ECHO to this node instead."
    )


def _open_archive(peer: KnownPeer, settings: Settings) -> Archive:
    return AeArchive(Peer.known(peer, settings), settings)


KIND = DestinationKind(
    name="ae",
    title="DICOM",
    address="AE@host:port (or AE alone for one that only calls)",
    service="C-STORE",
    proof="storage commitment, else C-FIND",
    fields=(
        FormField("ae_title", "AE title", max_length=16),
        FormField("host", "Host", max_length=253),
        FormField("port", "Port", input="number"),
    ),
    open=AeDestination,
    check=_check,
    read_address=_read_address,
    show_address=_show_address,
    may_call=True,
    why_unreachable=_why_unreachable,
    open_archive=_open_archive,
)
