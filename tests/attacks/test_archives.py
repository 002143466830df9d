"""ZIP archives whose members grow without bound, or break the program that reads them."""

import io
import time
import zipfile

import httpx
import pytest

from tests.attacks.support.measured import MIB, AttackedNode, Growth
from tests.storage.instances import part10

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

GROWTH_BYTES = 96 * MIB
LIMIT_S = 5.0


@pytest.fixture
def node(shared_attacked_node: AttackedNode) -> AttackedNode:
    return shared_attacked_node


def archive(method: int, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as file:
        file.writestr("IM0001", content)
    return packed.getvalue()


def send(node: AttackedNode, content: bytes) -> httpx.Response:
    return node.analyze(content, "study.zip", "application/zip")


def lying(method: int, megabytes: int) -> bytes:
    """A member that says it holds one megabyte and inflates to many."""
    packed = bytearray(archive(method, bytes(128) + b"DICM" + bytes(megabytes * MIB)))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = packed.index(signature) + offset
        packed[at : at + 4] = MIB.to_bytes(4, "little")
    return bytes(packed)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
@pytest.mark.slow
def test_a_member_that_no_bound_holds_for_is_refused(node: AttackedNode, method: int) -> None:
    bomb = lying(method, 512)
    assert len(bomb) < MIB
    growth, started = Growth(node.api_pid), time.monotonic()
    answer = send(node, bomb)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "archive_compression"
    assert "deflate" in answer.json()["remedy"]
    assert time.monotonic() - started < LIMIT_S
    assert growth.bytes < GROWTH_BYTES


def test_a_broken_lzma_member_is_the_senders_fault(node: AttackedNode) -> None:
    packed = bytearray(archive(zipfile.ZIP_LZMA, part10()))
    at = packed.index(b"IM0001") + 20
    packed[at : at + 40] = b"\xff" * 40
    assert send(node, bytes(packed)).status_code == 422


@pytest.mark.slow
def test_a_deflated_member_that_lies_about_its_size_stays_small(node: AttackedNode) -> None:
    bomb = lying(zipfile.ZIP_DEFLATED, 512)
    growth, started = Growth(node.api_pid), time.monotonic()
    answer = send(node, bomb)
    assert answer.status_code < 500, answer.text
    assert time.monotonic() - started < LIMIT_S
    assert growth.bytes < GROWTH_BYTES


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_usual_archives_are_taken(node: AttackedNode, method: int) -> None:
    answer = send(node, archive(method, part10()))
    assert answer.status_code in (200, 201, 202), answer.text
