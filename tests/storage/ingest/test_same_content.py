"""The same image in another encoding is no other image: DCMTK writes it, the node compares."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from storage.container import Storage, open_storage
from storage.ingest.same_content import is_same_content
from storage.processes.turn_taking import turn
from storage.reconciliation.reconcile import reconcile
from tests.api.client import part10
from tests.builders import t1_head
from tests.services import tool
from tests.shared import shared_folder
from tests.storage.deletion.test_deleting import close

DCMTK = {
    "implicit": ("dcmconv", "+ti"),
    "big endian": ("dcmconv", "+tb"),
    "deflated": ("dcmconv", "+td"),
    "without group lengths": ("dcmconv", "-g"),
    "sequences of undefined length": ("dcmconv", "-e"),
    "UTF-8": ("dcmconv", "+U8"),
    "RLE": ("dcmcrle",),
    "JPEG-LS": ("dcmcjpls",),
}


def original() -> Dataset:
    dataset = t1_head((1, 24, 20))[0]
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "Müller^Jürgen"
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "T-D1100", "SRT", "Schädel"
    dataset.ProcedureCodeSequence = Sequence([item])
    block = dataset.private_block(0x0019, "A SITE", create=True)
    block.add_new(0x01, "LO", "protocol 7")
    block.add_new(0x02, "OB", b"\1\2\3\0")
    dataset.RedPaletteColorLookupTableData = b"\1\2\3\4"
    dataset["RedPaletteColorLookupTableData"].VR = "OW"
    # As scanners write them beside signed pixels: the same bytes are -2000 in Implicit VR.
    dataset.PixelRepresentation = 1
    dataset.add_new("PixelPaddingValue", "US", 63536)
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [3, 63536, 16])
    table.add_new("LUTData", "US", [1, 40000, 65535])
    table.ModalityLUTType = "HU"
    dataset.ModalityLUTSequence = Sequence([table])
    return dataset


def rewritten(content: bytes, folder: Path, program: str, *options: str) -> bytes:
    source, target = folder / "one.dcm", folder / "other.dcm"
    source.write_bytes(content)
    subprocess.run([tool(program, "dcmtk"), *options, source, target], check=True)
    return target.read_bytes()


def large() -> Dataset:
    """Beyond what is gathered in memory."""
    dataset = original()
    dataset.Rows = dataset.Columns = 3000
    noise = np.random.default_rng(1).integers(0, 4096, (3000, 3000), dtype=np.int16)
    dataset.PixelData = noise.tobytes()
    return dataset


def send(storage: Storage, content: bytes) -> str:
    """In pieces; the outcome."""
    stream = storage.ingest.open_stream("stow")
    for start in range(0, len(content), 1 << 20):
        stream.write(content[start : start + (1 << 20)])
    return stream.finish().outcome


@pytest.mark.parametrize("size", [original, large])
def test_a_resend_in_another_encoding_at_another_process_is_a_duplicate(
    storage: Storage, tmp_path: Path, size: Callable[[], Dataset]
) -> None:
    """That one has begun the series, and takes all of it that it has not stored itself for new."""
    content, other = part10(size()), original()
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    with open_storage(storage.settings) as process:
        assert send(process, part10(other)) == "stored"
        assert send(storage, content) == "stored"
        again = rewritten(content, tmp_path, "dcmconv", "+ti")
        assert send(process, again) == "duplicate"
    assert storage.conflicts.page(10, 0)[1] == 0
    reconcile(storage.engine, storage.volumes.folder)
    assert storage.conflicts.page(10, 0)[1] == 0
    assert storage.instances.read(storage.index.instance(str(size().SOPInstanceUID))) == content


@pytest.mark.parametrize("size", [original, large])
def test_a_conflict_that_a_crash_left_goes_with_the_next_resend(
    storage: Storage, tmp_path: Path, size: Callable[[], Dataset]
) -> None:
    """A receiving process is killed once the row is there and before the contents are compared."""
    content, other = part10(size()), original()
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    again = rewritten(content, tmp_path, "dcmconv", "+ti")
    with open_storage(storage.settings) as process:
        send(process, part10(other))
        send(storage, content)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("storage.ingest.storing.is_same_content", _killed)
            with pytest.raises(KeyboardInterrupt):
                send(process, again)
    with turn(storage.engine, storage.settings.data_dir / "conflicts", "conflicts", 1, 0):
        assert send(storage, again) == "duplicate"
        assert storage.conflicts.page(10, 0)[1] == 1, "somebody may be accepting it"
    assert send(storage, again) == "duplicate"
    close(storage)
    reconcile(storage.engine, storage.volumes.folder)
    assert storage.conflicts.page(10, 0)[1] == 0


def _killed(*_: object) -> bool:
    raise KeyboardInterrupt


# Digests are compared before a database is asked; the tests beside this one ask both.
@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("how", DCMTK)
def test_a_resend_in_another_encoding_is_a_duplicate(
    storage: Storage, tmp_path: Path, how: str
) -> None:
    content = part10(original())
    assert storage.ingest.accept(content, "dimse:CT1").outcome == "stored"
    again = rewritten(content, tmp_path, *DCMTK[how])
    assert again != content
    assert storage.ingest.accept(again, "dimse:PACS").outcome == "duplicate"
    (_, total) = storage.conflicts.page(10, 0)
    assert total == 0
    instance = storage.index.instance(str(original().SOPInstanceUID))
    assert storage.instances.read(instance) == content


def _set_pixel(dataset: Dataset) -> None:
    pixels = dataset.pixel_array.copy()
    pixels[3, 4] += 1
    dataset.PixelData = pixels.tobytes()


CHANGES: dict[str, Callable[[Dataset], None]] = {
    "a pixel": _set_pixel,
    "a name": lambda ds: setattr(ds, "PatientName", "Müller^Jurgen"),
    "a nested text": lambda ds: setattr(ds.ProcedureCodeSequence[0], "CodeMeaning", "Hals"),
    "an item more": lambda ds: ds.ProcedureCodeSequence.append(Dataset()),
    "a private byte": lambda ds: ds[0x0019, 0x1002].__setattr__("value", b"\1\2\4\0"),
    "an element less": lambda ds: ds.__delitem__("StudyID"),
    "a spacing": lambda ds: setattr(ds, "PixelSpacing", [0.5, 0.50001]),
    "a padding value": lambda ds: setattr(ds, "PixelPaddingValue", 63535),
    "a nested number": lambda ds: setattr(
        ds.ModalityLUTSequence[0], "LUTDescriptor", [3, 63535, 16]
    ),
    "a palette": lambda ds: setattr(ds, "RedPaletteColorLookupTableData", b"\2\1\4\3"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_another_content_in_another_encoding_is_a_conflict(tmp_path: Path, what: str) -> None:
    content = part10(original())
    other = pydicom.dcmread(io.BytesIO(content))
    CHANGES[what](other)
    assert not is_same_content(content, part10(other))
    for how in ("implicit", "big endian", "RLE"):
        assert not is_same_content(content, rewritten(part10(other), tmp_path, *DCMTK[how])), how


def with_number(keyword: str, vr: str, value: int, pixel_representation: int | None) -> bytes:
    dataset = t1_head((1, 2, 2))[0]
    dataset.PixelRepresentation = pixel_representation or 0
    item = Dataset()
    if pixel_representation is None:
        del dataset.PixelRepresentation
    for each in (dataset, item):
        each.add_new(keyword, vr, value)
    dataset.ModalityLUTSequence = Sequence([item])
    return part10(dataset)


@given(
    keyword=st.sampled_from(["PixelPaddingValue", "SmallestImagePixelValue"]),
    signed=st.integers(-(1 << 15), (1 << 15) - 1),
    pixel_representation=st.sampled_from([None, 0, 1]),
)
@settings(max_examples=15, deadline=None)
def test_numbers_of_equal_bytes_are_equal_with_or_without_a_sign(
    keyword: str, signed: int, pixel_representation: int | None
) -> None:
    number = signed & 0xFFFF
    content = with_number(keyword, "SS", signed, pixel_representation)
    assert is_same_content(content, with_number(keyword, "US", number, pixel_representation))
    other = with_number(keyword, "US", number ^ 1, pixel_representation)
    assert not is_same_content(content, other)


def test_a_slice_of_a_real_chest_in_implicit_vr_is_the_same(tmp_path: Path) -> None:
    path = min(shared_folder("data/ct_chest_LIDC-IDRI-0001").glob("*.dcm"))
    content = path.read_bytes()
    assert is_same_content(content, rewritten(content, tmp_path, "dcmconv", "+ti"))


def test_what_cannot_be_decoded_is_not_the_same(tmp_path: Path) -> None:
    content = part10(original())
    broken = rewritten(content, tmp_path, "dcmcrle")
    assert not is_same_content(content, broken[:-30])
    assert not is_same_content(content, b"no DICOM file")


def test_a_large_resend_is_compared_too(storage: Storage, tmp_path: Path) -> None:
    content = part10(large())
    again = rewritten(content, tmp_path, "dcmconv", "+ti")
    assert send(storage, content) == "stored"
    assert send(storage, again) == "duplicate"
    assert storage.conflicts.page(10, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.slow
def test_real_files_rewritten_by_dcmtk_are_the_same(tmp_path: Path) -> None:
    compared = 0
    for name in ("odd", "charsets", "vendor_headers", "rt", "seg_sr"):
        for path in sorted(shared_folder(f"data/{name}").rglob("*.dcm"))[:12]:
            if path.stat().st_size > 2_000_000:
                continue
            try:
                again = rewritten(path.read_bytes(), tmp_path, "dcmconv", "-q", "+te", "+g")
                implicit = rewritten(path.read_bytes(), tmp_path, "dcmconv", "-q", "+ti", "-g")
            except subprocess.CalledProcessError:
                continue  # compressed, or not readable for DCMTK
            assert is_same_content(again, implicit), path.name
            compared += 1
    assert compared >= 20
