"""Headers of a whole series are held together: small on the wire is not large in memory."""

import gc
import tracemalloc
from collections.abc import Callable
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from storage.container import Storage
from storage.core.entities import Instance
from storage.core.errors import LimitExceeded
from storage.dicom.header_sizes import size_of, without_long_values
from storage.integrity import instance_reader
from tests.storage.deletion.test_deleting import SERIES, STUDY
from tests.storage.instances import part10

pytestmark = pytest.mark.parametrize("storage_settings", ["sqlite+filesystem"], indirect=True)
MIB = 1 << 20
COUNT, EACH_BYTES, TEXT_BYTES = 5, 8 * MIB, MIB


def deflated(storage: Storage, kind: str) -> list[Instance]:
    """A series of some kilobytes that is some forty megabytes when it is inflated."""
    for number in range(COUNT):
        dataset = dcmread(BytesIO(part10(instance=str(number))))
        if kind == "pixels":
            dataset.PixelData = bytes(EACH_BYTES)
        elif kind == "text":
            dataset.TextValue = "t" * TEXT_BYTES
        else:
            block = dataset.private_block(0x0009, "X", create=True)
            block.add_new(0x01, kind, bytes(EACH_BYTES))
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        written = BytesIO()
        dataset.save_as(written, enforce_file_format=True)
        assert len(written.getvalue()) < 32 * 1024
        storage.ingest.accept(written.getvalue(), "dimse:STRANGER")
    return storage.index.instances_of(STUDY, SERIES)


@pytest.mark.parametrize("kind", ["pixels", "OB", "UN"])
def test_headers_hold_neither_pixels_nor_long_binary_values(storage: Storage, kind: str) -> None:
    instances = deflated(storage, kind)
    gc.collect()
    tracemalloc.start()
    try:
        headers = storage.instances.headers(instances)
        held_bytes, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [one.PatientID for one in headers] == ["P1"] * COUNT
    assert held_bytes < 2 * MIB
    assert peak_bytes < 4 * EACH_BYTES


def stored(storage: Storage, dataset: Dataset) -> Instance:
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    storage.ingest.accept(written.getvalue(), "dimse:STRANGER")
    return storage.index.instances_of(STUDY, SERIES)[0]


def one_long(dataset: Dataset, size_bytes: int) -> None:
    dataset.private_block(0x0009, "X", create=True).add_new(0x01, "OB", bytes(size_bytes))


def many_of_less(dataset: Dataset, size_bytes: int) -> None:
    block = dataset.private_block(0x0009, "X", create=True)
    for number in range(size_bytes // (MIB // 2)):
        block.add_new(number, "OB", bytes(MIB // 2))


def within_items(dataset: Dataset, size_bytes: int) -> None:
    item = Dataset()
    one_long(item, size_bytes)
    outer = Dataset()
    outer.ContentSequence = [item]
    outer.ContentSequence.is_undefined_length = True
    dataset.ContentSequence = [outer]


@pytest.mark.parametrize("fill", [one_long, many_of_less, within_items])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_long_values_are_not_even_read(
    storage: Storage,
    fill: Callable[[Dataset, int], None],
    syntax: UID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("storage.dicom.long_values._KEPT_BYTES", MIB)
    dataset = dcmread(BytesIO(part10()))
    dataset.file_meta.TransferSyntaxUID = syntax
    fill(dataset, 4 * EACH_BYTES)
    instance = stored(storage, dataset)
    del dataset
    tracemalloc.start()
    try:
        assert not storage.instances.names_another_patient(instance)
        (header,) = storage.instances.headers([instance])
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (header.PatientID, header.Rows) == ("P1", 2)
    assert 0x00091001 not in header
    assert peak_bytes < EACH_BYTES


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_items_of_thousands_of_frames_are_read_where_somebody_asks(
    storage: Storage, syntax: UID, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dcmread(BytesIO(part10()))
    dataset.file_meta.TransferSyntaxUID = syntax
    frame = Dataset()
    frame.FrameComments = "f" * 1024
    dataset.PerFrameFunctionalGroupsSequence = [frame] * 2000
    instance = stored(storage, dataset)
    header = storage.instances.header(instance)
    sequence = header.get_item("PerFrameFunctionalGroupsSequence")
    assert sequence is not None
    assert isinstance(sequence.value, bytes)
    assert header.PerFrameFunctionalGroupsSequence[1999] == frame
    # Those that are held together count as they are when they were asked.
    monkeypatch.setattr(instance_reader, "MAX_HEADERS_BYTES", 4 * MIB)
    with pytest.raises(LimitExceeded, match="The headers of the series take more than 4 MiB"):
        storage.instances.headers([instance])


def test_headers_that_are_large_together_are_refused(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    instances = deflated(storage, "text")
    assert len(storage.instances.headers(instances)) == COUNT
    monkeypatch.setattr(instance_reader, "MAX_HEADERS_BYTES", COUNT * TEXT_BYTES)
    with pytest.raises(LimitExceeded, match="The headers of the series take more than 5 MiB"):
        storage.instances.headers(instances)


@pytest.mark.parametrize(("vr", "value"), [("LO", "A"), ("DS", "1"), ("US", 7)])
def test_values_count_as_they_will_be_held(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, vr: str, value: str | int
) -> None:
    """Two bytes of text are a few hundred in memory, once somebody asks for them."""
    dataset = dcmread(BytesIO(part10()))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    block = dataset.private_block(0x0009, "X", create=True)
    for number in range(4):
        block.add_new(number, vr, [value] * 30_000)
    instance = stored(storage, dataset)
    assert len(storage.instances.headers([instance])) == 1
    monkeypatch.setattr(instance_reader, "MAX_HEADERS_BYTES", 4 * MIB)
    with pytest.raises(LimitExceeded, match="The headers of the series take more than 4 MiB"):
        storage.instances.headers([instance])


def test_conditions_are_asked_of_no_value_of_thousands(storage: Storage) -> None:
    dataset = dcmread(BytesIO(part10()))
    dataset.ImageType = ["A"] * 5_000
    dataset.ScanOptions = ["A"] * 900
    header = storage.instances.header(stored(storage, dataset))
    without_long_values(header, 64 * 1024)
    assert "ImageType" not in header
    assert len(header.ScanOptions) == 900


def test_pixels_of_backslashes_are_no_values(storage: Storage) -> None:
    dataset = dcmread(BytesIO(part10()))
    dataset.PixelData = b"\\" * EACH_BYTES
    instance = stored(storage, dataset)
    (found,) = storage.instances.datasets([instance])
    assert EACH_BYTES < size_of(found) < EACH_BYTES + MIB


def test_images_that_are_large_together_are_refused(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    instances = deflated(storage, "pixels")
    assert len(list(storage.instances.datasets(instances))) == COUNT
    monkeypatch.setattr(instance_reader, "MAX_PIXELS_BYTES", (COUNT - 1) * EACH_BYTES)
    read = []
    with pytest.raises(LimitExceeded, match="The images of the series take more than 32 MiB"):
        read.extend(storage.instances.datasets(instances))
