"""A PACS: C-STORE, storage commitment, C-FIND."""

from collections.abc import Sequence

from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.commitment import scu as commitment_scu
from dicom_node.peers import Peer
from dicom_node.scu import SendItem, echo, holds, send
from inference.delivery.destinations.protocol import Outcome, TestResult
from storage.commitment.entities import CommitmentRequest
from storage.container import Storage
from storage.core.entities import Instance
from storage.peers.repository import KnownPeer

_TIMEOUTS = Timeouts(connect_s=5.0, acse_s=15.0, dimse_s=60.0, idle_s=30.0)
# A report that comes later is taken by the SCP, and changes the delivery by itself.
_COMMITMENT_WAIT_S = 5.0


class AeDestination:
    query = "C-FIND"

    def __init__(self, storage: Storage, peer: KnownPeer) -> None:
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
