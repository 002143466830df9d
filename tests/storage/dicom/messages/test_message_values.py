"""Values of a message are counted before pydicom makes objects of them."""

import struct
import time
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.network.data_sets import decode_data_set, encode_data_set
from dicom_node.query.identifiers import read_identifier
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.dicom.dataset_reader import read_part10
from storage.dicom.messages.values import MAX_MESSAGE_VALUES
from storage.dicom.value_errors import UNREADABLE
from tests.dicom_node.builders import identifier
from tests.storage.instances import part10

MIB = 1 << 20


def element(tag: int, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def sequence(tag: int, content: bytes) -> bytes:
    return element(tag, struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content)


CHARACTER_SETS, NAME, DEEP = 0x00080005, 0x00100010, 0x00400275
HOSTILE = {
    "names": element(NAME, b"A\\" * 8 * MIB),
    "groups of a name": element(NAME, b"A=" * 8 * MIB),
    "components": element(NAME, b"A^" * 8 * MIB),
    "escapes": element(CHARACTER_SETS, b"\\ISO 2022 IR 87") + element(NAME, b"A\x1b" * 8 * MIB),
    "decimals": element(0x00101030, b"1\\" * 8 * MIB),
    "numbers": element(0x00280010, b"\x10\x00" * 8 * MIB),
    "tags": element(0x00280009, b"\x10\x00\x10\x00" * 4 * MIB),
    "UIDs": element(0x0020000D, b"1.2\\" * 4 * MIB),
    "many elements": b"".join(element(NAME + one, b"A\\" * 10_000) for one in range(500)),
    "deep": sequence(DEEP, sequence(DEEP, element(NAME, b"A\\" * 8 * MIB))),
    "character sets": element(CHARACTER_SETS, b"A\\" * 8 * MIB),
    "deep character sets": sequence(DEEP, element(CHARACTER_SETS, b"A\\" * 8 * MIB)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_message_of_millions_of_values_costs_no_decoding(name: str) -> None:
    """One of 16 MiB took a receiving process a minute and a half, and gigabytes."""
    for read in (decode_data_set, read_identifier):
        began_s = time.thread_time()
        with pytest.raises(LimitExceeded, match=r"values beyond|Character Set has 16777216 bytes"):
            read(HOSTILE[name], ImplicitVRLittleEndian)
        assert time.thread_time() - began_s < 1


def test_a_list_of_thousands_of_uids_is_read() -> None:
    uids = [f"1.2.840.10008.{number}" for number in range(MAX_MESSAGE_VALUES - 10)]
    query = identifier({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": uids})
    encoded = encode_data_set(query, ImplicitVRLittleEndian)
    assert read_identifier(encoded, ImplicitVRLittleEndian).keys["StudyInstanceUID"] == "\\".join(
        uids
    )
    assert list(decode_data_set(encoded, ImplicitVRLittleEndian).StudyInstanceUID) == uids


def test_one_text_may_have_any_number_of_backslashes() -> None:
    text = "C:\\" * MAX_MESSAGE_VALUES
    encoded = element(0x00104000, text.encode())
    assert decode_data_set(encoded, ImplicitVRLittleEndian).PatientComments == text.rstrip()


def test_a_deflated_message_is_counted_when_it_is_inflated() -> None:
    query = identifier({"QueryRetrieveLevel": "STUDY", "PatientName": ["A"] * 30_000})
    encoded = encode_data_set(query, DeflatedExplicitVRLittleEndian)
    assert len(encoded) < 2000
    with pytest.raises((LimitExceeded, InvalidRequest)):
        decode_data_set(encoded, DeflatedExplicitVRLittleEndian)


def test_an_instance_with_thousands_of_character_sets_is_not_gone_through() -> None:
    """An item of 64 KiB took five seconds, and an instance has thousands of items."""
    dataset = dcmread(BytesIO(part10()))
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    del dataset.PixelData
    written = BytesIO()
    dataset.save_as(written, implicit_vr=True, little_endian=True)
    hostile = written.getvalue() + sequence(DEEP, element(CHARACTER_SETS, b"A\\" * 500_000))
    began_s = time.thread_time()
    with pytest.raises(UNREADABLE):
        len(read_part10(BytesIO(hostile))[DEEP].value)
    assert time.thread_time() - began_s < 2
