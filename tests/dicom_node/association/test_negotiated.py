"""A request that came before is answered as then, by the same bytes; rights are asked each time."""

import struct
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
)
from pynetdicom import AE, build_role
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from dicom_node.association import negotiated
from dicom_node.association.negotiated import NegotiatedRequests
from storage.peers.entities import KnownPeer
from tests.dicom_node.builders import ct_instance, data_set_bytes, dcmtk, encoded, write
from tests.dicom_node.conftest import Node
from tests.faults.raw_peer import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RQ,
    RELEASE_RP,
    RELEASE_RQ,
    PeerGone,
    RawPeer,
    Rejected,
    associate_request,
    context,
    item,
    pdu,
    store_message,
    user_information,
)
from tests.patience import PATIENCE_S

ABSTRACT = [
    CTImageStorage,
    MRImageStorage,
    str(Verification),
    str(PatientRootQueryRetrieveInformationModelFind),
    str(StudyRootQueryRetrieveInformationModelGet),
    "1.2.840.10008.5.1.4.1.1.9999",
    "1.2.3.4",
]
TRANSFER = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    "1.2.3.4.5",
]


def role(sop_class_uid: str, scu: int, scp: int) -> bytes:
    return item(
        0x54, struct.pack(">H", len(sop_class_uid)) + sop_class_uid.encode() + bytes([scu, scp])
    )


def extended(sop_class_uid: str, wanted: bytes) -> bytes:
    return item(0x56, struct.pack(">H", len(sop_class_uid)) + sop_class_uid.encode() + wanted)


def identity(name: bytes, password: bytes) -> bytes:
    fields = struct.pack(">BBH", 2, 0, len(name)) + name + struct.pack(">H", len(password))
    return item(0x58, fields + password)


def answer(node: Node, body: bytes) -> bytes:
    """The body of the A-ASSOCIATE-AC."""
    with RawPeer(node.port) as peer:
        peer.send(pdu(ASSOCIATE_RQ, body))
        kind, answered = peer.receive()
        assert kind == ASSOCIATE_AC
        peer.release()
        return answered


def kept(node: Node) -> NegotiatedRequests:
    return node.scp._negotiated_requests


def count(requests: NegotiatedRequests) -> int:
    return len(requests._by_request)


PROPOSED = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(ABSTRACT),
        strategies.lists(strategies.sampled_from(TRANSFER), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=12,
)
ITEMS = strategies.lists(
    strategies.one_of(
        strategies.builds(
            role,
            strategies.sampled_from(ABSTRACT),
            strategies.integers(0, 1),
            strategies.integers(0, 1),
        ),
        strategies.builds(
            extended,
            strategies.sampled_from(ABSTRACT),
            strategies.binary(min_size=1, max_size=5),
        ),
        strategies.just(item(0x55, b"MODALITY_1")),
    ),
    max_size=3,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(proposed=PROPOSED, further=ITEMS)
def test_the_same_request_is_answered_by_the_same_bytes(
    node: Node, proposed: Sequence[tuple[str, Sequence[str]]], further: Sequence[bytes]
) -> None:
    contexts = [
        context(1 + 2 * number, abstract, transfer)
        for number, (abstract, transfer) in enumerate(proposed)
    ]
    body = associate_request(contexts, user=user_information(*further))
    first = answer(node, body)
    assert kept(node).get(pdu(ASSOCIATE_RQ, body)) is not None
    assert answer(node, body) == first


def test_instances_arrive_over_associations_that_are_all_alike(node: Node, tmp_path: Path) -> None:
    instances = [ct_instance() for _ in range(4)]
    for number, instance in enumerate(instances):
        file = write(instance, tmp_path / f"{number}.dcm")
        # storescu proposes the same each time, and checks the answer.
        sent = dcmtk("storescu", "-aet", "CT1", "127.0.0.1", str(node.port), file)
        assert sent.returncode == 0, sent.stderr
    assert count(kept(node)) == 1
    assert all(node.instance(one.SOPInstanceUID) is not None for one in instances)


def test_who_may_no_longer_associate_is_rejected_whatever_was_answered_before(node: Node) -> None:
    peers = node.storage.peers
    for _ in range(2):
        with RawPeer(node.port) as peer:
            peer.associate(calling=b"CT1")
            peer.release()
    peers.add(KnownPeer("ct", ae_title="CT1", sources=("192.0.2.0/24",)))
    deadline = time.monotonic() + PATIENCE_S
    while (rejection := rejection_of(node, b"CT1")) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert rejection == (1, 1, 3)
    with RawPeer(node.port) as peer:
        assert peer.associate(calling=b"CT2") == {1: 0}


def test_what_a_peer_may_is_asked_each_time(node: Node) -> None:
    instance = ct_instance()
    data = write_data(instance)
    node.storage.peers.add(KnownPeer("ct", ae_title="CT1", may=frozenset({"store"})))
    with RawPeer(node.port) as peer:
        peer.associate(calling=b"CT1")
        assert peer.store(instance.SOPInstanceUID, data) == 0
        peer.release()
    node.storage.peers.remove("ct")
    node.storage.peers.add(KnownPeer("ct", ae_title="CT1", may=frozenset({"query"})))
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with RawPeer(node.port) as peer:
            peer.associate(calling=b"CT1")
            status = peer.store(instance.SOPInstanceUID, data)
        if status == 0x0124:
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_request_with_an_identity_is_not_kept(node: Node) -> None:
    contexts = [context(1, CTImageStorage, [ExplicitVRLittleEndian])]
    body = associate_request(contexts, user=user_information(identity(b"jane", b"s3cret")))
    assert answer(node, body) == answer(node, body)
    assert count(kept(node)) == 0


def test_long_requests_are_not_kept_and_of_short_ones_the_last(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(negotiated, "_REQUESTS_AT_MOST", 3)
    plain = context(1, CTImageStorage, [ExplicitVRLittleEndian])
    bodies = [associate_request([plain], calling=b"CT%d" % number) for number in range(5)]
    for body in bodies:
        answer(node, body)
    assert count(kept(node)) == 3
    assert kept(node).get(pdu(ASSOCIATE_RQ, bodies[0])) is None
    assert kept(node).get(pdu(ASSOCIATE_RQ, bodies[-1])) is not None
    every = [context(1 + 2 * number, CTImageStorage, TRANSFER * 3) for number in range(128)]
    long = associate_request(every)
    assert len(long) > 32 * 1024
    assert answer(node, long) == answer(node, long)
    assert kept(node).get(pdu(ASSOCIATE_RQ, long)) is None


def test_roles_hold_in_the_second_association_too(node: Node) -> None:
    """What is fetched by C-GET comes over contexts whose roles were negotiated."""
    instance = ct_instance()
    with RawPeer(node.port) as peer:
        peer.associate()
        assert peer.store(instance.SOPInstanceUID, write_data(instance)) == 0
        peer.release()
    ae = AE("VIEWER")
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    ae.add_requested_context(CTImageStorage, [ExplicitVRLittleEndian])
    for _ in range(2):
        association = ae.associate(
            "127.0.0.1", node.port, ext_neg=[build_role(CTImageStorage, scp_role=True)]
        )
        assert association.is_established
        (fetching,) = [
            one for one in association.accepted_contexts if one.abstract_syntax == CTImageStorage
        ]
        assert fetching.as_scp
        association.release()
    assert count(kept(node)) == 2


def test_a_release_is_answered_after_what_came_before_it(node: Node) -> None:
    instance = ct_instance()
    with RawPeer(node.port) as peer:
        peer.associate()
        stored = store_message(1, CTImageStorage, instance.SOPInstanceUID, write_data(instance))
        peer.send(stored + pdu(RELEASE_RQ, bytes(4)))
        assert peer.status() == 0
        assert peer.receive()[0] == RELEASE_RP
    assert node.instance(instance.SOPInstanceUID) is not None


def test_an_abort_after_a_release_ends_the_association(node: Node) -> None:
    with RawPeer(node.port) as peer:
        peer.associate()
        peer.send(pdu(RELEASE_RQ, bytes(4)) + pdu(ABORT, bytes(4)))
        assert peer.receive()[0] == RELEASE_RP
        assert not peer.ends()
    ended(node)


@pytest.mark.parametrize("after", [1, 2])
def test_a_peer_that_goes_before_it_is_answered_leaves_nothing(node: Node, after: int) -> None:
    body = associate_request([context(1, CTImageStorage, [ExplicitVRLittleEndian])])
    for _ in range(after):
        with RawPeer(node.port) as peer:
            peer.send(pdu(ASSOCIATE_RQ, body))
    ended(node)
    assert answer(node, body)


def test_a_second_request_within_an_association_aborts_it(node: Node) -> None:
    body = associate_request([context(1, CTImageStorage, [ExplicitVRLittleEndian])])
    answer(node, body)
    with RawPeer(node.port) as peer:
        peer.send(pdu(ASSOCIATE_RQ, body))
        assert peer.receive()[0] == ASSOCIATE_AC
        peer.send(pdu(ASSOCIATE_RQ, body))
        with pytest.raises(PeerGone) as gone:
            peer.receive()
    assert gone.value.aborted


def write_data(instance: Dataset) -> bytes:
    return data_set_bytes(encoded(instance))


def rejection_of(node: Node, calling: bytes) -> tuple[int, int, int] | None:
    with RawPeer(node.port) as peer:
        try:
            peer.associate(calling=calling)
        except Rejected as rejected:
            return rejected.why
    return None


def ended(node: Node) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while node.scp.association_count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
