"""Contours of hundreds of megabytes are counted before they are decoded."""

import tracemalloc
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection import structure_inputs
from inference.input_selection.input_candidates import Candidate
from inference.input_selection.structure_inputs import ChosenStructures, load_structures
from inference.pipeline import NamedInput
from inference.refusals import VolumeRefused
from storage.core.entities import Instance
from storage.integrity.instance_reader import InstanceReader
from tests import builders

CONTOUR_DATA = Tag("ContourData")
MIB = 1 << 20


@dataclass
class Stored:
    """What of an instance and of its reader the contours are read with."""

    header: Dataset
    size_bytes: int = 1000
    reads: list[object] = field(default_factory=list)

    def dataset(self, instance: object) -> Dataset:
        self.reads.append(instance)
        return self.header


@pytest.fixture
def volume() -> Volume:
    return assemble_volume(builders.series(np.zeros((4, 24, 20), np.int16), modality="CT"))


def contour(text: bytes) -> Dataset:
    one = Dataset()
    one.ContourGeometricType = "CLOSED_PLANAR"
    raw = RawDataElement(CONTOUR_DATA, "DS", len(text), text, 0, False, True)
    one._dict[CONTOUR_DATA] = raw
    return one


def header(*texts: bytes, number: int = 1) -> Dataset:
    roi = Dataset()
    roi.ReferencedROINumber = number
    roi.ContourSequence = [contour(text) for text in texts]
    found = Dataset()
    found.ROIContourSequence = [roi]
    return found


def load(stored: Stored, volume: Volume, *rois: tuple[int, str]) -> np.ndarray[Any, Any]:
    # Neither role nor series has anything to do with its contours.
    role = cast(NamedInput, type("Role", (), {"structures": None, "title": "Liver"})())
    candidate = cast(Candidate, type("Series", (), {"name": "series 9"})())
    instance = cast(Instance, stored)
    one = ChosenStructures(role, candidate, instance, rois or ((1, "Liver"),), "")
    return load_structures(cast(InstanceReader, stored), one, volume).volume.voxels


def square(volume: Volume, k: int, size: float = 8.0) -> bytes:
    a, b = 4.5, 4.5 + size
    corners = np.array([[k, a, a], [k, a, b], [k, b, b], [k, b, a]])
    placed = corners @ volume.lps_from_kji[:3, :3].T + volume.lps_from_kji[:3, 3]
    return b"\\".join(f"{one:.6f}".encode() for one in placed.ravel())


def test_the_text_of_contours_gives_the_mask(volume: Volume, monkeypatch: Any) -> None:
    text = square(volume, 1)
    whole = load(Stored(header(text, square(volume, 2) + b" ")), volume)
    assert [int(plane.sum()) for plane in whole] == [0, 64, 64, 0]
    monkeypatch.setattr(structure_inputs, "_NUMBERS_AT_ONCE_BYTES", 7)
    in_pieces = load(Stored(header(text, square(volume, 2) + b" ")), volume)
    assert np.array_equal(whole, in_pieces)


@pytest.mark.parametrize("text", [b"1\\2", b"1\\2\\x", b"1\\2\\nan", b"\\\\", b"1\\2\\1e999"])
def test_what_is_no_point_is_refused(volume: Volume, text: bytes) -> None:
    with pytest.raises(VolumeRefused, match=r"points that are no|no triples"):
        load(Stored(header(text)), volume)


def test_too_many_points_are_refused_before_they_are_numbers(volume: Volume) -> None:
    stored = Stored(header(b"\\".join([b"1"] * 24_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(VolumeRefused, match="5,000,000 points"):
            load(stored, volume)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 * MIB


def test_points_of_all_structures_count_together_and_none_twice(
    volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure_inputs, "_POINTS_AT_MOST", 6)
    text = square(volume, 1)
    both = header(text)
    both.ROIContourSequence.append(header(text, number=2).ROIContourSequence[0])
    with pytest.raises(VolumeRefused, match="6 points"):
        load(Stored(both), volume, (1, "Liver"), (2, "Spleen"))
    assert load(Stored(header(text)), volume, *[(1, "Liver")] * 500).any()


def test_a_file_of_hundreds_of_megabytes_is_not_read(volume: Volume) -> None:
    stored = Stored(header(square(volume, 1)), size_bytes=300 * MIB)
    with pytest.raises(VolumeRefused, match="300 MiB; 256 MiB"):
        load(stored, volume)
    assert stored.reads == []
