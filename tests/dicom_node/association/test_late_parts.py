"""An association that began without pynetdicom's objects answers as one that has had them from
its first byte: whatever the peer does, in whatever order, by the same bytes.
"""

import contextlib
import struct
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_node.association.pynetdicom_adapter import SynchronousAssociation
from dicom_node.network.command_set import Command
from tests.dicom_node.builders import ct_instance, data_set_bytes, dcmtk, encoded, write
from tests.dicom_node.conftest import Node
from tests.faults.raw_peer import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RQ,
    DATA,
    ECHO_COMMAND,
    RELEASE_RP,
    RELEASE_RQ,
    VERIFICATION,
    RawPeer,
    associate_request,
    context,
    fragments,
    item,
    pdu,
    store_message,
    user_information,
)

FIND = str(StudyRootQueryRetrieveInformationModelFind)
INSTANCE = ct_instance(size=8)
INSTANCE_DATA = data_set_bytes(encoded(INSTANCE))
CONTEXTS = [
    context(1, CTImageStorage, [ExplicitVRLittleEndian, ImplicitVRLittleEndian]),
    context(3, VERIFICATION, [ImplicitVRLittleEndian]),
    context(5, FIND, [ExplicitVRLittleEndian]),
    context(7, "1.2.3.4", [ExplicitVRLittleEndian]),
]
ROLES = item(0x54, struct.pack(">H", len(CTImageStorage)) + CTImageStorage.encode() + b"\1\1")
RELATIONAL = item(0x56, struct.pack(">H", len(FIND)) + FIND.encode() + b"\1\1\1")
ITEMS = {"plain": (), "roles and options": (ROLES, RELATIONAL)}
# StudyInstanceUID, asked for at the level of studies (PS3.4 C.4.1.1).
IDENTIFIER = (
    struct.pack("<HH2sH6s", 8, 0x52, b"CS", 6, b"STUDY ")
    + struct.pack("<HH2sH", 0x20, 0xD, b"UI", 64)
    + str(INSTANCE.StudyInstanceUID).encode().ljust(64, b"\0")
)


def command(field: int, sop_class_uid: str, *, has_data: bool) -> bytes:
    uid = sop_class_uid.encode() + b"\0" * (len(sop_class_uid) % 2)
    elements = struct.pack("<HHL", 0, 2, len(uid)) + uid
    for element, value in (
        (0x100, field),
        (0x110, 1),
        (0x700, 0),
        (0x800, 1 if has_data else 0x101),
    ):
        elements += struct.pack("<HHLH", 0, element, 2, value)
    return struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements


def find(context_id: int) -> bytes:
    asked = command(Command.C_FIND_RQ, FIND, has_data=True)
    return fragments(context_id, asked, is_command=True) + fragments(
        context_id, IDENTIFIER, is_command=False
    )


def cancel(context_id: int) -> bytes:
    return fragments(
        context_id,
        struct.pack("<HHLL", 0, 0, 4, 30)
        + struct.pack("<HHLHHHLHHHLH", 0, 0x100, 2, 0xFFF, 0, 0x120, 2, 1, 0, 0x800, 2, 0x101),
        is_command=True,
    )


STEPS = {
    "store": store_message(1, CTImageStorage, INSTANCE.SOPInstanceUID, INSTANCE_DATA),
    "store over another class": store_message(
        3, CTImageStorage, INSTANCE.SOPInstanceUID, INSTANCE_DATA
    ),
    "store over no context": store_message(
        9, CTImageStorage, INSTANCE.SOPInstanceUID, INSTANCE_DATA
    ),
    "store nonsense": store_message(1, CTImageStorage, "1.2.3", b"nonsense"),
    "echo": fragments(3, ECHO_COMMAND, is_command=True),
    "echo over a rejected context": fragments(7, ECHO_COMMAND, is_command=True),
    "echo over no context": fragments(9, ECHO_COMMAND, is_command=True),
    "find": find(5),
    "find over another class": find(1),
    "cancel": cancel(5),
    "event nobody waits for": fragments(
        1, command(Command.N_EVENT_REPORT_RQ, VERIFICATION, has_data=False), is_command=True
    ),
    "delete": fragments(3, command(0x0150, VERIFICATION, has_data=False), is_command=True),
    "data without a command": fragments(1, b"\0" * 8, is_command=False),
    "a command that is none": fragments(1, b"nonsense", is_command=True),
    "an odd value": pdu(DATA, struct.pack(">LBB", 1, 1, 3)),
    "a type that does not exist": pdu(99, bytes(4)),
    "a second request": pdu(ASSOCIATE_RQ, associate_request(CONTEXTS)),
    "an acceptance": pdu(ASSOCIATE_AC, associate_request(CONTEXTS)),
    "a release's answer": pdu(RELEASE_RP, bytes(4)),
    "a short release": pdu(RELEASE_RQ, b""),
    "release": pdu(RELEASE_RQ, bytes(4)),
    "abort": pdu(ABORT, bytes(4)),
}


@pytest.fixture
def parts_made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A thread's name for each time that pynetdicom's objects were made."""
    made: list[str] = []
    make = SynchronousAssociation.make_parts

    def noted(association: SynchronousAssociation) -> None:
        made.append(threading.current_thread().name)
        make(association)

    monkeypatch.setattr(SynchronousAssociation, "make_parts", noted)
    return made


def conversation(node: Node, request: bytes, steps: Sequence[str]) -> bytes:
    """All that the node sends."""
    answered = b""
    # Where it leaves something unread its end is a reset, or none: that depends on the moment.
    with RawPeer(node.port) as peer, contextlib.suppress(OSError):
        # In one go, and with an end that is asked for: what a peer is still answered that is gone
        # depends on the moment, too.
        peer.send(request + b"".join(STEPS[step] for step in [*steps, "release"]))
        while piece := peer.socket.recv(64 * 1024):
            answered += piece
    return answered


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=strategies.lists(strategies.sampled_from(list(STEPS)), max_size=5),
    items=strategies.sampled_from(list(ITEMS)),
)
def test_a_conversation_is_the_same_with_and_without(
    node: Node, parts_made: list[str], steps: Sequence[str], items: str
) -> None:
    request = pdu(ASSOCIATE_RQ, associate_request(CONTEXTS, user=user_information(*ITEMS[items])))
    # Stored once before: the same instance is answered alike from then on.
    conversation(node, request, ["store"])
    node.scp._negotiated_requests._by_request.clear()
    before = len(parts_made)
    first = conversation(node, request, steps)
    assert len(parts_made) == before + 1
    assert conversation(node, request, steps) == first


def test_storing_needs_none_of_pynetdicoms_objects(
    node: Node, parts_made: list[str], tmp_path: Path
) -> None:
    for number in range(3):
        file = write(ct_instance(), tmp_path / f"{number}.dcm")
        sent = dcmtk("storescu", "-aet", "CT1", "127.0.0.1", str(node.port), file)
        assert sent.returncode == 0, sent.stderr
    assert len(parts_made) == 1
