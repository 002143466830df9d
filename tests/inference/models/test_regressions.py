"""Networks that answer numbers: of a volume and of a film, with intervals and curves."""

import json
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import torch
from pydicom.dataset import Dataset

from inference.bundles.installed import described
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.pipeline import PipelineContext
from inference.pipelines.catalogue import pipeline_named
from inference.refusals import ModelUnusable
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.errors import InvalidRequest
from storage.core.findings import Interval
from tests.inference.films import film
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.small import mr_series, study_uid

AGE = {"label": "Bone age", "unit": "a", "code": ["BONEAGE", "99SITE", "Bone age"]}
CURVE = {
    "x": {"label": "Time", "unit": "s"}, "y": {"label": "Signal", "unit": "1"},
    "first": 3, "points": 4, "start": 10.0, "step": 2.5,
}  # fmt: skip


class _Numbers(torch.nn.Module):
    """The mean of the image, 1 below and 2 above it, and the mean times 0, 1, 2, 3."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        mean = image.mean()
        return torch.stack([mean, mean - 1.0, mean + 2.0, 0 * mean, mean, 2 * mean, 3 * mean])[None]


def regression(folder: Path, *, flat: bool = False, **model: Any) -> Path:
    folder.mkdir(parents=True)
    example = torch.zeros(1, 1, *((8, 8) if flat else (8, 8, 8)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(_Numbers(), example).save(str(folder / "model.ts"))
    stated = {
        "name": "Ages", "version": "1",
        "numbers": {"0": {**AGE, "interval": {"low": 1, "high": 2}, "curve": CURVE}},
        **({"output": "image-regression"} if flat else {"output": "regression", "modality": "MR"}),
        **model,
    }  # fmt: skip
    accepts = {"Modality": "DX" if flat else "MR"}
    (folder / "mediview.json").write_text(json.dumps({"accepts": accepts, "model": stated}))
    return folder


def _images() -> list[Dataset]:
    return [pydicom.dcmread(BytesIO(one)) for one in mr_series("ages")]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def _add(node: Storage, folder: Path) -> None:
    added = add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
    assert added.standing.state == "active", added


def test_a_number_of_a_volume_has_its_interval_and_its_curve(node: Storage, tmp_path: Path) -> None:
    _add(node, regression(tmp_path / "ages"))
    volume = assemble_volume(_images())
    pipeline = pipeline_named(node.settings, "model-ages")
    assert [one.value for one in pipeline.card.output_codes] == ["BONEAGE"]
    (one,) = pipeline.run(PipelineContext(node.settings, volume)).measurements
    mean = float(volume.voxels.astype(np.float64).mean())
    assert one.value == pytest.approx(mean, rel=1e-5)
    assert (one.label, one.unit.value) == ("Bone age", "a")
    assert one.interval is not None
    assert (one.interval.low, one.interval.high) == pytest.approx((mean - 1, mean + 2), rel=1e-5)
    assert one.curve is not None
    assert [x for x, _ in one.curve.points] == [10.0, 12.5, 15.0, 17.5]
    assert [y for _, y in one.curve.points] == pytest.approx(
        [0, mean, 2 * mean, 3 * mean], rel=1e-5
    )


def test_a_job_keeps_interval_and_curve(node: Storage, tmp_path: Path) -> None:
    _add(node, regression(tmp_path / "ages"))
    receive(node, mr_series("ages"))
    decisions = {one.pipeline: one for one in complete_and_schedule(node, later(10))}
    job = run_job(node, decisions["model-ages"].job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    (found,) = node.findings.of_study(study_uid("ages"))
    assert found.value is not None
    assert found.value_interval == Interval(
        pytest.approx(found.value - 1, abs=0.002), pytest.approx(found.value + 2, abs=0.002), 0.95
    )
    assert found.curve is not None
    assert [x for x, _ in found.curve.points] == [10.0, 12.5, 15.0, 17.5]
    assert found.curve.y.unit.value == "1"


def test_a_number_of_a_film_is_scaled_as_the_card_says(node: Storage, tmp_path: Path) -> None:
    numbers = {"0": {**AGE, "scale": -10.0, "offset": 20.0, "interval": {"low": 1, "high": 2}}}
    _add(node, regression(tmp_path / "ages", flat=True, numbers=numbers))
    pipeline = pipeline_named(node.settings, "model-ages")
    output = pipeline.run(PipelineContext(node.settings, images=(film("ages"),)))
    (image,) = output.images
    (one,) = image.measurements
    # The film's own window, 0 to 4096 in 8 bits, and a rectangle of 3800 on 200.
    share = 40 * 80 / (240 * 320)
    mean = (share * 3800 + (1 - share) * 200) / 4095
    assert one.value == pytest.approx(20 - 10 * mean, abs=0.02)
    assert one.interval == Interval(
        pytest.approx(one.value - 20, abs=1e-4), pytest.approx(one.value + 10, abs=1e-4), 0.95
    )
    assert not any("alibrated" in note for note in output.notes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"numbers": {}}, "names numbers"),
        ({"labels": {"0": "x"}}, "names numbers"),
        ({"activation": "sigmoid"}, "no activation"),
        ({"tile": [8, 8, 8]}, "use resize"),
        ({"numbers": {"0": {**AGE, "interval": {"low": 1}}}}, "low and high, or plus_minus"),
        ({"numbers": {"0": {**AGE, "interval": {"plus_minus": -1}}}}, "plus_minus"),
        ({"numbers": {"0": {**AGE, "curve": {**CURVE, "points": 1}}}}, "points"),
        ({"numbers": {"x": AGE}}, "numbers"),
    ],
)
def test_a_card_that_cannot_be_followed_is_refused(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        described(regression(tmp_path / "ages", **changes))


def test_a_channel_that_the_network_does_not_give_is_named(node: Storage, tmp_path: Path) -> None:
    numbers = {"0": {**AGE, "curve": {**CURVE, "points": 9}}}
    _add(node, regression(tmp_path / "ages", numbers=numbers))
    volume = assemble_volume(_images())
    with pytest.raises(ModelUnusable, match="gives 7 numbers, and the card names channel 11"):
        pipeline_named(node.settings, "model-ages").run(PipelineContext(node.settings, volume))
