"""Parametric maps: valid, and the same numbers at the same places for every reader."""

from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import ParametricMap, PipelineOutput
from inference.results.encode import encode_results
from inference.results.file_writing import part10
from inference.results.parametric_map import region_of
from storage.core.findings import Code
from tests import builders
from tests.inference.results_support import PIPELINE, complaints, job_for, save

SHAPE = (9, 11, 13)
ADC = Code("113041", "DCM", "Apparent Diffusion Coefficient")
MM2_S = Code("mm2/s", "UCUM", "square millimeter per second")


def _oblique() -> list[Dataset]:
    voxels = np.random.default_rng(8).integers(0, 500, SHAPE, dtype=np.int16)
    datasets = builders.series(
        voxels, spacing_mm=(2.5, 0.9, 0.6), directions=builders.rotation(25, -15, 110)
    )
    order = np.random.default_rng(9).permutation(len(datasets))
    return [datasets[index] for index in order]


def _values() -> NDArray[np.float32]:
    return np.random.default_rng(3).gamma(2.0, 4e-4, SHAPE).astype(np.float32)


def _encoded(
    datasets: list[Dataset], *values: NDArray[np.float32], **changes: object
) -> list[Dataset]:
    volume = assemble_volume(datasets)
    maps = tuple(
        ParametricMap(f"ADC {number}", ADC, MM2_S, one) for number, one in enumerate(values)
    )
    output = replace(PipelineOutput(maps=maps), **changes)  # type: ignore[arg-type]
    made = encode_results(job_for(volume), PIPELINE, datasets, volume, output).objects
    assert {one.kind for one in made} == {"PM"}
    return [one.dataset for one in made]


def _kji_of_frames(result: Dataset, volume: Volume) -> list[int]:
    """Of which slice each frame is, by its position alone."""
    kji_from_lps = np.linalg.inv(volume.lps_from_kji)
    found = []
    for groups in result.PerFrameFunctionalGroupsSequence:
        position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        k, j, i = (kji_from_lps @ np.append(position, 1.0))[:3]
        assert (j, i) == pytest.approx((0, 0), abs=1e-6)
        found.append(round(k))
    return found


def test_pydicom_and_highdicom_read_the_numbers_of_numpy_at_their_places(tmp_path: Path) -> None:
    datasets, values = _oblique(), _values()
    volume = assemble_volume(datasets)
    (made,) = _encoded(datasets, values)
    path = save(made, tmp_path / "map.dcm")
    read = pydicom.dcmread(path)
    assert read.SOPClassUID == "1.2.840.10008.5.1.4.1.1.30"
    frames = np.frombuffer(read.FloatPixelData, "<f4").reshape(SHAPE)
    np.testing.assert_array_equal(frames, values[_kji_of_frames(read, volume)])
    by_highdicom = hd.imread(path)
    np.testing.assert_array_equal(
        by_highdicom.get_frames(apply_real_world_transform=True),
        values[_kji_of_frames(read, volume)].astype(np.float64),
    )
    space = by_highdicom.get_volume(apply_real_world_transform=True)
    # Its own affine, voxel by voxel: highdicom orders the slices by itself.
    for index in ((0, 0, 0), (8, 10, 12), (3, 7, 2)):
        lps = space.affine @ (*index, 1.0)
        k, j, i = np.rint(np.linalg.inv(volume.lps_from_kji) @ lps).astype(int)[:3]
        assert space.array[index] == values[k, j, i]


def test_the_quantity_and_its_unit_are_coded(tmp_path: Path) -> None:
    (made,) = _encoded(_oblique(), _values())
    assert complaints(save(made, tmp_path / "map.dcm")) == []
    (mapping,) = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "mm2/s"
    (quantity,) = mapping.QuantityDefinitionSequence
    assert quantity.ConceptCodeSequence[0].CodeValue == "113041"
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
    assert mapping.DoubleFloatRealWorldValueFirstValueMapped == float(_values().min())
    assert mapping.DoubleFloatRealWorldValueLastValueMapped == float(_values().max())
    assert made.ContentQualification == "RESEARCH"
    assert "AI, research use only" in made.SeriesDescription
    assert (made.PatientID, made.StudyID) == ("TEST-7", "S1")


def test_each_frame_names_the_image_that_it_is_of() -> None:
    datasets = _oblique()
    (made,) = _encoded(datasets, _values(), derivation="smoothed, 2 mm")
    positions = {one.SOPInstanceUID: one.ImagePositionPatient for one in datasets}
    for groups in made.PerFrameFunctionalGroupsSequence:
        (derivation,) = groups.DerivationImageSequence
        assert derivation.DerivationDescription == "smoothed, 2 mm"
        (source,) = derivation.SourceImageSequence
        np.testing.assert_allclose(
            np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float),
            np.array(positions[source.ReferencedSOPInstanceUID], float),
            atol=1e-6,
        )


def test_voxels_without_a_value_are_padding(tmp_path: Path) -> None:
    values = _values()
    values[2:4, 5, :] = np.nan
    (made,) = _encoded(_oblique(), values)
    path = save(made, tmp_path / "map.dcm")
    assert complaints(path) == []
    read = pydicom.dcmread(path)
    frames = np.frombuffer(read.FloatPixelData, "<f4")
    assert np.count_nonzero(frames == np.float32(read.FloatPixelPaddingValue)) == 2 * SHAPE[2]
    (window,) = read.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence
    assert 0 < float(window.WindowCenter) < float(np.nanmax(values))


def test_several_maps_share_a_series_and_a_rerun_repeats_them() -> None:
    datasets = _oblique()
    first, second = _encoded(datasets, _values(), np.ones(SHAPE, np.float32))
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)
    again = _encoded(datasets, _values(), np.ones(SHAPE, np.float32))
    assert [part10(one) for one in again] == [part10(one) for one in (first, second)]


def test_frames_of_a_multi_frame_instance_are_named_by_their_own_numbers(
    tmp_path: Path,
) -> None:
    enhanced = builders.enhanced_mr(_oblique(), np.random.default_rng(4).permutation(SHAPE[0]))
    volume = assemble_volume([enhanced])
    (made,) = _encoded([enhanced], _values())
    read = pydicom.dcmread(save(made, tmp_path / "map.dcm"))
    frames = np.frombuffer(read.FloatPixelData, "<f4").reshape(SHAPE)
    np.testing.assert_array_equal(frames, _values()[_kji_of_frames(read, volume)])
    for groups in read.PerFrameFunctionalGroupsSequence:
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        number = int(source.ReferencedFrameNumber)
        stated = enhanced.PerFrameFunctionalGroupsSequence[number - 1].PlanePositionSequence[0]
        np.testing.assert_allclose(
            np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float),
            np.array(stated.ImagePositionPatient, float),
            atol=1e-6,
        )


@pytest.mark.parametrize(
    ("stated", "region"),
    [("BRAIN", "Head"), ("Chest", "Chest"), ("C-SPINE", "Cervical spine"), ("?", "Entire body")],
)
def test_the_part_of_the_body_is_coded(stated: str, region: str) -> None:
    assert region_of(stated).meaning == region
