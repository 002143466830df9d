"""Elements of VR UN, whose values are Implicit VR Little Endian in any transfer syntax."""

import io
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite, write_dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from api.dicomweb.instances.pixel_layout import find_pixels
from storage.core.callers.long_work import BEGIN_LONG_WORK
from storage.core.errors import LimitExceeded
from storage.dicom.dataset_reader import read_part10
from storage.dicom.element_limits import MAX_DEPTH
from storage.dicom.file_meta import make_file_meta, read_file_meta
from storage.dicom.part10 import read_header

CT = "1.2.840.10008.5.1.4.1.1.2"
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
UNDEFINED = 0xFFFFFFFF
SYNTAXES = [ExplicitVRLittleEndian, ExplicitVRBigEndian]


def encoded(ds: Dataset, *, implicit: bool, little: bool) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = implicit, little
    write_dataset(file, ds)
    return file.getvalue()


def nested() -> Dataset:
    code, item = Dataset(), Dataset()
    code.CodeValue, code.SliceThickness = "T-1", "2.5"
    item.PatientID, item.Rows, item.PixelSpacing = "ID-7", 300, ["0.5", "0.25"]
    item.DerivationCodeSequence = [code]
    return item


def items(*, implicit: bool = True, little: bool = True, open_ends: bool = True) -> bytes:
    """A sequence of one item as the value of an element of UN."""
    order = "<" if little else ">"

    def mark(tag: tuple[int, int], length: int) -> bytes:
        return struct.pack(f"{order}HHI", *tag, length)

    content = encoded(nested(), implicit=implicit, little=little)
    if not open_ends:
        return mark(ITEM, len(content)) + content
    return mark(ITEM, UNDEFINED) + content + mark(ITEM_END, 0) + mark(SEQUENCE_END, 0)


def part10(syntax: UID, tag: tuple[int, int], value: bytes, *, open_ends: bool = False) -> bytes:
    """A CT image with an element of UN among its attributes."""
    little = syntax != ExplicitVRBigEndian
    first, rest = Dataset(), Dataset()
    first.SOPClassUID, first.SOPInstanceUID = CT, "1.2.3"
    rest.PatientID, rest.StudyInstanceUID, rest.SeriesInstanceUID = "P-1", "1.2.3.1", "1.2.3.2"
    rest.Rows, rest.Columns, rest.BitsAllocated = 7, 5, 16
    rest.add_new(0x7FE00010, "OW", bytes(70))
    length = UNDEFINED if open_ends else len(value)
    header = struct.pack("<>"[not little] + "HH2sHI", *tag, b"UN", 0, length)
    return (
        make_file_meta(CT, "1.2.3", syntax)
        + encoded(first, implicit=False, little=little)
        + header
        + value
        + encoded(rest, implicit=False, little=little)
    )


def dumped(data: bytes, folder: Path) -> str:
    """What DCMTK reads."""
    path = folder / "instance.dcm"
    path.write_bytes(data)
    command = ["dcmdump", "+uc", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("open_ends", [True, False])
def test_items_within_un_are_read_as_dcmtk_reads_them(
    syntax: UID, open_ends: bool, tmp_path: Path
) -> None:
    sequence = (0x0008, 0x2112)  # Source Image Sequence
    data = part10(syntax, sequence, items(open_ends=open_ends), open_ends=open_ends)
    header = read_header(data)
    assert header.text("PatientID") == "P-1"
    assert (header.number("Rows"), header.number("Columns")) == (7, 5)
    ds = read_part10(io.BytesIO(data))
    (item,) = ds.SourceImageSequence
    assert (item.PatientID, item.Rows) == ("ID-7", 300)
    assert item.DerivationCodeSequence[0].CodeValue == "T-1"
    assert (ds.PatientID, ds.Rows) == ("P-1", 7)
    dump = dumped(data, tmp_path)
    for line in ("LO [ID-7]", "US 300", r"DS [0.5\0.25]", "SH [T-1]", "LO [P-1]", "US 7"):
        assert line in dump
    layout = find_pixels(
        lambda start, length: data[start : start + length], len(data), read_file_meta(data)
    )
    assert layout is not None
    assert (layout.rows, layout.columns) == (7, 5)
    assert data[layout.value_offset :] == bytes(70)


@pytest.mark.parametrize("target", [*SYNTAXES, ImplicitVRLittleEndian])
def test_what_was_read_is_written_with_the_same_values(target: UID, tmp_path: Path) -> None:
    data = part10(ExplicitVRBigEndian, (0x0008, 0x2112), items(), open_ends=True)
    ds = read_part10(io.BytesIO(data))
    ds.file_meta.TransferSyntaxUID = target
    ds["PixelData"].VR = "OW"
    file = io.BytesIO()
    dcmwrite(
        file,
        ds,
        implicit_vr=target == ImplicitVRLittleEndian,
        little_endian=target != ExplicitVRBigEndian,
    )
    dump = dumped(file.getvalue(), tmp_path)
    for line in ("LO [ID-7]", "US 300", r"DS [0.5\0.25]", "SH [T-1]", "LO [P-1]", "US 7"):
        assert line in dump


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("open_ends", [True, False])
def test_items_that_somebody_wrote_otherwise_are_read_too(
    syntax: UID, implicit: bool, little: bool, open_ends: bool, tmp_path: Path
) -> None:
    """In the other byte order, or with their VRs, against PS3.5 6.2.2."""
    value = items(implicit=implicit, little=little, open_ends=open_ends)
    data = part10(syntax, (0x0008, 0x2112), value, open_ends=open_ends)
    header = read_header(data)
    header.check_indexed()
    assert (header.text("PatientID"), header.number("Rows")) == ("P-1", 7)
    ds = read_part10(io.BytesIO(data))
    (item,) = ds.SourceImageSequence
    assert (item.PatientID, item.Rows, item.PixelSpacing) == ("ID-7", 300, [0.5, 0.25])
    assert item.DerivationCodeSequence[0].CodeValue == "T-1"
    assert (ds.PatientID, ds.Rows, len(ds.PixelData)) == ("P-1", 7, 70)
    # Written again it is as the standard has it, and DCMTK reads it.
    file = io.BytesIO()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(file, ds, implicit_vr=False, little_endian=True)
    dump = dumped(file.getvalue(), tmp_path)
    for line in ("LO [ID-7]", "US 300", r"DS [0.5\0.25]", "SH [T-1]", "LO [P-1]", "US 7"):
        assert line in dump


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_private_items_of_the_other_byte_order_are_read_too(syntax: UID) -> None:
    value = items(little=syntax == ExplicitVRBigEndian)
    data = part10(syntax, (0x0009, 0x1001), value, open_ends=True)
    read_header(data).check_indexed()
    assert read_part10(io.BytesIO(data))[0x00091001].value[0].Rows == 300


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_number_within_un_is_little_endian(syntax: UID) -> None:
    data = part10(syntax, (0x0018, 0x9073), struct.pack("<d", 2.5))  # Acquisition Duration
    assert read_part10(io.BytesIO(data)).AcquisitionDuration == 2.5


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_levels_within_un_count(syntax: UID) -> None:
    deep = b""
    for _ in range(MAX_DEPTH + 1):
        deep = (
            struct.pack("<HHI", *ITEM, len(deep) + 8)
            + struct.pack("<HHI", 0x0008, 0x2112, len(deep))
            + deep
        )
    data = part10(syntax, (0x0008, 0x2112), deep)
    with pytest.raises(LimitExceeded, match="deeper than 64 levels"):
        read_header(data)


def test_an_item_that_is_passed_costs_few_calls() -> None:
    """Four megabytes hold half a million empty items, for each of which pydicom made a data set."""
    count = 2000
    items = struct.pack("<HHI", *ITEM, 0) * count + struct.pack("<HHI", *SEQUENCE_END, 0)
    data = part10(ExplicitVRLittleEndian, (0x0041, 0x1001), items, open_ends=True)
    calls = 0

    def called(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(called)
    try:
        read_header(data)
    finally:
        sys.setprofile(None)
    assert calls / count < 30


class _Counted:
    pauses = 0

    def pause(self) -> None:
        self.pauses += 1


def test_many_items_take_no_memory_and_let_others_have_their_turn() -> None:
    """pydicom keeps a kilobyte for each item where it reads them all at once."""
    count = 40_000
    element = struct.pack("<HHI", 0x0008, 0x0104, 0)
    many = (struct.pack("<HHI", *ITEM, len(element)) + element) * count
    end = struct.pack("<HHI", *SEQUENCE_END, 0)
    data = part10(ExplicitVRLittleEndian, (0x0041, 0x1001), many + end, open_ends=True)
    assert read_header(part10(ExplicitVRLittleEndian, (0x0041, 0x1001), end, open_ends=True))
    work = _Counted()
    token = BEGIN_LONG_WORK.set(lambda: work)
    tracemalloc.start()
    try:
        assert read_header(data).unreadable_tag is None
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        BEGIN_LONG_WORK.reset(token)
    assert most_bytes < len(data) + 4_000_000
    assert work.pauses > 2 * count // 2048, "by the walk, and by pydicom's reading"
