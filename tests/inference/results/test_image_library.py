"""What a report says of the slices that it rests on (PS3.16 TID 1602 and 1604)."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.imaging.volume import assemble_volume
from inference.results.sr.image_library import grid_of
from tests import builders
from tests.inference.results_support import complaints, encode, result, save

SHAPE = (4, 6, 5)


def descriptors(report: Dataset) -> dict[str, float]:
    (library,) = (one for one in report.ContentSequence if _name(one) == "Image Library")
    (group,) = library.ContentSequence
    return {
        _name(one): float(one.MeasuredValueSequence[0].NumericValue)
        for one in group.ContentSequence
        if one.ValueType == "NUM"
    }


def _name(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def test_anisotropic_oblique_slices(tmp_path: Path) -> None:
    frame = builders.rotation(10, -20, 30)
    datasets = builders.series(
        np.zeros(SHAPE, np.int16), spacing_mm=(3.0, 0.8, 0.5), directions=frame, SliceThickness=2.0
    )
    mask = np.zeros(SHAPE, bool)
    mask[1:3, 2:4, 2:4] = True
    report = result(encode(datasets, mask), "SR")
    assert complaints(save(report, tmp_path / "sr.dcm")) == []
    found = descriptors(report)
    expected = {
        "Pixel Data Rows": 6.0,
        "Pixel Data Columns": 5.0,
        "Horizontal Pixel Spacing": 0.5,
        "Vertical Pixel Spacing": 0.8,
        "Spacing between slices": 3.0,
        "Slice Thickness": 2.0,
        **{
            f"Image Orientation (Patient) Row {a}": v
            for a, v in zip("XYZ", frame[:, 0], strict=True)
        },
        **{
            f"Image Orientation (Patient) Column {a}": v
            for a, v in zip("XYZ", frame[:, 1], strict=True)
        },
    }
    assert found == pytest.approx(expected, abs=1e-5)


def test_tilted_slices_are_as_far_apart_as_their_planes() -> None:
    turn = np.radians(20.0)
    datasets = builders.series(np.zeros(SHAPE, np.int16), modality="CT", SliceThickness=5)
    for k, dataset in enumerate(datasets):
        dataset.ImageOrientationPatient = [1, 0, 0, 0, float(np.cos(turn)), float(np.sin(turn))]
        dataset.ImagePositionPatient = [0, 0, 5.0 * k]
    grid = grid_of(assemble_volume(datasets, tilted=True), datasets)
    assert grid.between_slices_mm == pytest.approx(5.0 * np.cos(turn))
    assert grid.thickness_mm == 5.0


def test_slices_of_several_thicknesses_share_none() -> None:
    datasets = builders.series(np.zeros(SHAPE, np.int16))
    for k, dataset in enumerate(datasets):
        dataset.SliceThickness = 2 + k % 2
    assert grid_of(assemble_volume(datasets), datasets).thickness_mm is None


def test_one_thickness_in_several_spellings_is_one() -> None:
    """As PS3.5 6.2 lets decimal strings be written."""
    datasets = builders.series(np.zeros(SHAPE, np.int16))
    for k, dataset in enumerate(datasets):
        dataset.SliceThickness = ("2.3", "2.30", "+2.3", "2.3E0 ")[k % 4]
    assert grid_of(assemble_volume(datasets), datasets).thickness_mm == 2.3


def test_an_enhanced_instance_is_described_by_its_groups() -> None:
    slices = builders.series(np.zeros(SHAPE, np.int16), spacing_mm=(3.0, 0.8, 0.5))
    source = builders.enhanced_mr(slices, (2, 0, 3, 1))
    mask = np.zeros(SHAPE, bool)
    mask[1:3, 2:4, 2:4] = True
    found = descriptors(result(encode([source], mask), "SR"))
    assert found["Horizontal Pixel Spacing"] == 0.5
    assert found["Vertical Pixel Spacing"] == 0.8
    assert found["Spacing between slices"] == 3.0
