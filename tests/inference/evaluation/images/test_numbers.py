"""A regression of films on cases whose numbers a table states, beside MONAI's mean error."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.metrics import MAEMetric
from pydantic import ValidationError

from inference.evaluation.images.number_measures import number_agreement
from inference.evaluation.images.number_report import render_numbers
from inference.evaluation.images.numbers import NumberEvaluation, evaluate_numbers
from inference.evaluation.images.reference_table import read_number_reference
from inference.model_registry.adding import add_model
from inference.pipelines.catalogue import pipeline_named
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.single_images.card import ImageCard
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests import builders
from tests.inference.films import bright_classifier, film, image_card
from tests.inference.orchestration import storage_in
from tests.inference.single_images.support import PIPELINE

LEVELS = {"a": 0.2, "b": 0.4, "c": 0.6}
"""By case: how bright its film is. The model's number is 10 x level - 1, times 100."""
TRUE = {"a": 90, "b": 310, "c": 560}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def evaluated(storage: Storage, tmp_path: Path) -> tuple[ImageModelPipeline, NumberEvaluation]:
    folder = bright_classifier(tmp_path / "m")
    numbers = {
        "0": {"label": "Nothing", "unit": "1"},
        "1": {"label": "Bone age", "unit": "mo", "scale": 100.0},
    }
    card = image_card("image-regression", numbers=numbers, labels={})
    (folder / "mediview.json").write_text(json.dumps({**card, "segments": {}}))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    pipeline = pipeline_named(storage.settings, PIPELINE)
    assert isinstance(pipeline, ImageModelPipeline)
    return pipeline, evaluate_numbers(storage.settings, pipeline, tmp_path / "cases")


def test_numbers_of_films_are_compared_in_the_unit_of_the_card(
    storage: Storage, tmp_path: Path
) -> None:
    for name, level in LEVELS.items():
        (tmp_path / "cases" / name).mkdir(parents=True)
        pixels = np.full((24, 32), round(4095 * level), np.uint16)
        builders.write([film(name, pixels=pixels)], tmp_path / "cases" / name)
    lines = [f"{name},{true}" for name, true in TRUE.items()]
    (tmp_path / "cases" / "reference.csv").write_text("\n".join(["case,bone age", *lines]))
    pipeline, evaluation = evaluated(storage, tmp_path)
    summary = evaluation.summary()
    found = {one["case"]: one["found"] for one in summary["cases"]}
    assert found == pytest.approx({"a": 100, "b": 300, "c": 500}, abs=0.5)
    bone_age = summary["numbers"]["Bone age"]
    assert bone_age["unit"] == "mo"
    assert bone_age["mean_absolute_error"] == pytest.approx((10 + 10 + 60) / 3, abs=0.5)
    assert bone_age["bias"] == pytest.approx((10 - 10 - 60) / 3, abs=0.5)
    assert summary["metrics"]["mean_absolute_error"] == bone_age["mean_absolute_error"]
    report = render_numbers(evaluation, pipeline.card.gate)
    assert report.count("<circle") == 3


def test_the_error_is_monais_and_its_interval_is_about_that_of_the_normal_distribution() -> None:
    rng = np.random.default_rng(8)
    true = rng.uniform(0, 200, 400)
    found = true + rng.normal(3, 12, 400)
    agreement = number_agreement("Bone age", "mo", found.tolist(), true.tolist())
    metric = MAEMetric()
    metric(torch.from_numpy(found)[:, None], torch.from_numpy(true)[:, None])
    assert agreement.mean_absolute_error == pytest.approx(float(metric.aggregate()), abs=1e-5)
    errors = np.abs(found - true)
    half = 1.96 * errors.std(ddof=1) / np.sqrt(400)
    assert agreement.error_interval == pytest.approx(
        (errors.mean() - half, errors.mean() + half), abs=0.1
    )
    assert agreement.limits == pytest.approx((3 - 1.96 * 12, 3 + 1.96 * 12), abs=2.0)


@pytest.mark.parametrize("word", ["12 mo", "nan", "1_5", "12;5"])
def test_what_is_not_a_number_is_named_with_its_line(tmp_path: Path, word: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "reference.csv").write_text(f"case,Bone age\na,{word}\n")
    with pytest.raises(InvalidRequest, match=f'Line 2 of reference.csv has "{word}"') as raised:
        read_number_reference(tmp_path, ["Bone age"])
    assert "with a decimal point" in raised.value.remedy


def test_a_card_of_one_number_has_a_gate_and_one_of_several_none() -> None:
    age = {"label": "Bone age", "unit": "mo"}
    gate = {"mean_absolute_error_upper": {"at_most": 8}}
    card = image_card("image-regression", numbers={"0": age}, labels={}) | {"gate": gate}
    assert [one.text for one in ImageCard.model_validate(card).thresholds] == ["at most 8"]
    card["model"]["numbers"]["1"] = {"label": "Height", "unit": "cm"}
    with pytest.raises(ValidationError, match="none yet of image-regression of several numbers"):
        ImageCard.model_validate(card)
