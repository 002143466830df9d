"""An instance that cannot be decoded: refused at the door, and no harm to its study within."""

import struct
import time
from io import BytesIO
from zipfile import ZipFile

import httpx
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_node.network.command_set import Command
from storage.container import open_storage
from storage.dicom import part10 as door
from storage.dicom.element_limits import MAX_DEPTH
from storage.dicom.file_meta import make_file_meta
from tests.attacks.support.measured import MIB, AttackedNode, Growth
from tests.faults.pushing import Batch, Sent
from tests.faults.raw_peer import RawPeer, context, fragments
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

CT = "1.2.840.10008.5.1.4.1.1.2"
PIXEL_DATA = b"\xe0\x7f\x10\x00"
# For pydicom in every version of Python; those from 3.12 on get by with fewer frames.
TOO_DEEP = 2000
CONTENT_SEQUENCE = struct.pack("<HH", 0x0040, 0xA730)


@pytest.fixture
def node(open_attacked_node: AttackedNode) -> AttackedNode:
    return open_attacked_node


def nested(
    depth: int,
    *,
    explicit: bool = True,
    vr: bytes = b"SQ",
    tag: bytes = CONTENT_SEQUENCE,
    defined_items: bool = True,
    defined_sequences: bool = True,
    leaf: bytes = b"",
) -> bytes:
    """Sequences within each other, each of one item; lengths defined, undefined or in turns."""
    content = leaf
    for _ in range(depth):
        if defined_items:
            content = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content
        else:
            content = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + content + b"\xfe\xff\x0d\xe0" + bytes(4)
        length = len(content)
        if not defined_sequences:
            length, content = 0xFFFFFFFF, content + b"\xfe\xff\xdd\xe0" + bytes(4)
        head = tag + (vr + b"\0\0" if explicit else b"")
        content = head + struct.pack("<L", length) + content
    return content


def with_element(one: Sent, element: bytes) -> bytes:
    at = one.data_set.index(PIXEL_DATA)
    return one.data_set[:at] + element + one.data_set[at:]


def implicit(one: Sent, element: bytes) -> bytes:
    """The same data set in Implicit VR, by pydicom, with the element before its pixels."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filereader import read_dataset
    from pydicom.filewriter import write_dataset

    dataset = read_dataset(BytesIO(one.data_set), False, True)
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = True, True
    write_dataset(out, dataset)
    plain = out.getvalue()
    at = plain.index(PIXEL_DATA)
    return plain[:at] + element + plain[at:]


def send(
    node: AttackedNode, uid: str, data_set: bytes, syntax: str = ExplicitVRLittleEndian
) -> int:
    with RawPeer(node.scp.port, limit_s=30) as peer:
        peer.associate([context(1, CT, [syntax])])
        return peer.store(uid, data_set)


KINDS = [
    pytest.param({}, id="defined"),
    pytest.param({"defined_items": False}, id="items undefined"),
    pytest.param({"defined_sequences": False}, id="sequences undefined"),
    pytest.param({"vr": b"UN"}, id="UN"),
    pytest.param({"tag": b"\x09\x00\x01\x10"}, id="private"),
]


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 400, 5000])
@pytest.mark.parametrize("kind", KINDS)
def test_depth_counts_for_every_kind_of_sequence(
    node: AttackedNode, kind: dict[str, object], depth: int
) -> None:
    one = Batch(9000 + depth, side=8).make()
    element = nested(depth, **kind)  # type: ignore[arg-type]
    assert send(node, one.sop_instance_uid, with_element(one, element)) == 0xA700
    if kind != {"vr": b"UN"}:
        element = nested(depth, explicit=False, **kind)  # type: ignore[arg-type]
        data_set = implicit(one, element)
        assert send(node, one.sop_instance_uid, data_set, ImplicitVRLittleEndian) == 0xA700


def undefined_length(group: int, number: int, content: bytes) -> bytes:
    """A sequence of one item, or of several that `content` has already."""
    if not content.startswith(b"\xfe\xff\x00\xe0"):
        content = item_of_undefined_length(content)
    head = struct.pack("<HH2sxx", group, number, b"SQ") + b"\xff" * 4
    return head + content + b"\xfe\xff\xdd\xe0" + bytes(4)


def item_of_undefined_length(content: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + b"\xff" * 4 + content + b"\xfe\xff\x0d\xe0" + bytes(4)


@pytest.mark.slow
def test_an_enhanced_mr_of_12000_frames_is_stored_and_answered(node: AttackedNode) -> None:
    """Functional groups (PS3.3 C.7.6.16) of dozens of elements for each frame."""
    values = b"".join(
        struct.pack("<HH2sHd", 0x0018, 0x9000 + number, b"FD", 8, 1.5) for number in range(4)
    )
    groups = b"".join(undefined_length(0x0018, 0x9100 + number, values) for number in range(6))
    one = Batch(9050, side=8).make()
    per_frame = undefined_length(0x5200, 0x9230, item_of_undefined_length(groups) * 12_000)
    assert send(node, one.sop_instance_uid, with_element(one, per_frame)) == 0x0000
    answer = httpx.get(
        f"{node.url}/dicom-web/studies/{study_of(node, one.sop_instance_uid)}/metadata",
        timeout=PATIENCE_S,
    )
    assert "warning" not in answer.headers
    (metadata,) = answer.json()
    frames = metadata["52009230"]["Value"]
    assert len(frames) == 12_000
    assert frames[-1]["00189105"]["Value"][0]["00189003"]["Value"] == [1.5]


def test_depth_within_the_limit_is_answered_everywhere(node: AttackedNode) -> None:
    batch = Batch(9100, side=8)
    for explicit in (True, False):
        one = batch.make()
        element = nested(MAX_DEPTH, explicit=explicit)
        data_set = with_element(one, element) if explicit else implicit(one, element)
        syntax = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
        assert send(node, one.sop_instance_uid, data_set, syntax) == 0x0000
    study = study_of(node, one.sop_instance_uid)
    answers = study_answers(node, study)
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        answers, 200
    )
    assert "warning" not in answers["metadata"].headers
    assert len(answers["metadata"].json()) == 2


def test_a_broken_value_deep_within_costs_nothing(node: AttackedNode) -> None:
    """An error message that doubles at each level would fill the memory at the fortieth."""
    broken = b"\x28\x00\x10\x00US\x03\x00abc"
    batch = Batch(9150, side=8)
    one, other = batch.make(), batch.make()
    element = nested(MAX_DEPTH - 1, leaf=broken)
    assert send(node, other.sop_instance_uid, other.data_set) == 0x0000
    assert send(node, one.sop_instance_uid, with_element(one, element)) == 0x0000
    study = study_of(node, one.sop_instance_uid)
    api, scp, started = Growth(node.api_pid), Growth(node.scp.pid), time.monotonic()
    answers = study_answers(node, study)
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        answers, 200
    )
    # As an identifier, before anybody knows who asks.
    find = StudyRootQueryRetrieveInformationModelFind
    with RawPeer(node.scp.port, limit_s=30) as peer:
        peer.associate([context(1, find, [ExplicitVRLittleEndian])])
        command = b"".join(
            struct.pack("<HHL", 0, tag, len(value)) + value
            for tag, value in (
                (0x0002, find.encode() + b"\0" * (len(find) % 2)),
                (0x0100, struct.pack("<H", Command.C_FIND_RQ)),
                (0x0110, struct.pack("<H", 1)),
                (0x0800, struct.pack("<H", 1)),
            )
        )
        level = b"\x08\x00\x52\x00CS\x06\x00STUDY " + b"\x20\x00\x0d\x00UI\0\0" + element
        peer.send(fragments(1, command, is_command=True) + fragments(1, level, is_command=False))
        peer.receive()
    assert time.monotonic() - started < 20
    assert max(api.bytes, scp.bytes) < 64 * MIB


def study_of(node: AttackedNode, sop_instance_uid: str) -> str:
    (found,) = httpx.get(
        f"{node.url}/dicom-web/instances", params={"SOPInstanceUID": sop_instance_uid}
    ).json()
    uid: str = found["0020000D"]["Value"][0]
    return uid


def study_answers(node: AttackedNode, study: str) -> dict[str, httpx.Response]:
    root = f"{node.url}/dicom-web/studies/{study}"
    identifier = f"urn:dicom:uid|urn:oid:{study}"
    xml = 'multipart/related; type="application/dicom+xml"'
    implicit_vr = (
        f'multipart/related; type="application/dicom"; transfer-syntax={ImplicitVRLittleEndian}'
    )
    return {
        "metadata": httpx.get(f"{root}/metadata"),
        "metadata again": httpx.get(f"{root}/metadata"),
        "metadata as XML": httpx.get(f"{root}/metadata", headers={"Accept": xml}),
        "instances": httpx.get(root),
        "transcoded": httpx.get(root, headers={"Accept": implicit_vr}),
        "archive": httpx.get(root, headers={"Accept": "application/zip"}),
        "series": httpx.get(f"{root}/series", params={"includefield": "all"}),
        "search": httpx.get(f"{root}/instances", params={"includefield": "all"}),
        "by header": httpx.get(f"{root}/instances", params={"ImageComments": "none", "limit": "9"}),
        "rendered": httpx.get(f"{root}/rendered"),
        "thumbnail": httpx.get(f"{root}/thumbnail"),
        "FHIR": httpx.get(f"{node.url}/fhir/ImagingStudy", params={"identifier": identifier}),
        "list": httpx.get(f"{node.url}/api/studies"),
        "study": httpx.get(f"{node.url}/api/studies/{study}"),
    }


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_poison_instance_takes_no_other_with_it(
    node: AttackedNode, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """One that was stored before the door knew it, or that the door does not know yet."""
    batch = Batch(9200 + number, side=8)
    good = [batch.make() for _ in range(4)]
    # The poison is the first, or lies in the middle, where the study's picture is taken from.
    good.insert(number % len(good), batch.make())
    poison = good[number % len(good)]
    for one in good:
        if one is not poison:
            assert send(node, one.sop_instance_uid, one.data_set) == 0x0000
    with monkeypatch.context() as patch, open_storage(node.scp.settings) as storage:
        # The door as it was: whatever has the UIDs comes in.
        header = door.read_header(part10(poison, poison.data_set))
        patch.setattr("storage.ingest.service.read_header", lambda _: header)
        storage.ingest.accept(part10(poison, with_element(poison, nested(TOO_DEEP))), "test")
    study = study_of(node, poison.sop_instance_uid)

    answers = study_answers(node, study)
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        answers, 200
    )
    for name in ("metadata", "metadata again", "metadata as XML"):
        assert "left out" in answers[name].headers["Warning"]
    found = {one["00080018"]["Value"][0] for one in answers["metadata"].json()}
    assert found == {one.sop_instance_uid for one in good if one is not poison}
    assert len(ZipFile(BytesIO(answers["archive"].content)).namelist()) >= len(good)
    assert len(answers["search"].json()) == len(good)

    by_itself = httpx.get(
        f"{node.url}/dicom-web/studies/{study}/series/{series_of(answers, poison)}"
        f"/instances/{poison.sop_instance_uid}/metadata"
    )
    assert by_itself.status_code in (409, 422)
    assert "cannot be decoded" in by_itself.text
    with open_storage(node.scp.settings) as storage:
        noted = {one.sop_instance_uid for one in storage.unreadable.newest()}
        assert poison.sop_instance_uid in noted


def series_of(answers: dict[str, httpx.Response], poison: Sent) -> str:
    (found,) = (
        one
        for one in answers["search"].json()
        if one["00080018"]["Value"] == [poison.sop_instance_uid]
    )
    uid: str = found["0020000E"]["Value"][0]
    return uid


def part10(one: Sent, data_set: bytes) -> bytes:
    return make_file_meta(CT, one.sop_instance_uid, ExplicitVRLittleEndian) + data_set


@pytest.mark.slow
def test_administrators_are_shown_what_was_left_out(node: AttackedNode) -> None:
    import subprocess

    from tests.faults.scp_process import PROGRAM

    answer = subprocess.run(
        [PROGRAM, "doctor"],
        cwd=node.scp.folder,
        env={**node.scp.environment, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    with open_storage(node.scp.settings) as storage:
        count = storage.unreadable.count()
    if count:
        assert f"{count} cannot be decoded" in answer.stdout
    else:
        assert "none was found that cannot be decoded" in answer.stdout
