"""What a saved measurement says of its unit, and what cannot be saved at all."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
)

from tests import builders
from tests.api.client import ApiNode, is_problem, part10
from tests.inference.results_support import complaints
from tests.services import tool

ROWS, COLUMNS = 400, 600
SUV = "g/ml{SUVbw}"


def image(modality: str, sop_class_uid: str, **attributes: object) -> Dataset:
    """Without pixels that matter, and without a word on their size."""
    dataset = builders.t1_head((1, 8, 8))[0]
    for keyword in (
        "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness",
        "SpacingBetweenSlices", "FrameOfReferenceUID",
    ):  # fmt: skip
        dataset.pop(keyword, None)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class_uid
    dataset.Modality, dataset.Rows, dataset.Columns = modality, ROWS, COLUMNS
    dataset.PixelData = bytes(2 * ROWS * COLUMNS)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def pet(**attributes: object) -> Dataset:
    """F-18 given at 09:00, a series of 10:00, an image of 11:00 that took four minutes."""
    drug = Dataset()
    drug.RadiopharmaceuticalStartTime = "090000"
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = 350e6, 6586.2
    return image(
        "PT", PositronEmissionTomographyImageStorage, PixelSpacing=[4, 4], PatientWeight=70,
        Units="BQML", DecayCorrection="START", CorrectedImage=["DECY", "ATTN"],
        SeriesDate="20260101", SeriesTime="100000",
        AcquisitionDate="20260101", AcquisitionTime="110000", ActualFrameDuration=240_000,
        RadiopharmaceuticalInformationSequence=[drug], **attributes,
    )  # fmt: skip


def region(units: tuple[int, int], deltas: tuple[float, float], rows: tuple[int, int]) -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 2
    item.RegionLocationMinX0, item.RegionLocationMaxX1 = 0, COLUMNS - 1
    item.RegionLocationMinY0, item.RegionLocationMaxY1 = rows
    item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = deltas
    return item


def ultrasound(*regions: Dataset) -> Dataset:
    return image("US", UltrasoundImageStorage, SequenceOfUltrasoundRegions=list(regions))


def line(dataset: Dataset, start: tuple[float, float], end: tuple[float, float]) -> dict[str, Any]:
    return {"shape": "LENGTH", "points": [start, end], "sop_instance_uid": dataset.SOPInstanceUID}


def save(api: ApiNode, dataset: Dataset, *drawings: dict[str, Any]) -> Any:
    api.storage.ingest.accept(part10(dataset), "dimse:MODALITY")
    return api.client.post(
        f"/api/studies/{dataset.StudyInstanceUID}/measurements",
        json={"measurements": list(drawings)},
    )


def report_of(api: ApiNode, answer: Any, folder: Path) -> tuple[dict[str, Any], Path]:
    """The one measurement as the API gives it back, and the SR as a file."""
    assert answer.status_code == 201, answer.text
    instance = api.storage.index.instance(answer.json()["sop_instance_uid"])
    path = folder / "sr.dcm"
    path.write_bytes(api.storage.instances.read(instance))
    (measurement,) = answer.json()["measurements"]
    return measurement, path


@pytest.mark.parametrize(
    ("make", "end", "expected", "caveat"),
    [
        # 122 columns of 0.05 cm.
        (lambda: ultrasound(region((3, 3), (0.05, 0.05), (0, 399))), (222, 100),
         [("length", 61.0, "mm")], ""),
        (lambda: image("CR", ComputedRadiographyImageStorage, PixelSpacing=[0.5, 0.5]), (222, 100),
         [("length", 61.0, "mm")],
         "The header does not state how the pixel spacing was calibrated."),
        # 122 columns of 0.1 mm at the detector, 1.22 times too large there.
        (lambda: image("MG", DigitalMammographyXRayImageStorageForPresentation,
                       ImagerPixelSpacing=[0.1, 0.1],
                       EstimatedRadiographicMagnificationFactor=1.22),
         (222, 100), [("length", 10.0, "mm")],
         "Corrected by the estimated magnification; true at that depth only."),
        (lambda: image("OT", SecondaryCaptureImageStorage), (222, 100),
         [("length", 122.0, "{pixels}")],
         "The image states no pixel size: lengths are in pixels."),
        (lambda: image("CT", CTImageStorage, PixelSpacing=[500, 500]), (222, 100),
         [("length", 122.0, "{pixels}")],
         "A pixel spacing in the header is not plausible for such an image and was not used."
         " The image states no pixel size: lengths are in pixels."),
        (lambda: ultrasound(region((4, 7), (0.002, -0.5), (0, 399))), (250, 60),
         [("time", 0.3, "s"), ("velocity", 20.0, "cm/s")], ""),
    ],
    ids=["ultrasound", "CR", "mammography", "secondary capture", "absurd", "Doppler"],
)  # fmt: skip
def test_a_saved_length_has_the_unit_and_the_caveat_of_its_image(
    api: ApiNode, tmp_path: Path, make: Any, end: tuple[float, float],
    expected: list[tuple[str, float, str]], caveat: str,
) -> None:  # fmt: skip
    dataset = make()
    answer = save(api, dataset, line(dataset, (100, 100), end))
    measurement, path = report_of(api, answer, tmp_path)
    found = [(one["quantity"], one["value"], one["unit"]) for one in measurement["measured"]]
    assert found == [(name, pytest.approx(value, abs=1e-5), unit) for name, value, unit in expected]
    assert measurement["caveat"] == caveat
    assert measurement["shape"] == "LENGTH"
    assert complaints(path) == []
    dump = subprocess.run([tool("dsrdump", "dcmtk"), "+Pc", str(path)],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    for _, value, unit in expected:
        assert f'"{value:.1f}" ({unit},UCUM' in dump
    # The dump shows the beginning of a text alone.
    assert caveat.encode() in path.read_bytes()
    assert ('(122505,DCM,"Calibration")' in dump) == bool(caveat)


@pytest.mark.parametrize(
    ("unit", "decay_factor", "doubt"),
    [
        (SUV, 1.0, "the decay factor in the header belongs to another time"),
        (SUV, 1.47, ""),
        # No SUV is stated, and none is in doubt.
        ("Bq/ml", 1.0, ""),
    ],
)
def test_what_speaks_against_an_suv_stands_beside_it_in_the_report(
    api: ApiNode, tmp_path: Path, unit: str, decay_factor: float, doubt: str
) -> None:
    dataset = pet(DecayFactor=decay_factor)
    answer = save(
        api,
        dataset,
        {
            "shape": "CIRCLE",
            "points": [[20, 20], [25, 20]],
            "sop_instance_uid": dataset.SOPInstanceUID,
            "label": "Lymph node",
            "statistics": [{"quantity": "maximum", "value": 8.4, "unit": unit}],
        },
    )
    measurement, path = report_of(api, answer, tmp_path)
    assert complaints(path) == []
    (imaging,) = (
        one for one in dcmread(path).ContentSequence
        if one.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    )  # fmt: skip
    (group,) = (one for one in imaging.ContentSequence if "ContentSequence" in one)
    texts = {
        one.ConceptNameCodeSequence[0].CodeValue: one.TextValue
        for one in group.ContentSequence
        if one.ValueType == "TEXT"
    }
    assert texts.get("SUVCAVEAT", "").startswith("SUV in doubt: " + doubt if doubt else "")
    assert ("SUVCAVEAT" in texts) == bool(doubt)
    # A doubt is no name of the drawing.
    assert texts["121106"] == measurement["label"] == "Lymph node"


def test_a_line_over_a_spectrum_is_no_length_tool_of_another_viewer(
    api: ApiNode, tmp_path: Path
) -> None:
    dataset = ultrasound(region((4, 7), (0.002, -0.5), (0, 399)))
    _, path = report_of(api, save(api, dataset, line(dataset, (100, 100), (200, 60))), tmp_path)
    written = path.read_bytes()
    assert b"Cornerstone3DTools" not in written
    assert b"MediViewAI:AxisDifference" in written


@pytest.mark.parametrize(
    ("values", "unit", "reason"),
    [
        ({"mean": 40, "minimum": 10, "maximum": 30}, "1", "greater than the maximum of 30"),
        # As of a diffusion coefficient in mm2/s.
        ({"mean": 0.0008, "minimum": 0.005}, "1", "greater than the mean of 0.0008"),
        ({"standard_deviation": -1}, "1", "a standard_deviation of -1, which is negative"),
        ({"mean": 2.5}, SUV, "states a standardized uptake value on an image of modality CR"),
    ],
)
def test_values_of_pixels_that_cannot_be_are_refused_and_come_back_with_an_earlier_report(
    api: ApiNode,
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, float],
    unit: str,
    reason: str,
) -> None:
    dataset = image("CR", ComputedRadiographyImageStorage, PixelSpacing=[0.5, 0.5])
    drawing: dict[str, Any] = {
        "shape": "CIRCLE", "points": [[100, 100], [110, 100]],
        "sop_instance_uid": dataset.SOPInstanceUID,
        "statistics": [
            {"quantity": name, "value": value, "unit": unit} for name, value in values.items()
        ],
    }  # fmt: skip
    answer = save(api, dataset, drawing)
    assert answer.status_code == 400
    assert reason in answer.text
    with monkeypatch.context() as patch:
        # A version of the node that refused nothing of it.
        patch.setattr("inference.annotations.measurements._contradiction", lambda *_: "")
        (kept,) = save(api, dataset, drawing).json()["measurements"]
    drawing["tracking_uid"] = kept["tracking_uid"]
    both = save(api, dataset, drawing, line(dataset, (100, 100), (222, 100)))
    assert both.status_code == 201, both.text
    drawing["statistics"][0]["value"] *= 1.5
    assert reason.split(" of ", maxsplit=1)[0] in save(api, dataset, drawing).text


@pytest.mark.parametrize(
    ("make", "drawing", "reason"),
    [
        (lambda: ultrasound(region((3, 3), (0.05, 0.05), (0, 199))),
         {"points": [[100, 100], [100, 300]]}, "it leaves the calibrated ultrasound region"),
        (lambda: ultrasound(region((3, 3), (0.05, 0.05), (0, 199))),
         {"points": [[100, 300], [200, 300]]}, "outside of the calibrated ultrasound regions"),
        (lambda: ultrasound(region((0, 0), (1, 1), (0, 399))),
         {"points": [[100, 300], [200, 300]]}, "the ultrasound region has no usable units"),
        (lambda: ultrasound(region((4, 7), (0.002, -0.5), (0, 399))),
         {"shape": "CIRCLE", "points": [[100, 300], [120, 300]]}, "are not both lengths"),
        (lambda: image("XC", SecondaryCaptureImageStorage, PixelAspectRatio=[2, 1]),
         {"points": [[100, 300], [200, 300]]}, "pixels that are not square"),
    ],
    ids=["leaves", "outside", "no units", "area of a spectrum", "not square"],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused_in_a_sentence_and_nothing_is_saved(
    api: ApiNode, make: Any, drawing: dict[str, Any], reason: str
) -> None:
    dataset = make()
    good = {"shape": "ARROW", "points": [[1, 1], [5, 5]], "label": "here",
            "sop_instance_uid": dataset.SOPInstanceUID}  # fmt: skip
    bad = {**line(dataset, (0, 0), (1, 1)), **drawing}
    answer = save(api, dataset, good, bad)
    is_problem(answer, 400, "invalid_request")
    detail = answer.json()["detail"]
    assert detail.startswith(f"Measurement 2 ({bad['shape']}) cannot be measured: ")
    assert reason in detail
    listed = api.client.get(f"/api/studies/{dataset.StudyInstanceUID}/measurements").json()
    assert listed["items"] == []


def test_images_of_another_spacing_share_no_library(api: ApiNode, tmp_path: Path) -> None:
    first = image("CR", ComputedRadiographyImageStorage, PixelSpacing=[0.5, 0.5])
    second = image("CR", ComputedRadiographyImageStorage, PixelSpacing=[0.2, 0.2])
    second.StudyInstanceUID = first.StudyInstanceUID
    second.SOPInstanceUID = second.file_meta.MediaStorageSOPInstanceUID = "2.25.4711"
    api.storage.ingest.accept(part10(second), "dimse:MODALITY")
    answer = save(api, first, line(first, (0, 0), (10, 0)), line(second, (0, 0), (10, 0)))
    assert answer.status_code == 201, answer.text
    lengths = [one["measured"][0]["value"] for one in answer.json()["measurements"]]
    assert lengths == [pytest.approx(5.0), pytest.approx(2.0)]
    instance = api.storage.index.instance(answer.json()["sop_instance_uid"])
    assert "Horizontal Pixel Spacing" not in str(api.storage.instances.dataset(instance))


@pytest.mark.parametrize(
    ("make", "length_mm"),
    [
        (lambda: image("DX", DigitalXRayImageStorageForPresentation, PixelSpacing=[0.2, 0.2],
                       ImagerPixelSpacing=[0.2, 0.2],
                       EstimatedRadiographicMagnificationFactor=1.25), 16.0),
        (lambda: image("US", UltrasoundImageStorage, PixelSpacing=[1.0, 1.0],
                       SequenceOfUltrasoundRegions=[region((3, 3), (0.01, 0.01), (0, 399))]), 10.0),
        (lambda: image("CR", ComputedRadiographyImageStorage, PixelSpacing=[0.5, 0.5]), 50.0),
    ],
    ids=["magnified", "regions", "Pixel Spacing"],
)  # fmt: skip
def test_the_report_states_no_spacing_but_that_by_which_it_measured(
    api: ApiNode, make: Any, length_mm: float
) -> None:
    dataset = make()
    answer = save(api, dataset, line(dataset, (100, 100), (200, 100)))
    assert answer.json()["measurements"][0]["measured"][0]["value"] == pytest.approx(length_mm)
    instance = api.storage.index.instance(answer.json()["sop_instance_uid"])
    stated = "Horizontal Pixel Spacing" in str(api.storage.instances.dataset(instance))
    assert stated == (length_mm == 50.0)
