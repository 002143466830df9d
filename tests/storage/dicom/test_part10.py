"""The node's own header reader, held against pydicom on real and broken files."""

import contextlib
import warnings
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from storage.core.errors import InvalidInstance, LimitExceeded, MediViewError
from storage.dicom.file_meta import make_file_meta, read_file_meta
from storage.dicom.part10 import read_header
from tests.storage.instances import part10

COMPARED = (
    "PatientID PatientName StudyDescription SeriesDescription StudyDate Modality"
    " Rows Columns NumberOfFrames InstanceNumber AccessionNumber"
).split()


@pytest.mark.slow
def test_reads_what_pydicom_reads_from_every_file_at_hand(shared_data: Path) -> None:
    compared = 0
    for path in sorted(shared_data.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if content[128:132] != b"DICM":
            continue
        try:
            header = read_header(content)
        except MediViewError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path)
            values = {k: dataset.get(k) for k in COMPARED}
            expected = {k: "" if v is None else str(v).strip() for k, v in values.items()}
        assert {k: header.text(k) for k in COMPARED} == expected, path.name
        assert header.sop_instance_uid == dataset.SOPInstanceUID
        compared += 1
    assert compared > 700


@pytest.mark.parametrize(
    ("folder", "name", "expected"),
    [
        ("odd", "MR_truncated.dcm", "cut off"),
        ("odd", "rtplan_truncated.dcm", "cut off"),
        ("odd", "meta_missing_tsyntax.dcm", "transfer syntax"),
        ("odd", "no_meta.dcm", "DICM"),
        ("odd", "HTJ2KLossless_08_RGB.dcm", "StudyInstanceUID"),
        ("dicomdir", "DICOMDIR-empty.dcm", "SOPClassUID"),
    ],
)
def test_refuses_in_a_sentence(shared_data: Path, folder: str, name: str, expected: str) -> None:
    (path,) = (shared_data / folder).rglob(name)
    with pytest.raises(InvalidInstance, match=expected) as refusal:
        read_header(path.read_bytes())
    assert refusal.value.remedy


@pytest.mark.parametrize(
    "transfer_syntax_uid",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_reads_each_native_syntax(transfer_syntax_uid: pydicom.uid.UID) -> None:
    header = read_header(part10(transfer_syntax_uid=transfer_syntax_uid, InstanceNumber="7"))
    assert header.transfer_syntax_uid == transfer_syntax_uid
    assert header.text("PatientName") == "Müller^Jürgen"
    assert (header.number("Rows"), header.number("InstanceNumber")) == (2, 7)


WHOLE = part10()


@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_refused_and_never_read_as_whole(length: int) -> None:
    # Before one of these elements it is cut between two, which is a shorter whole.
    tags = (b"\x28\0\x10\0US", b"\x28\0\x11\0US", b"\x28\0\0\x01US", b"\xe0\x7f\x10\0OW")
    assume(length not in {WHOLE.index(tag) for tag in tags})
    with pytest.raises(InvalidInstance):
        read_header(WHOLE[:length])


@settings(max_examples=300)
@given(st.binary(max_size=200), st.integers(min_value=132, max_value=len(WHOLE)))
def test_garbage_anywhere_gives_a_header_or_a_refusal(garbage: bytes, position: int) -> None:
    damaged = WHOLE[:position] + garbage + WHOLE[position + len(garbage) :]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(InvalidInstance, LimitExceeded):
            assert read_header(damaged).sop_instance_uid


def test_deep_nesting_is_refused_by_its_depth() -> None:
    sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    meta = make_file_meta("1.2.840.10008.5.1.4.1.1.4", "1.2.3", ExplicitVRLittleEndian)
    with pytest.raises(LimitExceeded, match="64 levels"):
        read_header(meta + sequence * 5000)


def test_a_deflate_bomb_is_refused_without_inflating_it() -> None:
    import zlib

    meta = make_file_meta("1.2.840.10008.5.1.4.1.1.4", "1.2.3", DeflatedExplicitVRLittleEndian)
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = b"".join(deflater.compress(bytes(1 << 24)) for _ in range(20)) + deflater.flush()
    with pytest.raises(LimitExceeded, match="inflates"):
        read_header(meta + bomb)


@pytest.mark.parametrize("uid", ["1.2.3", "1.2.840.10008.5.1.4.1.1.4"])
def test_file_meta_encoded_by_hand_is_what_pydicom_expects(uid: str) -> None:
    encoded = make_file_meta("1.2.840.10008.5.1.4.1.1.2", uid, ImplicitVRLittleEndian)
    meta = pydicom.dcmread(BytesIO(encoded), stop_before_pixels=True).file_meta
    assert meta.MediaStorageSOPInstanceUID == uid
    assert meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert meta.FileMetaInformationGroupLength == len(encoded) - 144
    assert read_file_meta(encoded).dataset_offset == len(encoded)
