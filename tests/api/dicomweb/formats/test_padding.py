"""Padding, legal and as senders write it, changes nothing (PS3.5 6.2)."""

import io
import struct

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from api.dicomweb.formats.dicom_json import dataset_to_json
from api.dicomweb.instances.pixel_layout import find_pixels
from api.dicomweb.rendering.picture_task import render
from api.dicomweb.rendering.render_options import RenderOptions
from storage.core.text.padding import STRING_VRS, unpadded_bytes
from storage.dicom.element_walker import UNDEFINED_LENGTH
from storage.dicom.file_meta import read_file_meta
from storage.dicom.part10 import read_header
from tests.attacks.support.poison import ordinary, part10

AFTER = [b"", b" ", b"\0", b"\0\0", b"   ", b" \0", b"\0 "]
BEFORE = [b"", b" ", b"   "]
LEADING_BLANKS_COUNT = {"LT", "ST", "UC", "UR", "UT"}
LONG_LENGTH = {"UC", "UR", "UT"}
VALUES = {
    "AE": b"STORE_1",
    "AS": b"042Y",
    "CS": b"ORIGINAL\\PRIMARY",
    "DA": b"20260131",
    "DS": b"-1.5\\2e3",
    "DT": b"20260131120000.5+0100",
    "IS": b"12\\-7",
    "LO": b"Left hand\\Right hand",
    "LT": b"Two\r\nlines \\ and more",
    "PN": b"Doe^Jane^^Dr=\xe5\xb1\xb1\xe7\x94\xb0^\xe8\x8a\xb1",
    "SH": b"A1\\B2",
    "ST": b"A text",
    "TM": b"120000.25",
    "UC": b"one\\two",
    "UI": b"1.2.3\\1.2.4",
    "UR": b"https://example.org/a?b=c",
    "UT": b"Long text",
}
KEYWORDS = {
    "AE": "RetrieveAETitle",
    "AS": "PatientAge",
    "CS": "ImageType",
    "DA": "StudyDate",
    "DS": "WindowCenter",
    "DT": "AcquisitionDateTime",
    "IS": "ReferencedFrameNumber",
    "LO": "OtherPatientIDs",
    "LT": "PatientComments",
    "PN": "PatientName",
    "SH": "ReferringPhysicianTelephoneNumbers",
    "ST": "InstitutionAddress",
    "TM": "StudyTime",
    "UC": "StrainDescription",
    "UI": "RelatedGeneralSOPClassUID",
    "UR": "RetrieveURL",
    "UT": "PixelDataProviderURL",
}


def element(keyword: str, vr: str, value: bytes) -> bytes:
    tag = pydicom.datadict.tag_for_keyword(keyword)
    assert tag is not None
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in LONG_LENGTH:
        return head + b"\0\0" + struct.pack("<I", len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def read(keyword: str, vr: str, value: bytes) -> Dataset:
    utf_8 = element("SpecificCharacterSet", "CS", b"ISO_IR 192")
    data = utf_8 + element(keyword, vr, value)
    return pydicom.filereader.read_dataset(io.BytesIO(data), False, True)


def padded(value: bytes, vr: str, before: bytes, after: bytes, within: bytes) -> bytes:
    if vr in LEADING_BLANKS_COUNT:
        before = b""
    if vr not in ("LT", "ST", "UR", "UT"):
        value = value.replace(b"\\", within + b"\\")
    return before + value + after


def test_each_string_vr_is_tried() -> None:
    assert set(VALUES) == set(KEYWORDS) == STRING_VRS


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("vr", sorted(VALUES))
@settings(max_examples=60, deadline=None)
@given(before=st.sampled_from(BEFORE), after=st.sampled_from(AFTER), within=st.sampled_from(AFTER))
def test_a_padded_value_is_read_as_the_value(
    vr: str, before: bytes, after: bytes, within: bytes
) -> None:
    value = padded(VALUES[vr], vr, before, after, within)
    assert unpadded_bytes(value, vr) == VALUES[vr]
    keyword = KEYWORDS[vr]
    plain, other = read(keyword, vr, VALUES[vr]), read(keyword, vr, value)
    # As JSON of raw values, then as pydicom hands the value out.
    assert dataset_to_json(other) == dataset_to_json(plain)
    assert other[keyword].value == plain[keyword].value


@pytest.mark.parametrize("text", ["  indented", "\tindented", "a\r\n  b"])
def test_blanks_that_count_stay(text: str) -> None:
    for vr in ("LT", "ST", "UT"):
        assert unpadded_bytes(text.encode() + b" \0", vr) == text.encode()


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "iso2022_jp", "euc_kr"])
@given(st.text(alphabet="表能十ソ山田a構 ", min_size=1, max_size=12))
def test_no_character_of_several_bytes_is_broken(encoding: str, text: str) -> None:
    """The second byte of some is that of a backslash."""
    try:
        encoded = text.strip(" ").encode(encoding)
    except UnicodeEncodeError:
        return
    for vr in ("LO", "PN", "SH", "LT", "UC"):
        assert unpadded_bytes(encoded + b" ", vr) == encoded


def strings_of(dataset: Dataset) -> list[str]:
    return [one.keyword for one in dataset if one.VR in STRING_VRS and one.keyword]


def image() -> Dataset:
    """With every string attribute that reading or rendering looks at."""
    dataset = ordinary(16)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Doe^Jane"
    dataset.StudyDate, dataset.StudyTime = "20260131", "120000"
    dataset.AccessionNumber, dataset.StudyDescription = "A1", "Head"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.InstanceNumber = dataset.NumberOfFrames = "1"
    dataset.SeriesNumber = "3"
    dataset.WindowCenter, dataset.WindowWidth = ["100", "50"], ["120", "30"]
    dataset.VOILUTFunction = "SIGMOID"
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "1.5", "-3", "US"
    dataset.PresentationLUTShape = "INVERSE"
    dataset.PixelAspectRatio = ["2", "1"]
    dataset.BodyPartExamined, dataset.ProtocolName = "HEAD", "A protocol"
    dataset.StationName, dataset.InstitutionName = "CT1", "Hospital"
    return dataset


def with_padding(dataset: Dataset, keyword: str, before: bytes, after: bytes) -> bytes:
    """The part 10 file with the attribute's value padded, byte for byte the same otherwise."""
    file = part10(dataset)
    tag = pydicom.datadict.tag_for_keyword(keyword)
    raw = pydicom.dcmread(io.BytesIO(file)).get_item(tag)
    assert raw is not None
    # pydicom reads the character set at once.
    stored = raw.value if isinstance(raw.value, bytes) else str(raw.value).encode()
    vr = str(raw.VR)
    changed = element(keyword, vr, padded(stored.rstrip(b"\0 "), vr, before, after, after))
    old = element(keyword, vr, stored)
    assert file.count(old) == 1
    return file.replace(old, changed)


def what_the_node_sees(file: bytes) -> tuple[object, ...]:
    """The index's row, the metadata, the frame's layout and the picture."""
    meta = read_file_meta(file)
    layout = find_pixels(lambda start, length: file[start : start + length], len(file), meta)
    assert layout is not None
    assert layout.length != UNDEFINED_LENGTH
    head = file[: layout.element_offset]
    begin = layout.value_offset
    frame = file[begin : begin + layout.length]
    _, picture = render(head, frame, layout, ExplicitVRLittleEndian, 0, RenderOptions("image/png"))
    header = read_header(file)
    read_again = pydicom.dcmread(io.BytesIO(head), force=True)
    return (
        {keyword: header.attributes[keyword] for keyword in header.attributes},
        dataset_to_json(read_again),
        layout.photometric_interpretation,
        layout.number_of_frames,
        picture,
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("keyword", strings_of(image()))
def test_no_attribute_s_padding_changes_what_the_node_sees(keyword: str) -> None:
    dataset = image()
    expected = what_the_node_sees(part10(dataset))
    for before in BEFORE:
        for after in AFTER:
            file = with_padding(dataset, keyword, before, after)
            assert what_the_node_sees(file) == expected, (before, after)
