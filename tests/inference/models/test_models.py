"""A model is loaded only when it is the proven one and answers its self-test."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inference.models import files as models
from inference.pipeline import ModelFile, ignore_progress
from inference.pipelines.brain import deepbet_model
from inference.pipelines.catalogue import catalogue, pipeline_named
from inference.refusals import ModelUnusable, NothingFound
from storage.core.errors import NotFound
from storage.settings import Settings

CARD = deepbet_model.CARD


def test_deepbets_weights_are_found_and_verified() -> None:
    readiness = models.readiness_of(CARD)
    assert readiness.ready, readiness.detail
    paths = models.verified_files(CARD)
    assert set(paths) == {"data/models/model.pt", "data/models/bbox_model.pt"}
    digest = subprocess.run(
        ["sha256sum", paths["data/models/model.pt"]], capture_output=True, text=True, check=True
    )
    assert digest.stdout.split()[0] == CARD.sha256


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "no-such-model"}, "The package no-such-model is not installed."),
        ({"version": "9.9"}, "The package deepbet is version 1.0.2; version 9.9 is the one"),
        ({"files": (ModelFile("data/models/none.pt", ""),)}, "does not carry data/models/none.pt"),
        (
            {"files": (ModelFile("data/models/model.pt", "0" * 64),)},
            "data/models/model.pt of deepbet 1.0.2 has SHA-256 de8ee7c69654…; 000000000000…",
        ),
    ],
)
def test_another_model_than_the_proven_one_is_not_loaded(
    change: dict[str, object], sentence: str
) -> None:
    card = dataclasses.replace(CARD, **change)
    readiness = models.readiness_of(card)
    assert not readiness.ready
    assert sentence in readiness.detail
    with pytest.raises(ModelUnusable):
        models.load_torchscript(card, lambda _: None)


def test_a_model_that_ignores_its_input_fails_the_self_test() -> None:
    import torch

    class Constant(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((1, 2, *x.shape[2:]), 0.3621)

    constant = {name: Constant() for name in models.verified_files(CARD)}
    with pytest.raises(ModelUnusable, match=r"differs by 0\.0000 for a blank image"):
        deepbet_model._self_test(constant)


def test_a_blank_volume_gives_no_mask() -> None:
    with pytest.raises(NothingFound, match="all its voxels are alike"):
        deepbet_model.brain_mask(np.zeros((64, 64, 64), np.float32), 0, ignore_progress)


def test_a_model_is_loaded_once() -> None:
    first = models.load_torchscript(CARD, deepbet_model._self_test)
    assert models.load_torchscript(CARD, deepbet_model._self_test) is first


def test_the_catalogue_is_free_of_model_libraries() -> None:
    code = (
        "import sys; import inference.worker.app;"
        "from inference.pipelines.catalogue import catalogue; assert 'scipy' not in sys.modules;"
        "from storage.settings import Settings; from inference.findings import build;"
        "from inference.imaging import volume;"
        "import inference.results.encode;"
        "[(p.readiness(), p.card, p.accepts_text) for p in catalogue(Settings())];"
        "print(sorted({'torch', 'monai', 'transformers', 'pandas', 'deepbet'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_pipelines_are_found_by_name() -> None:
    settings = Settings()
    names = [pipeline.name for pipeline in catalogue(settings)]
    assert names == [
        "brain-volume",
        "brain-structures",
        "lung-density",
        "film-field",
        "image-classification",
        "image-segmentation",
    ]
    assert pipeline_named(settings, "brain-volume").title == "Intracranial volume"
    with pytest.raises(NotFound, match="no pipeline named lungs"):
        pipeline_named(settings, "lungs")
