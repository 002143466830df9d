"""Views and sides of projections, and PET with and without correction: a matrix of headers."""

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from inference.imaging.laterality import laterality_of
from inference.rules.conditions import Condition
from inference.rules.facts import SeriesFacts
from inference.rules.judge import judge
from inference.series_classification.views import attenuation_corrected, view_of

CODED = {
    "AP": codes.cid4010.AnteroPosterior,
    "PA": codes.cid4010.PosteroAnterior,
    "LATERAL": codes.cid4010.LateralProjection,
    "LL": codes.cid4010.LeftLateral,
    "RL": codes.cid4010.RightLateral,
    "FRONTAL": codes.cid4010.Frontal,
    "LAO": codes.cid4010.LeftAnteriorOblique,
    "RAO": codes.cid4010.RightAnteriorOblique,
    "LPO": codes.cid4010.LeftPosteriorOblique,
    "RPO": codes.cid4010.RightPosteriorOblique,
    "CC": codes.cid4014.CranioCaudal,
    "MLO": codes.cid4014.MedioLateralObliqueProjection,
    "ML": codes.cid4014.MedioLateralProjection,
    "LM": codes.cid4014.LateroMedial,
    "LMO": codes.cid4014.LateroMedialOblique,
    "XCCL": codes.cid4014.CranioCaudalExaggeratedLaterally,
    "XCCM": codes.cid4014.CranioCaudalExaggeratedMedially,
    "FB": codes.cid4014.CaudoCranial,
    "SIO": codes.cid4014.SuperolateralToInferomedialOblique,
    "ISO": codes.cid4014.InferomedialToSuperolateralOblique,
}


def header(**attributes: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def item(value: str, scheme: str = "SCT") -> Dataset:
    return header(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning="a view")


@pytest.mark.parametrize("view", CODED)
@pytest.mark.parametrize("retired", [False, True])
def test_a_code_decides_in_either_of_its_schemes(view: str, *, retired: bool) -> None:
    from pydicom.sr._snomed_dict import mapping

    value = CODED[view].value
    code = item(mapping["SCT"][value], "SRT") if retired else item(value)
    dataset = header(
        Modality="DX",
        ViewCodeSequence=[code],
        # What stands beside it, and in words, does not count.
        ViewPosition="AP" if view != "AP" else "PA",
        SeriesDescription="Thorax lateral",
    )
    assert view_of(dataset) == view


@pytest.mark.parametrize(
    ("attributes", "view"),
    [
        ({"ViewPosition": "PA"}, "PA"),
        ({"ViewPosition": "AP "}, "AP"),
        ({"ViewPosition": "LATERAL LEFT"}, "LL"),
        ({"ViewPosition": "RLD"}, "RLD"),
        ({"ViewPosition": "MLO", "Modality": "MG"}, "MLO"),
        ({"ViewPosition": "XCC", "Modality": "MG"}, "XCCL"),
        ({"ViewPosition": "STANDING", "PatientOrientation": ["L", "F"]}, "FRONTAL"),
        ({"PatientOrientation": ["R", "F"]}, "FRONTAL"),
        ({"PatientOrientation": ["A", "F"]}, "LATERAL"),
        ({"PatientOrientation": ["PL", "F"]}, "LATERAL"),
        ({"PatientOrientation": ["L", "P"]}, ""),
        ({"PatientOrientation": ["L", "F"], "Modality": "US"}, ""),
        # Of a breast the rows lead forwards whatever the view.
        ({"PatientOrientation": ["A", "F"], "Modality": "MG"}, ""),
        ({"ViewCodeSequence": [], "ViewPosition": ""}, ""),
        ({"ViewCodeSequence": [Dataset()], "ViewPosition": "PA"}, "PA"),
        ({"SeriesDescription": "Chest PA"}, ""),
    ],
    ids=str,
)
def test_a_view_without_a_code(attributes: dict[str, object], view: str) -> None:
    assert view_of(header(**{"Modality": "DX", **attributes})) == view


@pytest.mark.parametrize(
    ("attributes", "side"),
    [
        ({"ImageLaterality": "L", "Laterality": "R"}, "L"),
        ({"Laterality": "R "}, "R"),
        ({"ImageLaterality": "B"}, "B"),
        ({"ImageLaterality": "U", "Laterality": ""}, ""),
        ({}, ""),
    ],
    ids=str,
)
def test_a_side_is_that_of_the_image_first(attributes: dict[str, object], side: str) -> None:
    assert laterality_of(header(**attributes)) == side


def test_the_side_of_tomosynthesis_stands_in_its_functional_groups() -> None:
    anatomy = header(FrameAnatomySequence=[header(FrameLaterality="R")])
    assert laterality_of(header(SharedFunctionalGroupsSequence=[anatomy])) == "R"


@pytest.mark.parametrize(
    ("attributes", "answer"),
    [
        ({"CorrectedImage": ["DECY", "ATTN", "SCAT"]}, "yes"),
        ({"CorrectedImage": ["DECY", "RADL"]}, "no"),
        ({"CorrectedImage": "ATTN"}, "yes"),
        ({"AttenuationCorrected": "YES"}, "yes"),
        ({"AttenuationCorrected": "NO", "AttenuationCorrectionMethod": "CT"}, "no"),
        ({"AttenuationCorrectionMethod": "CT-derived mu-map"}, "yes"),
        ({"AttenuationCorrectionMethod": "NONE"}, "no"),
        ({"SeriesDescription": "WB AC"}, "no"),
        ({"Modality": "CT", "CorrectedImage": "ATTN"}, ""),
    ],
    ids=str,
)
def test_pet_with_and_without_attenuation_correction(
    attributes: dict[str, object], answer: str
) -> None:
    assert attenuation_corrected(header(**{"Modality": "PT", **attributes})) == answer


def test_a_card_asks_for_a_view_and_a_side() -> None:
    condition = Condition.model_validate({"all": [{"view": ["CC", "MLO"]}, {"laterality": "L"}]})
    asked = {
        (view, side): judge(
            condition,
            SeriesFacts([header(Modality="MG", ViewPosition=view, ImageLaterality=side)]),
        ).holds
        for view in ("CC", "MLO", "ML")
        for side in ("L", "R")
    }
    assert [key for key, holds in asked.items() if holds] == [("CC", "L"), ("MLO", "L")]


def test_the_real_film_is_frontal(shared_data: Path) -> None:
    """It states neither code nor position, and its rows lead to the left, its columns down."""
    real = pydicom.dcmread(shared_data / "cxr" / "RG1_J2KI.dcm", stop_before_pixels=True)
    assert view_of(real) in ("FRONTAL", "PA", "AP")
