"""Conditions of rules: what holds for a series, and what a refusal names."""

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from inference.rules.conditions import Condition
from inference.rules.facts import SeriesFacts
from inference.rules.judge import judge
from tests.inference.pipelines.chest.test_chest_ct import headers


def judged(condition: object, slices: list[Dataset] | None = None) -> bool:
    parsed = Condition.model_validate(condition)
    return judge(parsed, SeriesFacts(headers() if slices is None else slices)).holds


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Modality": "ct"}, True),
        ({"Modality": ["MR", "PT"]}, False),
        ({"ImageType": "AXIAL"}, True),
        ({"not": {"ImageType": "LOCALIZER"}}, True),
        ({"BodyPartExamined": {"contains": "che"}}, True),
        ({"ConvolutionKernel": {"matches": "^stand"}}, True),
        ({"ConvolutionKernel": {"matches": "^B"}}, False),
        ({"instances": {"at_least": 80, "at_most": 80}}, True),
        ({"slices": {"at_least": 81}}, False),
        ({"slice_spacing_mm": {"at_most": 2.5, "at_least": 2.5}}, True),
        ({"pixel_spacing_mm": {"at_most": 0.7}}, False),  # 0.71 between rows
        ({"length_mm": 200}, True),
        ({"plane": "axial"}, True),
        ({"contrast_agent": "no"}, True),
        ({"StationName": {"present": False}}, True),
        ({"StationName": {"equals": "CT1"}}, False),
        ({"any": [{"Modality": "MR"}, {"all": [{"Modality": "CT"}, {"Rows": 512}]}]}, True),
        ({"Columns": {"at_most": 479}}, False),
    ],
)
def test_conditions(condition: object, holds: bool) -> None:
    assert judged(condition) is holds


def test_a_limit_must_hold_for_every_instance() -> None:
    slices = headers()
    slices[7].KVP = 140
    for ds in slices[:7] + slices[8:]:
        ds.KVP = 100
    assert not judged({"KVP": {"at_most": 120}}, slices)
    assert judged({"KVP": 140}, slices)


def test_a_number_is_the_same_however_it_is_written() -> None:
    slices = headers()
    for number, ds in enumerate(slices):
        ds.SliceThickness = ("2.3", "2.30", "+2.3", "2.3E0")[number % 4]
        ds.StudyID = "01"
    assert SeriesFacts(slices).of("SliceThickness") == ("2.3",)
    for wanted in ("2.3", "2.300", 2.3):
        assert judged({"SliceThickness": wanted}, slices[1:])
    assert not judged({"SliceThickness": "2.31"}, slices)
    assert not judged({"StudyID": "1"}, slices)


def test_a_survey_in_three_planes_is_no_t1_although_its_header_says_nothing(
    shared_data: Path,
) -> None:
    by_series: dict[str, list[Dataset]] = {}
    for path in sorted((shared_data / "dicomdir").rglob("98892003/MR2/*")):
        ds = dcmread(path, stop_before_pixels=True)
        by_series.setdefault(ds.SeriesInstanceUID, []).append(ds)
    assert by_series
    for slices in by_series.values():
        assert SeriesFacts(slices).of("mr_contrast") != ("T1",)
