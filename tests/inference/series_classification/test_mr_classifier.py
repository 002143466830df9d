"""The trained classifier of MR contrast, beside the package that it comes from."""

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import config
from pydicom.dataset import Dataset

from inference.pipelines.brain.t1_head import judge_t1_head
from inference.series_classification import mr_contrast as contrasts
from inference.series_classification.mr_classifier import classified_contrast, features_of
from inference.series_classification.mr_contrast import mr_contrast
from tests import builders

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "dcm_classifier.json").read_text())
CASES: dict[str, dict[str, Any]] = GOLDEN["cases"]
_OURS = {
    "t1w": "T1", "t2w": "T2", "flair": "FLAIR", "gret2star": "T2*",
    "tracew": "DWI", "b0": "DWI", "adc": "ADC",
}  # fmt: skip


def _header(**attributes: object) -> Dataset:
    (header,) = builders.series(np.zeros((1, 4, 4), np.int16), **attributes)
    return header


def installed() -> None:
    try:
        distribution("dcm-classifier")
    except PackageNotFoundError:
        pytest.skip("dcm-classifier is missing: pip install --no-deps dcm-classifier")


@pytest.mark.parametrize("name", CASES)
def test_features_are_those_of_the_package(name: str) -> None:
    case = CASES[name]
    ours = list(features_of(_header(**case["header"])).values())
    np.testing.assert_allclose(ours, case["features"], atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_that_of_the_package(name: str) -> None:
    installed()
    validation = config.INVALID_KEY_BEHAVIOR
    case = CASES[name]
    expected = _OURS[case["class"]] if case["probability"] >= 0.9 else ""
    assert classified_contrast(_header(**case["header"])) == expected
    assert validation == config.INVALID_KEY_BEHAVIOR  # the package would change it


def test_a_header_without_what_it_needs_gets_no_answer() -> None:
    header = _header(**CASES["flair"]["header"])
    del header.PixelBandwidth
    assert classified_contrast(header) == ""


def test_a_sequence_that_parameters_do_not_tell_is_told_by_the_classifier() -> None:
    """A spin echo whose repetition time lies between short and long, without a word."""
    installed()
    header = _header(**{**CASES["t1 spin echo"]["header"], "RepetitionTime": "1500"})
    assert mr_contrast(header) == "T1"


def test_a_proton_density_which_the_classifier_does_not_know_is_no_t1() -> None:
    installed()
    header = _header(**{**CASES["t2 turbo spin echo"]["header"], "EchoTime": "40"})
    assert mr_contrast(header) == ""


def test_no_classifier_makes_a_localizer_a_t1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contrasts, "classified_contrast", lambda _: "T1")
    assert mr_contrast(_header(SeriesDescription="3-plane localizer")) == "LOCALIZER"
    assert mr_contrast(_header(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])) == "LOCALIZER"
    slices = builders.series(np.zeros((4, 4, 4), np.int16))
    assert mr_contrast(slices[0]) == "T1"
    assert not judge_t1_head(slices).accepted
