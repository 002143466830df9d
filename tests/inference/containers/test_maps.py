"""Maps that a container writes: taken where they lie on the grid of the series, else refused."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom as hd
import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from inference.containers.results import OutputReader, Written
from inference.models.cards.card_quantities import CardMap
from inference.refusals import ModelUnusable
from tests.inference.containers.outputs import IMAGES, MIB, SHAPE, VOLUME

VALUES = np.random.default_rng(5).normal(800, 200, SHAPE).astype(np.float32)
CARD = {
    "adc.nii.gz": CardMap(
        label="ADC", unit="mm2/s", code=("113041", "DCM", "Apparent Diffusion Coefficient"),
        scale=1e-6,
    )
}  # fmt: skip


def read(folder: Path) -> Written:
    return OutputReader(IMAGES[0], VOLUME, {}, 8 * MIB, CARD).read(folder)


def refusal(folder: Path) -> str:
    with pytest.raises(ModelUnusable) as refused:
        read(folder)
    assert refused.value.remedy
    return refused.value.message


def nifti(folder: Path, values: NDArray[Any], turn: str = "RAS", shift_mm: float = 0.0) -> None:
    lps_from_ijk = VOLUME.lps_from_kji[:, [2, 1, 0, 3]].copy()
    lps_from_ijk[0, 3] += shift_mm
    image = nib.Nifti1Image(values.T, np.diag((-1, -1, 1, 1)) @ lps_from_ijk)
    source = nib.io_orientation(image.affine)
    codes_of = nib.orientations.axcodes2ornt(tuple(turn))
    turned = image.as_reoriented(nib.orientations.ornt_transform(source, codes_of))
    nib.save(turned, folder / "adc.nii.gz")


def parametric_map(values: NDArray[Any] = VALUES, slope: float = 1e-6) -> Dataset:
    """As another vendor's program writes it, the slices in an order of its own."""
    order = list(np.random.default_rng(2).permutation(SHAPE[0]))
    images = [IMAGES[VOLUME.instance_indices[k]] for k in order]
    made = hd.pm.ParametricMap(
        source_images=images,
        pixel_array=values[order],
        series_instance_uid=generate_uid(),
        series_number=900,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Another vendor",
        manufacturer_model_name="Other",
        software_versions="1",
        device_serial_number="1",
        contains_recognizable_visual_features=False,
        voi_lut_transformations=[hd.VOILUTTransformation(window_center=800, window_width=400)],
        real_world_value_mappings=[
            hd.pm.RealWorldValueMapping(
                lut_label="ADC",
                lut_explanation="Diffusion",
                unit=codes.UCUM.SquareMillimeterPerSecond,
                value_range=(0.0, 5000.0) if values.dtype.kind == "f" else (0, 5000),
                slope=slope,
                intercept=0.0,
                quantity_definition=codes.DCM.ApparentDiffusionCoefficient,
            )
        ],
    )
    return copy.deepcopy(made)


@pytest.mark.parametrize("turn", ["RAS", "LPS", "PIR", "SAL"])
def test_a_nifti_map_may_be_turned(tmp_path: Path, turn: str) -> None:
    nifti(tmp_path, VALUES, turn)
    (one,) = read(tmp_path).maps
    np.testing.assert_allclose(one.values, VALUES * 1e-6, rtol=1e-6)
    assert (one.label, one.unit.value, one.code.value) == ("ADC", "mm2/s", "113041")


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint16])
def test_a_parametric_map_is_read_in_its_unit(tmp_path: Path, kind: type[Any]) -> None:
    parametric_map(VALUES.astype(kind)).save_as(tmp_path / "a.dcm")
    (one,) = read(tmp_path).maps
    expected = VALUES.astype(kind).astype(np.float64) * 1e-6
    expected[(expected < 0) | (expected > 5e-3)] = np.nan
    np.testing.assert_allclose(one.values, expected, rtol=1e-5)
    assert (one.label, one.unit.value, one.code.value) == ("Diffusion", "mm2/s", "113041")


def test_padding_of_a_parametric_map_has_no_value(tmp_path: Path) -> None:
    made = parametric_map()
    made.FloatPixelPaddingValue = float(VALUES[1, 2, 3])
    made.save_as(tmp_path / "a.dcm")
    (one,) = read(tmp_path).maps
    assert np.isnan(one.values[1, 2, 3])
    assert np.isfinite(one.values[1, 2, 4])


def moved_by(mm: float) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            plane = frame.PlanePositionSequence[0]
            position = plane.ImagePositionPatient
            plane.ImagePositionPatient = [position[0] + mm, *position[1:]]

    return change


def states(**values: Any) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return change


def by_table(dataset: Dataset) -> None:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    del shared.RealWorldValueMappingSequence[0].RealWorldValueSlope


def of_one_slice(dataset: Dataset) -> None:
    frames = dataset.PerFrameFunctionalGroupsSequence
    frames[1].PlanePositionSequence = frames[0].PlanePositionSequence


def without_a_unit(dataset: Dataset) -> None:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.RealWorldValueMappingSequence[0].MeasurementUnitsCodeSequence[0].CodeMeaning = ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (states(PatientID="SOMEBODY"), "is of another patient"),
        (states(FrameOfReferenceUID="2.25.8"), "another frame of reference"),
        (states(Rows=19), "has 24 × 19 pixels; the series has 24 × 20"),
        (states(FloatPixelData=b"\0\0\0\0"), "cannot be read"),
        (states(BitsAllocated=64), "64 bits allocated"),
        (states(PerFrameFunctionalGroupsSequence=[]), "has 0 frames"),
        (moved_by(0.6), "lies beside slice"),
        (moved_by(900), "beside"),
        (by_table, "by a table"),
        (of_one_slice, "two frames of one slice"),
        (without_a_unit, "a code that is none by DICOM"),
    ],
)
def test_a_parametric_map_that_is_not_of_the_series_is_refused(
    tmp_path: Path, change: Callable[[Dataset], None], says: str
) -> None:
    made = parametric_map()
    change(made)
    made.save_as(tmp_path / "a.dcm")
    stated = refusal(tmp_path)
    assert says in stated
    assert "SOMEBODY" not in stated


def test_a_nifti_map_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    nifti(tmp_path, VALUES, shift_mm=0.9)
    assert "lies beside slice 1" in refusal(tmp_path)
