"""Many associations whose long messages never end."""

import pytest
from pydicom.uid import CTImageStorage, ImplicitVRLittleEndian
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_node.network.command_set import Command, encode_store_request
from tests.attacks.support.measured import MIB, AttackedNode, Growth
from tests.attacks.test_inflate import request
from tests.faults.raw_peer import RawPeer, context, fragments

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(300)]

FIND = StudyRootQueryRetrieveInformationModelFind
ASSOCIATIONS = 56
# Before, 60 of them took 1,008 MiB with queries and 520 MiB with instances of 8 MiB.
GROWTH_BYTES = 320 * MIB


@pytest.mark.parametrize(
    ("sop_class_uid", "command", "size_bytes"),
    [
        pytest.param(FIND, request(FIND, Command.C_FIND_RQ), 16 * MIB - 70_000, id="queries"),
        pytest.param(
            CTImageStorage,
            encode_store_request(
                message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid="1.2.3"
            ),
            8 * MIB - 70_000,
            id="instances",
        ),
        pytest.param(
            CTImageStorage,
            encode_store_request(
                message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid="1.2.3"
            ),
            18 * MIB,
            id="large instances",
        ),
    ],
)
def test_messages_that_never_end_share_their_memory(
    open_attacked_node: AttackedNode, sop_class_uid: str, command: bytes, size_bytes: int
) -> None:
    growth, peers = Growth(open_attacked_node.scp.pid), []
    without_end = fragments(1, bytes(size_bytes), is_command=False)[:-65_000]
    try:
        for number in range(ASSOCIATIONS):
            peer = RawPeer(open_attacked_node.scp.port, source=f"127.0.0.{number + 2}", limit_s=60)
            peers.append(peer)
            peer.associate(
                [context(1, sop_class_uid, [ImplicitVRLittleEndian])],
                calling=b"HOSTILE%d" % number,
            )
            peer.send(fragments(1, command, is_command=True))
            peer.send(without_end)
        assert open_attacked_node.scp.answers()
        assert growth.bytes < GROWTH_BYTES
    finally:
        for peer in peers:
            peer.socket.close()
