"""Queries and bodies of extravagant size: told in a sentence, at once, and by 400."""

import struct
import threading
import time
import tracemalloc
from contextlib import suppress
from io import BytesIO

import httpx
import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_node.hl7.accession_numbers import number_of
from dicom_node.hl7.orders import attributes_of
from dicom_node.hl7.reading import MAX_SEPARATORS, Message, Refused, read_header
from dicom_node.scu import echo
from storage.index.matching.conditions import MAX_FUZZY_WORDS, MAX_KEY_LENGTH
from tests.attacks.support.measured import MIB, AttackedNode, Growth, processor_seconds

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

GROWTH_BYTES = 64 * MIB
LIMIT_S = 5.0


@pytest.fixture
def node(shared_attacked_node: AttackedNode) -> AttackedNode:
    return shared_attacked_node


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"PatientName": " ".join(["a"] * 500), "fuzzymatching": "true"}, "words"),
        ({"PatientName": "a" * 15_000}, "characters"),
        ({"PatientName": "a" * 15_000, "fuzzymatching": "true"}, "characters"),
        ({"PatientID": "*a" * 7_000}, "characters"),
        ({"ModalitiesInStudy": "\\".join(["CT"] * 5000)}, "values"),
        ({"StudyInstanceUID": "\\".join(["1"] * 12_000)}, "UIDs"),
        ({"InstanceNumber": "\\".join(["1"] * 7000)}, "values"),
    ],
    ids=range(7),
)
def test_a_key_that_no_database_takes_is_told(
    node: AttackedNode, query: dict[str, str], expected: str
) -> None:
    path = "/dicom-web/instances" if "InstanceNumber" in query else "/dicom-web/studies"
    started = time.monotonic()
    answer = httpx.get(f"{node.url}{path}", params=query)
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert expected in problem["detail"]
    assert "are allowed" in problem["detail"] or "takes" in problem["detail"]
    assert problem["remedy"]
    assert time.monotonic() - started < LIMIT_S


def test_keys_within_the_limits_are_asked(node: AttackedNode) -> None:
    for query in (
        {"PatientName": " ".join(["a"] * MAX_FUZZY_WORDS), "fuzzymatching": "true"},
        {"PatientName": "a" * MAX_KEY_LENGTH},
        {"PatientID": "*a" * (MAX_KEY_LENGTH // 2)},
    ):
        answer = httpx.get(f"{node.url}/dicom-web/studies", params=query)
        assert answer.status_code == 200, answer.text


def stow(node: AttackedNode, body: bytes, of_type: str = "application/dicom") -> httpx.Response:
    return httpx.post(
        f"{node.url}/dicom-web/studies",
        content=body,
        headers={"Content-Type": f'multipart/related; type="{of_type}"; boundary=x'},
    )


@pytest.mark.parametrize("content", [b"", b"a"], ids=["empty", "one byte"])
def test_countless_parts_without_an_instance_are_refused(
    node: AttackedNode, content: bytes
) -> None:
    growth, started = Growth(node.api_pid), time.monotonic()
    answer = stow(node, b"--x\r\n\r\n" + (content + b"\r\n--x\r\n\r\n") * 400_000)
    assert answer.status_code == 400, answer.text[:200]
    assert "parts that are no instance" in answer.json()["detail"]
    assert time.monotonic() - started < LIMIT_S
    assert growth.bytes < GROWTH_BYTES


@pytest.mark.parametrize(
    "inside",
    [b"<a>" * 1_000_000, b"<a/>" * 4_000_000],
    ids=["deep", "many"],
)
def test_xml_is_counted_while_it_is_read(node: AttackedNode, inside: bytes) -> None:
    document = b"<NativeDicomModel>" + inside + b"</NativeDicomModel>"
    head = b"--x\r\nContent-Type: application/dicom+xml\r\n\r\n"
    growth, used_s = Growth(node.api_pid), processor_seconds(node.api_pid)
    answer = stow(node, head + document + b"\r\n--x--\r\n", "application/dicom+xml")
    assert answer.status_code in (400, 409), answer.text
    assert processor_seconds(node.api_pid) - used_s < 2 * LIMIT_S
    assert growth.bytes < 3 * GROWTH_BYTES
    assert node.answers()


@pytest.mark.parametrize("separator", [b"^", b"|", b"&", b"~", b"\r"])
def test_an_hl7_message_of_separators_is_refused(separator: bytes) -> None:
    head = b"MSH|^~\\&|A|B|C|D|20240101||ORM^O01|1|P|2.5.1\rPID|||"
    raw = head + separator * (MAX_SEPARATORS + 1)
    started = time.monotonic()
    with pytest.raises(Refused, match="more than"):
        Message(read_header(raw), raw)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("separator", ["^", "|", "&", "~", "\r"])
def test_an_hl7_message_takes_memory_by_its_length_alone(separator: str) -> None:
    def taken_bytes(count: int) -> int:
        text = "MSH|^~\\&|A|B|C|D|20240101||ORM^O01|1|P|2.5.1\rPID|||" + separator.join("a" * count)
        raw = text.encode()
        tracemalloc.start()
        try:
            with suppress(Refused):
                message = Message(read_header(raw), raw)
                attributes_of(message, number_of(message))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    once, twice = taken_bytes(MAX_SEPARATORS // 4), taken_bytes(MAX_SEPARATORS // 2)
    assert twice < 2.5 * once + MIB


def element(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def status_of(port: int, identifier: bytes) -> int:
    """The last status of a C-FIND whose identifier are these bytes."""
    model = StudyRootQueryRetrieveInformationModelFind
    ae = AE("ATTACKER")
    ae.add_requested_context(model, ImplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", port)
    assert association.is_established
    request = C_FIND()
    request.MessageID, request.AffectedSOPClassUID, request.Priority = 1, model, 2
    request.Identifier = BytesIO(identifier)
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.01)
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    association.release()
    return int(response.Status)


def test_identifiers_of_millions_of_values_cost_no_memory(
    open_attacked_node: AttackedNode,
) -> None:
    """Six of 16 MB took 3.8 GiB of a receiving process, minutes after their senders had gone."""
    scp = open_attacked_node.scp
    level = element(0x00080052, b"STUDY ")
    hostile = level + element(0x00100010, b"A\\" * 8_000_000)
    uids = b"\\".join(b"1.2.840.%d" % number for number in range(5000))
    assert status_of(scp.port, level + element(0x0020000D, uids + b" " * (len(uids) % 2))) == 0
    growth, used_s = Growth(scp.pid), processor_seconds(scp.pid)
    statuses: list[int] = []
    peers = [
        threading.Thread(target=lambda: statuses.append(status_of(scp.port, hostile)))
        for _ in range(6)
    ]
    for one in peers:
        one.start()
    assert echo(scp.peer, "OTHER").ok
    for one in peers:
        one.join()
    assert statuses == [0xA700] * 6
    assert processor_seconds(scp.pid) - used_s < LIMIT_S
    assert growth.bytes < 6 * 64 * MIB
