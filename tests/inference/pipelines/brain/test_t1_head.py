"""Which series brain-volume takes, and the value that each refusal names."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.pipeline import Acceptance
from inference.pipelines.brain.brain_volume import BrainVolume
from storage.core.entities import Series
from tests import builders


def _row(origin: str = "received") -> Series:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return Series(
        "1.2", "1.1", "MR", 4, "", "", "", "", "", "COMPLETE", origin, "f", now, now, now, 1, 1
    )  # fmt: skip


def _judge(headers: list[Dataset]) -> Acceptance:
    return BrainVolume().accepts(_row("received"), (), headers)


def _headers(folder: Path) -> list[Dataset]:
    return [
        pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.rglob("*.dcm"))
    ]


def test_the_real_t1_head_is_accepted_by_its_description(shared_data: Path) -> None:
    judged = _judge(_headers(shared_data / "mr_t1_head"))
    assert judged == Acceptance(
        True, "3D T1-weighted head MR of 384 slices (SeriesDescription 'anat-T1w')."
    )


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("ct_chest_LIDC-IDRI-0001", "Modality is CT; only MR is taken."),
        ("geometry_guards/gantrytilting_001", "Modality is CT; only MR is taken."),
        ("geometry_guards/notavolume_001", "Modality is CT; only MR is taken."),
        ("geometry_guards/sliceincrement_001", "Modality is CT; only MR is taken."),
        (
            "vendor_headers/siemens_anatomical_001",
            "EchoTime is 394 ms; T1-weighted 3D has 15 ms at most.",
        ),
        (
            "vendor_headers/ge_anatomical_001",
            "The series has 4 slices; a whole head needs 60 or more.",
        ),
    ],
)
def test_other_real_series_are_refused_with_the_value(
    shared_data: Path, folder: str, reason: str
) -> None:
    assert _judge(_headers(shared_data / folder)) == Acceptance(False, reason)


@pytest.mark.parametrize(
    ("description", "evidence"),
    [
        ("t1_mprage_sag_p2_iso", "SeriesDescription 't1_mprage_sag_p2_iso'"),
        ("Ax BRAVO 3D", "SeriesDescription 'Ax BRAVO 3D'"),
        ("sT1W_3D_TFE", "SeriesDescription 'sT1W_3D_TFE'"),
        ("t1_tracer_study", "SeriesDescription 't1_tracer_study'"),
        ("Head volume", "gradient echo, EchoTime 2.98 ms, InversionTime 900 ms"),
    ],
)
def test_a_t1_head_is_known_by_words_or_parameters(description: str, evidence: str) -> None:
    judged = _judge(builders.t1_head(SeriesDescription=description))
    assert judged == Acceptance(True, f"3D T1-weighted head MR of 80 slices ({evidence}).")


def test_a_spoiled_gradient_echo_without_inversion_is_t1() -> None:
    judged = _judge(
        builders.t1_head(
            SeriesDescription="Head", ScanningSequence="GR", SequenceVariant="SP",
            RepetitionTime="8.9", InversionTime=None,
        )
    )  # fmt: skip
    assert judged.accepted
    assert "spoiled gradient echo, EchoTime 2.98 ms, RepetitionTime 8.9 ms" in judged.reason


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Modality": "CT"}, "Modality is CT; only MR is taken."),
        (
            {"SOPClassUID": pydicom.uid.SecondaryCaptureImageStorage},
            "The series holds Secondary Capture Image Storage, not MR images.",
        ),
        (
            {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
            "ImageType is ORIGINAL\\PRIMARY\\LOCALIZER: the series is a localizer.",
        ),
        (
            {"ImageType": ["DERIVED", "PRIMARY", "PROJECTION IMAGE"]},
            "ImageType is DERIVED\\PRIMARY\\PROJECTION IMAGE: the series is a projection.",
        ),
        (
            {"PhotometricInterpretation": "MONOCHROME1"},
            "PhotometricInterpretation is MONOCHROME1; only MONOCHROME2 is taken.",
        ),
        (
            {"SeriesDescription": "3-plane localizer"},
            "SeriesDescription is '3-plane localizer': the series is a localizer.",
        ),
        ({"MRAcquisitionType": "2D"}, "MRAcquisitionType is 2D; only 3D is taken."),
        ({"EchoTime": "92"}, "EchoTime is 92 ms; T1-weighted 3D has 15 ms at most."),
        (
            {"RepetitionTime": "9000"},
            "RepetitionTime is 9000 ms; T1-weighted 3D has 5500 ms at most.",
        ),
        (
            {"SeriesDescription": "t2_space_sag"},
            "SeriesDescription is 't2_space_sag', which names another contrast than T1.",
        ),
        (
            {"SeriesDescription": "TOF_3D_multi-slab"},
            "SeriesDescription is 'TOF_3D_multi-slab', which names another contrast than T1.",
        ),
        (
            {"SeriesDescription": "Head", "EchoTime": None, "RepetitionTime": ""},
            "Nothing says that the series is T1-weighted (SeriesDescription 'Head', EchoTime not"
            " stated, RepetitionTime not stated, InversionTime 900 ms).",
        ),
        ({"BodyPartExamined": "KNEE"}, "BodyPartExamined is KNEE; only the head is taken."),
        (
            {"BodyPartExamined": "", "ProtocolName": "t1 C-Spine"},
            "ProtocolName is 't1 C-Spine', which names another part of the body than the head.",
        ),
        (
            {"FrameOfReferenceUID": None},
            "FrameOfReferenceUID is missing, so a result could not be placed in the patient.",
        ),
        (
            {"PixelSpacing": ["3", "2"]},
            "The voxels measure 2.00 × 3.00 × 2.00 mm; 2 mm is the most taken.",
        ),
        (
            {"PixelSpacing": ["0.8", "0.8"]},
            "The volume measures 160 × 77 × 72 mm; a whole head needs 120 to 400 mm in each"
            " direction.",
        ),
    ],
)
def test_what_is_no_t1_head_is_refused_with_the_value(
    attributes: dict[str, Any], reason: str
) -> None:
    assert _judge(builders.t1_head(**attributes)) == Acceptance(False, reason)


def test_slices_at_the_limit_are_taken_although_their_positions_are_rounded() -> None:
    assert _judge(builders.t1_head(PixelSpacing=["2.0000001", "2"])).accepted
    assert not _judge(builders.t1_head(PixelSpacing=["2.01", "2"])).accepted


def test_a_localizer_of_four_slices_is_refused_by_its_count() -> None:
    assert _judge(builders.t1_head((4, 96, 90))) == Acceptance(
        False, "The series has 4 slices; a whole head needs 60 or more."
    )


def test_a_gap_is_refused_before_there_is_a_job() -> None:
    headers = builders.t1_head()
    del headers[40]
    assert _judge(headers).reason == (
        "Slices 40 and 42 are 4.0 mm apart; the rest are 2.0 mm. Ask for a resend."
    )


def test_an_enhanced_t1_head_is_accepted() -> None:
    classic = builders.t1_head()
    enhanced = builders.enhanced_mr(classic, range(len(classic)))
    assert _judge([enhanced]).accepted


def test_empty_series_are_refused() -> None:
    assert _judge([]).reason == "The series has no instances."


def test_values_that_are_no_numbers_count_as_not_stated() -> None:
    headers = builders.t1_head()
    for header in headers:
        del header.EchoTime
    assert _judge(headers).accepted
