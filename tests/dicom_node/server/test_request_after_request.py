"""A request that is there before the answer to the one before has left is served at once."""

import itertools

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_node.network.command_set import decode_command
from tests.dicom_node.conftest import Node
from tests.faults.raw_peer import (
    ECHO_COMMAND,
    RELEASE_RP,
    RELEASE_RQ,
    VERIFICATION,
    RawPeer,
    context,
    fragments,
    pdu,
)

_FIND = str(StudyRootQueryRetrieveInformationModelFind)
_ECHO_ANSWER, _FIND_ANSWER = 0x8030, 0x8020


def echo() -> bytes:
    return fragments(1, ECHO_COMMAND, is_command=True)


def find() -> bytes:
    command = Dataset()
    command.AffectedSOPClassUID = _FIND
    command.CommandField = 0x0020
    command.MessageID = 2
    command.Priority = 0
    command.CommandDataSetType = 1
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    keys.PatientID = "nobody has this one"
    keys.StudyInstanceUID = ""
    command_bytes, key_bytes = encode(command, True, True), encode(keys, True, True)
    assert command_bytes is not None
    assert key_bytes is not None
    return fragments(3, command_bytes, is_command=True) + fragments(3, key_bytes, is_command=False)


@pytest.mark.parametrize(
    "order", ["".join(one) for count in (2, 3) for one in itertools.product("ef", repeat=count)]
)
def test_all_are_answered_before_the_release(node: Node, order: str) -> None:
    with RawPeer(node.port) as peer:
        peer.associate(
            [context(1, VERIFICATION, [ImplicitVRLittleEndian]),
             context(3, _FIND, [ImplicitVRLittleEndian])]
        )  # fmt: skip
        # In one piece, so that the next is there whenever an answer leaves; and the release, too.
        requests = b"".join({"e": echo, "f": find}[one]() for one in order)
        peer.send(requests + pdu(RELEASE_RQ, bytes(4)))
        answers = sorted(decode_command(peer.command()).command_field for _ in order)
        assert answers == sorted({"e": _ECHO_ANSWER, "f": _FIND_ANSWER}[one] for one in order)
        assert peer.receive()[0] == RELEASE_RP
