"""An instance that breaks its encoding is refused by the name of the attribute that does."""

import io
import struct

import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from storage.core.errors import InvalidInstance
from storage.dicom.dataset_reader import read_part10
from storage.dicom.file_meta import make_file_meta
from storage.dicom.part10 import read_header

CT = "1.2.840.10008.5.1.4.1.1.2"


def with_broken_private_element(uid: str, *, big: bool, in_item: bool = False) -> bytes:
    """A CT header in whose (0009,1001) a value of UN and undefined length holds no items.

    Or one whose length is right, `in_item`, and whose content is none.
    """
    order = ">" if big else "<"

    def element(tag: int, vr: bytes, value: bytes) -> bytes:
        value += b"\0" * (len(value) % 2)
        return struct.pack(order + "HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value

    broken = struct.pack(order + "HH2sHI", 0x0009, 0x1001, b"UN", 0, 0xFFFFFFFF)
    content = b"no item at all, and no delimiter"
    if in_item:
        content = struct.pack(order + "HHI", 0xFFFE, 0xE000, len(content)) + content
        content += struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0)
    data = (
        element(0x00080016, b"UI", CT.encode())
        + element(0x00080018, b"UI", uid.encode())
        + element(0x00090010, b"LO", b"A VENDOR")
        + broken
        + content
        + element(0x0020000D, b"UI", f"{uid}.1".encode())
        + element(0x0020000E, b"UI", f"{uid}.2".encode())
    )
    syntax = ExplicitVRBigEndian if big else ExplicitVRLittleEndian
    return make_file_meta(CT, uid, syntax) + data


@pytest.mark.parametrize("big", [False, True])
def test_the_element_is_named(big: bool) -> None:
    with pytest.raises(InvalidInstance, match=r"\(0009,1001\)") as refused:
        read_header(with_broken_private_element("1.2.3", big=big))
    assert refused.value.tag == 0x00091001


@pytest.mark.parametrize("big", [False, True])
def test_what_later_readers_cannot_pass_is_refused_on_arrival(big: bool) -> None:
    """Each series that it belongs to would be refused for it."""
    file = with_broken_private_element("1.2.3", big=big, in_item=True)
    with pytest.raises(OSError, match="No tag to read"):
        read_part10(io.BytesIO(file))
    # The record of an earlier version keeps its row.
    header = read_header(file)
    assert header.study_instance_uid == "1.2.3.1"
    with pytest.raises(InvalidInstance, match=r"\(0009,1001\)") as refused:
        header.check_indexed()
    assert refused.value.tag == 0x00091001


def test_where_a_file_is_cut_off_the_element_is_named() -> None:
    whole = make_file_meta(CT, "1.2.3", ExplicitVRLittleEndian)
    whole += struct.pack("<HH2sH", 0x0008, 0x0016, b"UI", 26) + CT.encode() + b"\0"
    whole += struct.pack("<HH2sH", 0x0010, 0x0010, b"PN", 200) + b"Doe"
    with pytest.raises(InvalidInstance) as refused:
        read_header(whole)
    assert refused.value.tag == 0x00100010
