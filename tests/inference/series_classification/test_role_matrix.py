"""Roles of films and PET over generated headers, by the conditions that cards state.

`pytest -s` prints the counts that docs/pipelines/several-series.md states.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sr._snomed_dict import mapping
from pydicom.sr.codedict import codes

from inference.rules.conditions import Condition
from inference.rules.facts import SeriesFacts
from inference.rules.judge import judge
from inference.series_classification.views import view_of
from tests.inference.series_classification.test_views import CODED, header, item

BREAST = ("CC", "MLO", "ML", "LM", "LMO", "XCCL", "XCCM", "FB", "SIO", "ISO")
CHEST = ("AP", "PA", "LL", "RL", "LATERAL", "FRONTAL")
# Words that speak of something else, or of nothing; none of them counts.
WORDS = ("", "R MLO LAT", "Thorax AP liegend", "Screening L CC", "PET NAC WB", "CT AC 3.0")
ORIENTED = [("R MLO LAT", ["A", "F"]), ("", ["P", "L"]), ("Screening L CC", None)]
SIDES = ("L", "R")


def region_of(side: str) -> Dataset:
    modifier = item({"L": "7771000", "R": "24028007"}[side])
    return header(AnatomicRegionModifierSequence=[modifier])


def sides_stated(side: str) -> list[dict[str, Any]]:
    other = {"L": "R", "R": "L"}[side]
    frame = header(FrameAnatomySequence=[header(FrameLaterality=side)])
    return [
        {"ImageLaterality": side},
        {"ImageLaterality": side, "Laterality": other},
        {"Laterality": side},
        {"AnatomicRegionSequence": [region_of(side)]},
        {"SharedFunctionalGroupsSequence": [frame]},
    ]


def views_stated(view: str) -> list[dict[str, Any]]:
    """Coded in either scheme, with another word beside the code; and by View Position alone."""
    value = CODED[view].value
    modified = item(value)
    modified.ViewModifierCodeSequence = [item(codes.cid4015.ImplantDisplaced.value)]
    return [
        {"ViewCodeSequence": [item(value)]},
        {"ViewCodeSequence": [item(mapping["SCT"][value], "SRT")], "ViewPosition": "AP"},
        {"ViewCodeSequence": [modified]},
        {"ViewPosition": view},
        {"ViewPosition": f"{view} ", "ViewCodeSequence": []},
    ]


def mammograms() -> Iterator[tuple[tuple[str, ...], Dataset]]:
    for view, side in product(BREAST, SIDES):
        for seen, on, (words, orientation) in product(
            views_stated(view), sides_stated(side), ORIENTED
        ):
            made = header(Modality="MG", SeriesDescription=words, **seen, **on)
            if orientation is not None:
                made.PatientOrientation = orientation
            yield (view, side), made


def chest_films() -> Iterator[tuple[tuple[str, ...], Dataset]]:
    for view in CHEST:
        for seen, modality, words in product(views_stated(view), ("CR", "DX"), WORDS):
            yield (view,), header(Modality=modality, SeriesDescription=words, **seen)
    ways = [("FRONTAL", "L"), ("FRONTAL", "R"), ("LATERAL", "A"), ("LATERAL", "P")]
    for (view, row), column, modality, words in product(ways, "FH", ("CR", "DX"), WORDS):
        made = header(Modality=modality, SeriesDescription=words)
        made.PatientOrientation = [row, column]
        yield (view,), made


def pet_and_ct() -> Iterator[tuple[tuple[str, ...], Dataset]]:
    ways: dict[str, list[dict[str, Any]]] = {
        "yes": [
            {"CorrectedImage": ["DECY", "ATTN", "SCAT", "DTIM", "RANSM", "NORM"]},
            {"CorrectedImage": ["NORM", "DTIM", "ATTN", "DECY"]},
            {"CorrectedImage": "ATTN", "AttenuationCorrectionMethod": ""},
            {"AttenuationCorrected": "YES"},
            {"AttenuationCorrectionMethod": "measured,AC_CT"},
        ],
        "no": [
            {"CorrectedImage": ["NORM", "DTIM", "DECY"]},
            {"CorrectedImage": ["DECY", "RADL"], "AttenuationCorrectionMethod": "CT"},
            {"CorrectedImage": "", "SeriesDescription": "AC"},
            {"AttenuationCorrected": "NO"},
            {"AttenuationCorrectionMethod": "NONE"},
        ],
    }
    for answer, words in product(("yes", "no"), WORDS):
        for way in ways[answer]:
            made = header(Modality="PT", **{"SeriesDescription": words, **way})
            yield ("PT", answer), made
    for words, kind in product(WORDS, ("AXIAL", "CT_SOM5 SPI")):
        made = header(Modality="CT", SeriesDescription=words)
        made.ImageType = ["ORIGINAL", "PRIMARY", kind]
        yield ("CT", ""), made


ASKED: dict[str, list[dict[str, str]]] = {
    "mammographic views": [
        {"view": view, "laterality": side} for view, side in product(BREAST, SIDES)
    ],
    "chest films": [{"view": view} for view in CHEST],
    "PET and its CT": [
        {"Modality": "PT", "attenuation_corrected": "yes"},
        {"Modality": "PT", "attenuation_corrected": "no"},
        {"Modality": "CT"},
    ],
}
MATRIX = {
    "mammographic views": (mammograms, 1500),
    "chest films": (chest_films, 400),
    "PET and its CT": (pet_and_ct, 70),
}


@pytest.mark.parametrize("group", MATRIX)
def test_at_least_99_of_100_headers_fill_their_role_and_no_other(group: str) -> None:
    generate, at_least = MATRIX[group]
    conditions = {
        tuple(asked.values()): Condition.model_validate(
            {"all": [{key: value} for key, value in asked.items()]}
        )
        for asked in ASKED[group]
    }
    count, wrong = 0, Counter[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]]()
    for role, made in generate():
        count += 1
        facts = SeriesFacts([made])
        filled = tuple(key for key, asked in conditions.items() if judge(asked, facts).holds)
        expected = role if role in conditions else role[:1]
        if filled != (expected,):
            wrong[role, filled] += 1
    print(f"{group}: {count - wrong.total()} of {count} right")
    assert count >= at_least
    assert wrong.total() <= count * 0.01, wrong.most_common(10)


@pytest.mark.parametrize(
    "code",
    [
        codes.cid4010.LeftOblique,
        codes.cid4010.ObliqueProjection,
        codes.cid4010.FrontalOblique,
        codes.cid4010.AxialProjection,
        codes.cid4010.Submentovertical,
        codes.cid4010.Dorsoplantar,
    ],
    ids=lambda code: code.meaning,
)
def test_a_coded_view_of_another_kind_is_not_frontal_by_its_orientation(code: Any) -> None:
    """Its rows lead to the left and its columns down, as those of a film from the front do."""
    oblique = header(Modality="DX", ViewCodeSequence=[item(code.value)])
    oblique.PatientOrientation = ["L", "F"]
    assert view_of(oblique) == ""
