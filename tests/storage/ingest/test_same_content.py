"""The same image in another encoding is no other image: DCMTK writes it, the node compares."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from storage.container import Storage
from storage.ingest.same_content import is_same_content
from tests.api.client import part10
from tests.builders import t1_head
from tests.services import tool
from tests.shared import shared_folder

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
    return dataset


def rewritten(content: bytes, folder: Path, program: str, *options: str) -> bytes:
    source, target = folder / "one.dcm", folder / "other.dcm"
    source.write_bytes(content)
    subprocess.run([tool(program, "dcmtk"), *options, source, target], check=True)
    return target.read_bytes()


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


def test_what_cannot_be_decoded_is_not_the_same(tmp_path: Path) -> None:
    content = part10(original())
    broken = rewritten(content, tmp_path, "dcmcrle")
    assert not is_same_content(content, broken[:-30])
    assert not is_same_content(content, b"no DICOM file")


def test_a_large_resend_is_compared_too(storage: Storage, tmp_path: Path) -> None:
    dataset = original()
    dataset.Rows = dataset.Columns = 3000
    noise = np.random.default_rng(1).integers(0, 4096, (3000, 3000), dtype=np.int16)
    dataset.PixelData = noise.tobytes()
    content = part10(dataset)
    again = rewritten(content, tmp_path, "dcmconv", "+ti")
    for data, outcome in ((content, "stored"), (again, "duplicate")):
        stream = storage.ingest.open_stream("stow")
        for start in range(0, len(data), 1 << 20):
            stream.write(data[start : start + (1 << 20)])
        assert stream.finish().outcome == outcome
    assert storage.conflicts.page(10, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
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
