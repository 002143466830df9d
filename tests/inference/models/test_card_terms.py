"""A modality or view that no image ever has is asked about when the card is read."""

import json
from pathlib import Path
from typing import Any

import pytest

from inference.bundles.installed import add_described, described, installed_bundles
from inference.models.cards.card_file import Card
from inference.series_classification.views import VIEWS
from inference.single_images.card import DEFAULT_MODALITIES, ImageModel
from storage.core.errors import InvalidRequest
from tests.inference.orchestration import settings_in
from tests.inference.plain_models import torchscript_model

MODEL = {"name": "m", "version": "1", "output": "object-detection"}


@pytest.mark.parametrize(
    ("accepts", "says"),
    [
        ({"view": "CCC"}, "knows no view 'CCC'.*did you mean 'CC'"),
        ({"all": [{"Modality": "MG"}, {"view": ["MLO", "LAT"]}]}, "'LAT'.*did you mean 'LATERAL'"),
        ({"view": "oblique"}, "knows no view 'OBLIQUE'.*; it knows AP, CC"),
        ({"not": {"Modality": "USS"}}, "no modality 'USS' .did you mean 'US'"),
    ],
)
def test_a_test_of_a_misspelt_modality_or_view_is_asked_about(
    accepts: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Card.model_validate({"accepts": accepts})
    with pytest.raises(ValueError, match=says):
        Card.model_validate({"inputs": {"film": {"accepts": accepts}}})


@pytest.mark.parametrize(("stated", "meant"), [("USS", "US"), ("MRI", "MR"), ("PET", "PT")])
def test_a_misspelt_modality_of_images_is_asked_about(stated: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"no modality '{stated}' .did you mean '{meant}'"):
        ImageModel.model_validate({**MODEL, "modalities": ["DX", stated]})


def test_retired_and_private_modalities_and_every_view_are_taken() -> None:
    modalities = (*DEFAULT_MODALITIES, "DF", "OPT", "SC", "HOUSE")
    assert ImageModel.model_validate({**MODEL, "modalities": modalities}).modalities == modalities
    Card.model_validate({"accepts": {"view": sorted(VIEWS)}})
    Card.model_validate({"accepts": {"view": "mlo"}})
    Card.model_validate({"accepts": {"Modality": {"matches": "^USS"}}})


def test_a_model_that_was_added_with_such_a_name_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_in(tmp_path)
    folder = torchscript_model(tmp_path / "added")
    add_described(settings, folder)
    for card_file in settings.resolved_models_dir.rglob("mediview.json"):
        card = json.loads(card_file.read_text())
        card["accepts"] = {"Modality": "MRI"}
        card["critical"] = [{"finding": "Spleen volumn", "above": 1}]
        card_file.write_text(json.dumps(card))
    with pytest.raises(InvalidRequest, match="no modality 'MRI'"):
        described(card_file.parent)
    (model,) = installed_bundles(settings)
    assert model.card.accepts is not None
    assert "card_to_correct" in capsys.readouterr().out
