"""Which CT series lung-density takes, and the sentence that the others get."""

from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import CTImageStorage, SecondaryCaptureImageStorage
from pydicom.valuerep import DS

from inference.pipelines.chest.chest_ct import judge_chest_ct

Change = Callable[[list[Dataset]], None]


def headers(distance_mm: float = 2.5, count: int = 80) -> list[Dataset]:
    """A usual chest CT, feet first, in no order."""
    slices = []
    for n in range(count):
        ds = Dataset()
        ds.SOPClassUID = CTImageStorage
        ds.SOPInstanceUID = f"2.25.{n + 1}"
        ds.SeriesInstanceUID = "2.25.1000"
        ds.FrameOfReferenceUID = "2.25.1001"
        ds.Modality = "CT"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.BodyPartExamined = "CHEST"
        ds.ConvolutionKernel = "STANDARD"
        ds.Rows, ds.Columns = 512, 480
        ds.PixelSpacing = [0.71, 0.69]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.ImagePositionPatient = [-160.0, -180.0, 40.0 - n * distance_mm]
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
        ds.PhotometricInterpretation = "MONOCHROME2"
        ds.SamplesPerPixel = 1
        slices.append(ds)
    return slices[::2] + slices[1::2]


def set_all(keyword: str, value: object) -> Change:
    def change(slices: list[Dataset]) -> None:
        for ds in slices:
            setattr(ds, keyword, value)

    return change


def set_in_groups(groups: str, macro: str, keyword: str, value: object) -> Change:
    """As enhanced CT states it: of all frames, or of each."""

    def change(slices: list[Dataset]) -> None:
        for ds in slices:
            inner, group = Dataset(), Dataset()
            setattr(inner, keyword, value)
            setattr(group, macro, [inner])
            setattr(ds, groups, [group])

    return change


def of_frames(keyword: str, value: object) -> Change:
    macro = "PixelValueTransformationSequence"
    if keyword == "FrameType":
        macro = "CTImageFrameTypeSequence"
    return set_in_groups("PerFrameFunctionalGroupsSequence", macro, keyword, value)


def test_a_usual_chest_ct_is_taken_and_its_kernel_named() -> None:
    acceptance = judge_chest_ct(headers())
    assert acceptance.accepted
    assert acceptance.reason == "Axial chest CT of 80 slices 2.50 mm apart (kernel STANDARD)."


def test_a_description_stands_in_for_a_body_part() -> None:
    slices = headers()
    set_all("BodyPartExamined", "")(slices)
    set_all("SeriesDescription", "Thorax nativ 2.0 I70f")(slices)
    assert judge_chest_ct(slices).accepted


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (set_all("Modality", "MR"), "Modality is MR; only CT is taken."),
        (set_all("SOPClassUID", SecondaryCaptureImageStorage), "Secondary Capture"),
        (set_all("ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"]), "a localizer"),
        (set_all("ImageType", ["DERIVED", "SECONDARY", "MIP"]), "a projection"),
        (set_all("RescaleType", "US"), "RescaleType is US"),
        (of_frames("RescaleType", "MGML"), "RescaleType is MGML; densities are measured in HU."),
        (
            set_in_groups(
                "SharedFunctionalGroupsSequence",
                "PixelValueTransformationSequence",
                "RescaleType",
                "Z_EFF",
            ),
            "RescaleType is Z_EFF",
        ),
        (of_frames("FrameType", ["DERIVED", "PRIMARY", "VOLUME", "VMI"]), "monoenergetic"),
        (of_frames("FrameType", ["DERIVED", "PRIMARY", "MAX_IP", "NONE"]), "a projection"),
        (set_all("BodyPartExamined", "HEAD"), "BodyPartExamined is HEAD"),
        (set_all("BodyPartExamined", ""), "Nothing says that the series shows the chest"),
        (set_all("FrameOfReferenceUID", ""), "FrameOfReferenceUID is missing"),
        (set_all("PixelSpacing", [0.3, 0.3]), "144 mm wide"),
        (
            set_all("ImageType", ["DERIVED", "PRIMARY", "AXIAL", "VMI"]),
            "a virtual monoenergetic image",
        ),
        (set_all("KVP", MultiValue(DS, ["80", "140"])), "made with 80 and 140 kV (KVP)"),
    ],
)
def test_what_is_not_taken_gets_the_value_that_decided(change: Change, reason: str) -> None:
    slices = headers()
    change(slices)
    acceptance = judge_chest_ct(slices)
    assert not acceptance.accepted
    assert reason in acceptance.reason


def test_slices_of_two_tube_voltages_are_not_measured_as_if_of_one() -> None:
    slices = headers()
    for number, ds in enumerate(slices):
        ds.KVP = "80" if number % 2 else "120.0"
    acceptance = judge_chest_ct(slices)
    assert not acceptance.accepted
    assert "made with 80 and 120 kV (KVP)" in acceptance.reason
    for number, ds in enumerate(slices):
        ds.KVP = "120" if number % 2 else "1.20E2 "
    assert judge_chest_ct(slices).accepted


@pytest.mark.parametrize(
    ("slices", "reason"),
    [
        (headers(distance_mm=5.0), "5.00 mm apart; 3 mm is the most"),
        (headers(count=40), "100 mm long"),
        ([], "no instances"),
    ],
    ids=["thick", "short", "empty"],
)
def test_thick_or_short_series_are_refused_by_their_measure(
    slices: list[Dataset], reason: str
) -> None:
    acceptance = judge_chest_ct(slices)
    assert not acceptance.accepted
    assert reason in acceptance.reason


def test_a_sagittal_stack_is_refused_by_its_tilt() -> None:
    slices = headers()
    for n, ds in enumerate(slices):
        ds.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        ds.ImagePositionPatient = [n * 2.5, -180.0, 40.0]
    acceptance = judge_chest_ct(slices)
    assert not acceptance.accepted
    assert "tilted by 90°" in acceptance.reason
