"""Whatever reads a data set counts its elements, those that pydicom reads when they are asked
for, too."""

import struct
import zlib
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from storage.core.errors import LimitExceeded
from storage.dicom import dataset_reader, undecoded
from storage.dicom.dataset_reader import decode_message, read_part10, read_up_to
from storage.dicom.file_meta import read_file_meta
from tests.storage.instances import part10

MOST = 2_000
EMPTY_ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0)


def with_sequence(value: bytes, syntax: UID = ExplicitVRLittleEndian, frames: int = 1) -> bytes:
    """Request Attributes Sequence of defined length."""
    dataset = dcmread(BytesIO(part10(NumberOfFrames=frames)))
    dataset.file_meta.TransferSyntaxUID = syntax
    del dataset.PixelData
    if not syntax.is_deflated:
        written = BytesIO()
        dataset.save_as(written, implicit_vr=syntax.is_implicit_VR, little_endian=True)
        head = b"\x40\x00\x75\x02" + (b"" if syntax.is_implicit_VR else b"SQ\0\0")
        return written.getvalue() + head + struct.pack("<L", len(value)) + value
    plain = with_sequence(value, ExplicitVRLittleEndian, frames)
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    start = read_offset(written.getvalue())
    squeezed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    content = squeezed.compress(plain[read_offset(plain) :]) + squeezed.flush()
    return written.getvalue()[:start] + content


def read_offset(file: bytes) -> int:
    return read_file_meta(file).dataset_offset


@pytest.fixture(autouse=True)
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_reader, "MAX_READ_ELEMENTS", MOST)


def item(content: bytes) -> bytes:
    return EMPTY_ITEM[:4] + struct.pack("<L", len(content)) + content


def explicit(tag: bytes, vr: bytes, value: bytes) -> bytes:
    length = struct.pack("<H" if vr not in (b"SQ", b"UN") else "<xxL", len(value))
    return tag + vr + length + value


ODD = b"\x08\x00\x16\x00UI\x02\x001\x00\x08\x00\x04\x01\x02\0\0\0x "
UNKNOWN_VR = b"\x08\x00\x16\x00UI\x02\x001\x00\x08\x00\x50\x00Z1\x02\x00x "
# pydicom reads on where other readers give up.
MANY = EMPTY_ITEM * (MOST + 1)


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
)
def test_empty_items_are_counted(syntax: UID) -> None:
    with pytest.raises(LimitExceeded, match=f"more than {MOST} elements"):
        read_part10(BytesIO(with_sequence(MANY, syntax)))


def test_what_an_image_states_raises_no_limit() -> None:
    with pytest.raises(LimitExceeded):
        read_part10(BytesIO(with_sequence(MANY, frames=100_000)))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(item(explicit(b"\x40\x00\x08\x00", b"SQ", MANY)), id="a sequence in it"),
        pytest.param(item(b"") + bytes(8) + MANY, id="no item's tag"),
        pytest.param(item(ODD + explicit(b"\x40\x00\x08\x00", b"SQ", MANY)), id="an impossible VR"),
        pytest.param(
            item(UNKNOWN_VR + explicit(b"\x40\x00\x08\x00", b"SQ", MANY)), id="an unknown VR"
        ),
    ],
)
def test_no_odd_encoding_hides_elements(value: bytes) -> None:
    with pytest.raises(LimitExceeded):
        read_part10(BytesIO(with_sequence(value)))


def test_those_of_a_beginning_are_counted() -> None:
    """Of what is read before a patient is corrected."""
    file = BytesIO(explicit(b"\x08\x00\x40\x11", b"SQ", MANY))
    with pytest.raises(LimitExceeded):
        read_up_to(file, False, True, 0x00104000)


def test_empty_elements_are_counted() -> None:
    values = (
        struct.pack("<HH2sH", 0x0009 + 2 * (n >> 12), 0x1000 + n % 4096, b"US", 0)
        for n in range(MOST + 1)
    )
    with pytest.raises(LimitExceeded):
        read_part10(BytesIO(with_sequence(item(b"".join(values)))))


def test_what_is_within_the_limit_is_read_later() -> None:
    few = MOST - 100
    read = read_part10(BytesIO(with_sequence(EMPTY_ITEM * few)))
    assert len(read.RequestAttributesSequence) == few
    # A broken one is an error of who asks for it.
    long = item(explicit(b"\x40\x00\x07\x00", b"LO", b"head" * 20))
    broken = read_part10(BytesIO(with_sequence(long * (MOST // 3) + bytes(4))))
    with pytest.raises(OSError, match="No tag to read"):
        _ = broken.RequestAttributesSequence


@pytest.mark.parametrize("value", [MANY, item(UNKNOWN_VR) + MANY])
def test_those_of_a_message_are_counted(value: bytes) -> None:
    with pytest.raises(LimitExceeded):
        decode_message(explicit(b"\x40\x00\x75\x02", b"SQ", value), ExplicitVRLittleEndian, MOST)


def test_a_data_set_is_written_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    file = with_sequence(item(explicit(b"\x40\x00\x07\x00", b"LO", b"head")) + item(b""))

    def written() -> bytes:
        out = BytesIO()
        read_part10(BytesIO(file)).save_as(out)
        return out.getvalue()

    unread = written()
    monkeypatch.setattr(undecoded, "unread_bytes", lambda _: 2**30)
    read = read_part10(BytesIO(file))
    assert isinstance(read.get_item("RequestAttributesSequence"), DataElement)
    assert written() == unread
