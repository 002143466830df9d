"""A deflated instance is inflated as far as it is read."""

import random
import time
import tracemalloc
import zlib
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from storage.core.errors import LimitExceeded
from storage.dicom.dataset_reader import PIXELS_BEHIND, read_part10
from storage.dicom.inflate import CannotInflate, InflateLimits, InflatingStream
from tests.storage.instances import part10

MIB = 1 << 20
CONTENT = random.Random(1).randbytes(40_000) + bytes(2 * MIB) + b"the end"


def deflated(content: bytes) -> bytes:
    squeezed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezed.compress(content) + squeezed.flush()


def test_it_reads_as_the_inflated_one_does() -> None:
    stream, plain = InflatingStream(deflated(CONTENT)), BytesIO(CONTENT)
    choose = random.Random(2)
    for _ in range(200):
        size, offset = choose.randrange(-1, 70_000), choose.randrange(len(CONTENT) + 5)
        whence = choose.randrange(3)
        if whence:
            offset = -choose.randrange(3000) if whence == 2 else choose.randrange(3000)
        assert stream.seek(offset, whence) == plain.seek(offset, whence)
        assert stream.read(size) == plain.read(size)
        assert stream.tell() == plain.tell()


def test_what_cannot_be_inflated_is_refused() -> None:
    whole = deflated(CONTENT)
    with pytest.raises(CannotInflate, match="cut off after"):
        InflatingStream(whole[:-20]).read()
    with pytest.raises(CannotInflate, match="cannot be inflated"):
        InflatingStream(b"\xff" * 50).read()
    with pytest.raises(LimitExceeded, match="inflates beyond 1048576 bytes"):
        InflatingStream(whole, InflateLimits(MIB, 1, MIB)).read()


def test_a_header_leaves_its_pixels_deflated() -> None:
    """Sixty slices of 60 MiB of black took the metadata of a study a minute."""
    dataset = dcmread(BytesIO(part10()))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.PixelData = bytes(48 * MIB)
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    file = written.getvalue()
    del dataset
    read_part10(BytesIO(part10()), stop_before_pixels=True)
    tracemalloc.start()
    began = time.process_time()
    try:
        header = read_part10(BytesIO(file), stop_before_pixels=True, long_values="noted")
        used_s = time.process_time() - began
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert vars(header)[PIXELS_BEHIND] == (0x7FE00010, "OW")
    assert header.Rows == 2
    assert peak_bytes < 2 * MIB
    assert used_s < 0.2
