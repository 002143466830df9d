"""Sequences that a header leaves undecoded say later what pydicom reads at once."""

import random
import struct
import time
from io import BytesIO
from itertools import product

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from storage.core.errors import LimitExceeded
from storage.dicom import functional_groups, undecoded
from storage.dicom.dataset_reader import read_part10
from storage.dicom.functional_groups import PER_FRAME_GROUPS
from storage.dicom.header_sizes import only_frames_of_long_sequences
from storage.dicom.later_element import LaterElement
from tests.storage.instances import part10

SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]
DELIMITER = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
EMPTY_ELEMENT = struct.pack("<HH2sH", 0x0008, 0x0104, b"LO", 0)
ONE_ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 8) + EMPTY_ELEMENT
PIXEL_DATA = b"\xe0\x7f\x10\x00"


def filled(choose: random.Random, depth: int) -> Dataset:
    """Some of what items hold: numbers, texts, nothing, private values, sequences."""
    item = Dataset()
    item.is_undefined_length_sequence_item = choose.random() < 0.5
    item.CodeMeaning = "Größe" * choose.randrange(9)
    item.DimensionIndexValues = [choose.randrange(99) for _ in range(3)]
    item.ImagePositionPatient = [choose.randrange(9), 0, 1.5]
    if choose.random() < 0.5:
        item.EffectiveEchoTime = choose.random()
    if choose.random() < 0.3:
        item.FrameComments = ""
    if choose.random() < 0.3:
        block = item.private_block(0x0009, "SOMEBODY", create=True)
        block.add_new(0x01, "OB", bytes(choose.randrange(40) * 2))
        block.add_new(0x02, "UN", b"what it may be")
    if depth:
        for keyword in ("FrameContentSequence", "PlanePositionSequence", "AnatomicRegionSequence"):
            if choose.random() < 0.7:
                some = [filled(choose, depth - 1) for _ in range(choose.randrange(3))]
                setattr(item, keyword, Sequence(some))
                item[keyword].is_undefined_length = choose.random() < 0.5
    return item


def stored(choose: random.Random, syntax: UID) -> bytes:
    dataset = dcmread(BytesIO(part10()))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SpecificCharacterSet = choose.choice(["ISO_IR 100", "ISO_IR 192"])
    for keyword in ("PerFrameFunctionalGroupsSequence", "RequestAttributesSequence"):
        setattr(dataset, keyword, Sequence([filled(choose, 2) for _ in range(4)]))
        dataset[keyword].is_undefined_length = choose.random() < 0.5
    again = dataset.PerFrameFunctionalGroupsSequence
    again.append(again[0])
    dataset.private_block(0x0041, "SOMEBODY", create=True).add_new(
        0x01, "SQ", Sequence([filled(choose, 1)])
    )
    del dataset.PixelData
    fresh = Dataset()
    fresh.update(dataset)
    fresh.file_meta = dataset.file_meta
    written = BytesIO()
    fresh.save_as(written, enforce_file_format=True)
    return written.getvalue()


def header(file: bytes) -> Dataset:
    return read_part10(BytesIO(file), stop_before_pixels=True, long_values="left out")


@pytest.mark.parametrize(("syntax", "at_once"), list(product(SYNTAXES, [0, 600])))
def test_values_are_those_of_pydicom(
    syntax: UID, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undecoded, "_READ_AT_ONCE_BYTES", at_once)
    for seed in (at_once, at_once + 1):
        file = stored(random.Random(seed), syntax)
        theirs = dcmread(BytesIO(file), stop_before_pixels=True)
        ours = header(file)
        assert list(ours.keys()) == list(theirs.keys())
        held = header(file)
        only_frames_of_long_sequences(held)
        for found in (ours, held):
            assert found == theirs, seed
            assert found.to_json_dict() == theirs.to_json_dict()


def test_equal_groups_are_decoded_once() -> None:
    file = stored(random.Random(3), ExplicitVRLittleEndian)
    frames = header(file).PerFrameFunctionalGroupsSequence
    first, last = (
        [one for tag in frame.keys() if isinstance(one := frame.get_item(tag), LaterElement)]  # noqa: SIM118
        for frame in (frames[0], frames[4])
    )
    assert first
    assert all(one is other for one, other in zip(first, last, strict=True))


def with_items(vr: bytes, content: bytes, tag: tuple[int, int] = (0x0040, 0x0275)) -> bytes:
    """A file with an element of undefined length before its pixels."""
    file = part10()
    at = file.index(PIXEL_DATA)
    head = struct.pack("<HH2sHL", *tag, vr, 0, 0xFFFFFFFF)
    return file[:at] + head + content + DELIMITER + file[at:]


MANY = 240_000


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(with_items(b"SQ", ONE_ITEM * MANY), id="items"),
        pytest.param(
            with_items(
                b"UN",
                struct.pack("<HHLHHL", 0xFFFE, 0xE000, 8, 0x0008, 0x0104, 0) * MANY,
                (0x0041, 0x1001),
            ),
            id="of UN",
        ),
        pytest.param(
            with_items(
                b"SQ",
                struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
                + EMPTY_ELEMENT * MANY
                + struct.pack("<HHL", 0xFFFE, 0xE00D, 0),
            ),
            id="in one item",
        ),
    ],
)
def test_items_that_nobody_asks_for_cost_next_to_nothing(file: bytes) -> None:
    """pydicom takes 7 to 16 s for each of these, of four megabytes."""
    header(part10())
    began = time.process_time()
    read = header(file)
    only_frames_of_long_sequences(read)
    assert time.process_time() - began < 1.0
    assert read.Rows == 2


def test_frames_beyond_the_limit_are_refused_before_they_are_decoded() -> None:
    read = header(with_items(b"SQ", ONE_ITEM * MANY, (0x5200, 0x9230)))
    began = time.process_time()
    with pytest.raises(LimitExceeded, match="groups of more than 40000 frames"):
        only_frames_of_long_sequences(read)
    assert time.process_time() - began < 1.0


def test_a_sequence_that_breaks_its_encoding_is_read_by_pydicom_as_far_as_it_is_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """pydicom takes whatever stands there for an item."""
    broken = struct.pack("<HHL", 0x0040, 0x0275, 8) + EMPTY_ELEMENT
    (item,) = header(with_items(b"SQ", broken)).RequestAttributesSequence
    assert item.CodeMeaning == ""
    for module, tag in ((undecoded, (0x0040, 0x0275)), (functional_groups, (0x5200, 0x9230))):
        monkeypatch.setattr(module, "_MOST_IRREGULAR_ELEMENTS", 50)
        with pytest.raises(LimitExceeded, match="more than 50 elements"):
            _ = header(with_items(b"SQ", ONE_ITEM * 60 + broken, tag))[tag]


def test_elements_that_are_decoded_later_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undecoded, "MAX_READ_ELEMENTS", 20_000)
    inner = struct.pack("<HH2sHL", 0x0040, 0x0008, b"SQ", 0, 6000 * 8)
    empty = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 12 + 6000 * 8) + inner + empty * 6000
    read = header(with_items(b"SQ", item * 4))
    *some, last = read.RequestAttributesSequence
    assert [len(one.ScheduledProtocolCodeSequence) for one in some] == [6000] * 3
    with pytest.raises(LimitExceeded, match="more than 20000 elements"):
        _ = last.ScheduledProtocolCodeSequence


def test_of_longer_sequences_frames_alone_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of undefined length and of a defined one."""
    monkeypatch.setattr(undecoded, "_MOST_BYTES", 2 << 20)
    content = ONE_ITEM * 135_000
    for tag, is_kept in (((0x0040, 0x0275), False), ((0x5200, 0x9230), True)):
        undefined = with_items(b"SQ", content, tag)
        at = undefined.index(b"\xff\xff\xff\xff")
        defined = undefined.replace(DELIMITER, b"", 1)
        defined = defined[:at] + struct.pack("<L", len(content)) + defined[at + 4 :]
        for file in (undefined, defined):
            assert (tag in header(file)) == is_kept


def test_a_header_is_sent_to_another_process_with_what_is_undecoded() -> None:
    import pickle

    read = header(with_items(b"SQ", ONE_ITEM * 10_000))
    # Made here, for the process that renders its pixels.
    again = pickle.loads(pickle.dumps(read))
    assert len(again.RequestAttributesSequence) == 10_000
    frames = header(with_items(b"SQ", ONE_ITEM * 100, (0x5200, 0x9230)))
    _ = frames[PER_FRAME_GROUPS]
    assert pickle.loads(pickle.dumps(frames)) == frames
