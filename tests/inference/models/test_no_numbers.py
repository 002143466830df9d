"""A network whose answer is NaN has found nothing, which is no empty mask."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from inference.pipeline import PipelineContext
from inference.pipelines.catalogue import pipeline_named
from inference.refusals import ModelUnusable
from storage.container import Storage
from tests import builders
from tests.inference.orchestration import storage_in
from tests.inference.plain_models import torchscript_model


class NoNumbers(torch.nn.Module):
    """NaN in the middle of each image whose mean lies between two values."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = torch.cat([10.0 - 20.0 * x, 20.0 * x - 10.0], dim=1)
        if bool((x.mean() > self.low) & (x.mean() < self.high)):
            scores[:, :, 16, 16, 16] = float("nan")
        return scores


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def add(storage: Storage, folder: Path, low: float, high: float) -> None:
    torchscript_model(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted: Any = torch.jit.script(NoNumbers(low, high))
        scripted.save(str(folder / "model.ts"))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def head() -> Volume:
    voxels = np.full((12, 40, 36), 40, np.int16)
    voxels[3:9, 6:30, 5:14] = 1000
    return assemble_volume(builders.series(voxels, spacing_mm=(2.0, 1.1, 0.9)))


def test_it_fails_the_job_with_that_reason(storage: Storage, tmp_path: Path) -> None:
    # Of noise the mean is 0.5, of a blank image 0.
    add(storage, tmp_path / "plain", 0.001, 0.4)
    pipeline = pipeline_named(storage.settings, "model-plain-spleen")
    with pytest.raises(ModelUnusable, match="answers this series with what is no number"):
        pipeline.run(PipelineContext(storage.settings, head()))


def test_it_is_not_verified_and_the_reason_is_no_blank_image(
    storage: Storage, tmp_path: Path
) -> None:
    with pytest.raises(ModelUnusable, match="answers noise or a blank image with what is no numb"):
        add(storage, tmp_path / "plain", 0.4, 0.6)
