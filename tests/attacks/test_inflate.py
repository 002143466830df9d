"""Deflated data sets that grow a thousandfold, on every way that inflates one."""

import struct
import time

import httpx
import pytest
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_node.network.command_set import Command
from storage.dicom.file_meta import make_file_meta
from tests.attacks.support.measured import (
    MIB,
    AttackedNode,
    Growth,
    processor_seconds,
)
from tests.deflating import deflated
from tests.faults.pushing import Batch
from tests.faults.raw_peer import RawPeer, context, fragments, store_message
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

# What 0.5 MB of a bomb came to before: 1.1 GB. An identifier may come to 16 MiB, and an
# instance to 64 MiB and more; pydicom and the walk hold each once or twice.
MESSAGE_GROWTH_BYTES = 96 * MIB
INSTANCE_GROWTH_BYTES = 256 * MIB
LIMIT_S = 10.0

FIND = StudyRootQueryRetrieveInformationModelFind
REQUESTS = [
    pytest.param(FIND, Command.C_FIND_RQ, id="C-FIND"),
    pytest.param(ModalityWorklistInformationFind, Command.C_FIND_RQ, id="worklist"),
    pytest.param(StudyRootQueryRetrieveInformationModelMove, Command.C_MOVE_RQ, id="C-MOVE"),
    pytest.param(StudyRootQueryRetrieveInformationModelGet, Command.C_GET_RQ, id="C-GET"),
    pytest.param(ModalityPerformedProcedureStep, Command.N_CREATE_RQ, id="N-CREATE"),
    pytest.param(ModalityPerformedProcedureStep, Command.N_SET_RQ, id="N-SET"),
    pytest.param(StorageCommitmentPushModel, Command.N_ACTION_RQ, id="N-ACTION"),
]


@pytest.fixture
def node(open_attacked_node: AttackedNode) -> AttackedNode:
    return open_attacked_node


def request(sop_class_uid: str, command: int) -> bytes:
    """A command set with a data set to follow (PS3.7 annex E)."""
    uid = sop_class_uid.encode() + b"\0" * (len(sop_class_uid) % 2)
    affected = 0x0003 if command in (Command.N_SET_RQ, Command.N_ACTION_RQ) else 0x0002
    elements = [
        (affected, uid),
        (0x0100, struct.pack("<H", command)),
        (0x0110, struct.pack("<H", 1)),
        (0x0600, b"NOBODY"),
        (0x0700, struct.pack("<H", 0)),
        (0x0800, struct.pack("<H", 1)),
        (0x1000, b"1.2.3\0"),
        (0x1001, b"1.2.3\0"),
        (0x1008, struct.pack("<H", 1)),
    ]
    return b"".join(struct.pack("<HHL", 0, tag, len(value)) + value for tag, value in elements)


def ask(node: AttackedNode, sop_class_uid: str, command: int, data_set: bytes) -> int:
    with RawPeer(node.scp.port, limit_s=60) as peer:
        contexts = [context(1, sop_class_uid, [DeflatedExplicitVRLittleEndian])]
        assert peer.associate(contexts) == {1: 0}
        peer.send(fragments(1, request(sop_class_uid, command), is_command=True))
        peer.send(fragments(1, data_set, is_command=False))
        return peer.status()


@pytest.mark.parametrize(("sop_class_uid", "command"), REQUESTS)
@pytest.mark.slow
def test_a_bomb_in_a_message_is_refused(
    node: AttackedNode, sop_class_uid: str, command: int
) -> None:
    # One comment of half a gigabyte: 0.5 MB on the wire.
    head = b"\x10\x00\x00\x40UT\0\0" + struct.pack("<L", 512 * MIB)
    bomb = deflated(head, zeros=512 * MIB)
    assert len(bomb) < MIB
    growth, started = Growth(node.scp.pid), time.monotonic()
    status = ask(node, sop_class_uid, command, bomb)
    assert status not in (0x0000, 0xFF00, 0xFF01)
    assert time.monotonic() - started < LIMIT_S
    assert growth.bytes < MESSAGE_GROWTH_BYTES
    assert node.scp.answers()


@pytest.mark.slow
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "in short sequences"])
def test_a_message_of_countless_elements_is_refused(node: AttackedNode, *, nested: bool) -> None:
    """pydicom takes a kilobyte for an element of eight bytes, so bytes alone are no limit."""
    elements = b"".join(
        struct.pack("<HH2sH", 0x0009 + 2 * (number >> 16), number & 0xFFFF, b"LO", 0)
        for number in range(1_800_000 if not nested else 60)
    )
    if nested:
        item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(elements)) + elements
        elements = b"".join(
            struct.pack("<HH2sxxL", 0x0009, number, b"SQ", len(item)) + item
            for number in range(30_000)
        )
    short = deflated(elements, zeros=0)
    growth, started = Growth(node.scp.pid), time.monotonic()
    assert ask(node, FIND, Command.C_FIND_RQ, short) not in (0x0000, 0xFF00, 0xFF01)
    assert time.monotonic() - started < LIMIT_S
    assert growth.bytes < MESSAGE_GROWTH_BYTES
    assert node.scp.answers()


EMPTY = struct.pack("<HH2sH", 0x0009, 0x0010, b"LO", 0)
IRREGULAR = struct.pack("<HH2sH", 0x0009, 0x0010, b"\0\0", 0)
ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
SEQUENCE = struct.pack("<HH2sxxL", 0x0009, 0x0010, b"SQ", 0xFFFFFFFF)
COUNTLESS = [
    pytest.param(b"", bytes(8), id="zeros"),
    pytest.param(IRREGULAR, EMPTY, id="irregular"),
    pytest.param(IRREGULAR + SEQUENCE, ITEM, id="irregular items"),
    pytest.param(SEQUENCE, ITEM, id="items"),
    pytest.param(SEQUENCE + ITEM[:4] + b"\xff" * 4, EMPTY, id="in an item"),
    pytest.param(struct.pack("<HH2sxxL", 0x7FE0, 0x10, b"OB", 0xFFFFFFFF), ITEM, id="fragments"),
]


@pytest.mark.parametrize(("before", "repeated"), COUNTLESS)
def test_an_instance_of_countless_elements_is_refused(
    node: AttackedNode, before: bytes, repeated: bytes
) -> None:
    """Some 65 KB on the wire, for which a reader took up to two minutes and gigabytes."""
    one = Batch(773, side=8).make()
    at = one.data_set.index(b"\xe0\x7f\x10\x00")
    bomb = deflated(one.data_set[:at], before, repeated * 7_000_000, zeros=0)
    assert len(bomb) < 200_000
    growth, used_s = Growth(node.scp.pid), processor_seconds(node.scp.pid)
    with RawPeer(node.scp.port, limit_s=60) as peer:
        peer.associate([context(1, CTImageStorage, [DeflatedExplicitVRLittleEndian])])
        assert peer.store(one.sop_instance_uid, bomb) in (0xC000, 0xA700)
    assert processor_seconds(node.scp.pid) - used_s < 3.0
    assert growth.bytes < INSTANCE_GROWTH_BYTES


def instance_bomb() -> tuple[str, bytes]:
    one = Batch(771, side=8).make()
    head = b"\x09\x00\x10\x10OB\0\0" + struct.pack("<L", 2000 * MIB)
    return one.sop_instance_uid, deflated(one.data_set[:-200], head, zeros=2000 * MIB)


def test_a_bomb_in_c_store_is_refused(node: AttackedNode) -> None:
    uid, bomb = instance_bomb()
    growth, started = Growth(node.scp.pid), time.monotonic()
    with RawPeer(node.scp.port, limit_s=60) as peer:
        peer.associate([context(1, CTImageStorage, [DeflatedExplicitVRLittleEndian])])
        assert peer.store(uid, bomb) in (0xC000, 0xA700)
    assert time.monotonic() - started < LIMIT_S
    assert growth.bytes < INSTANCE_GROWTH_BYTES


@pytest.mark.slow
def test_many_bombs_at_once_do_not_add_up(node: AttackedNode) -> None:
    uid, bomb = instance_bomb()
    peers = [RawPeer(node.scp.port, limit_s=PATIENCE_S) for _ in range(8)]
    growth = Growth(node.scp.pid)
    try:
        for peer in peers:
            peer.associate([context(1, CTImageStorage, [DeflatedExplicitVRLittleEndian])])
        for peer in peers:
            peer.send(store_message(1, CTImageStorage, uid, bomb))
        assert {peer.status() for peer in peers} <= {0xC000, 0xA700}
    finally:
        for peer in peers:
            peer.socket.close()
    # Each brings two megabytes of its own; inflated is one of them at a time.
    assert growth.bytes < INSTANCE_GROWTH_BYTES + 8 * 8 * MIB


@pytest.mark.slow
@pytest.mark.slow
def test_a_bomb_by_stow_is_refused(node: AttackedNode) -> None:
    uid, bomb = instance_bomb()
    part10 = make_file_meta(CTImageStorage, uid, DeflatedExplicitVRLittleEndian) + bomb
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + part10 + b"\r\n--x--\r\n"
    growth, started = Growth(node.api_pid), time.monotonic()
    answer = httpx.post(
        f"{node.url}/dicom-web/studies",
        content=body,
        headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'},
    )
    assert answer.status_code in (400, 409, 413)
    assert time.monotonic() - started < LIMIT_S
    assert growth.bytes < INSTANCE_GROWTH_BYTES
    assert node.answers()


@pytest.mark.slow
@pytest.mark.slow
def test_a_bomb_by_upload_is_refused(node: AttackedNode) -> None:
    uid, bomb = instance_bomb()
    part10 = make_file_meta(CTImageStorage, uid, DeflatedExplicitVRLittleEndian) + bomb
    growth, started = Growth(node.api_pid), time.monotonic()
    answer = node.analyze(part10, "slice.dcm", "application/dicom")
    assert answer.status_code in (413, 422), answer.text
    assert time.monotonic() - started < LIMIT_S
    assert growth.bytes < INSTANCE_GROWTH_BYTES
    found = httpx.get(f"{node.url}/dicom-web/instances", params={"SOPInstanceUID": str(uid)})
    assert not found.content.strip(b"[] \n")


def test_a_stored_deflated_instance_is_still_read(node: AttackedNode) -> None:
    """The bound leaves honest data alone: blank pixels deflate a thousandfold, too."""
    one = Batch(772, side=2048).make()
    at = one.data_set.index(b"\xe0\x7f\x10\x00")
    blank = one.data_set[: at + 12] + bytes(len(one.data_set) - at - 12)
    short = deflated(blank, zeros=0)
    assert len(blank) > 100 * len(short)
    with RawPeer(node.scp.port, limit_s=60) as peer:
        peer.associate([context(1, CTImageStorage, [DeflatedExplicitVRLittleEndian])])
        assert peer.store(one.sop_instance_uid, short) == 0x0000
    (found,) = httpx.get(
        f"{node.url}/dicom-web/instances", params={"SOPInstanceUID": one.sop_instance_uid}
    ).json()
    study, series = (found[tag]["Value"][0] for tag in ("0020000D", "0020000E"))
    path = f"/dicom-web/studies/{study}/series/{series}/instances/{one.sop_instance_uid}"
    (metadata,) = httpx.get(f"{node.url}{path}/metadata").json()
    assert metadata["00280010"]["Value"] == [2048]
    frame = httpx.get(
        f"{node.url}{path}/frames/1",
        headers={"Accept": "application/octet-stream"},
    )
    assert frame.status_code == 200
    assert bytes(2048 * 2048) in frame.content
