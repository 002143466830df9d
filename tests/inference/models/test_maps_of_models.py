"""Networks that give a quantity at each voxel: from a folder to a Parametric Map."""

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
from tests import builders
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.small import mr_series, study_uid

ADC = {"label": "ADC", "unit": "mm2/s", "code": ["113041", "DCM", "Apparent Diffusion Coefficient"]}


def map_model(folder: Path, **model: Any) -> Path:
    """Two quantities: twice the image and 1, and its negative."""
    folder.mkdir(parents=True)
    network = torch.nn.Conv3d(1, 2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([2.0, -1.0]).reshape(2, 1, 1, 1, 1))
        network.bias.copy_(torch.tensor([1.0, 0.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(network, torch.zeros(1, 1, 8, 8, 8)).save(str(folder / "model.ts"))
    card = {
        "accepts": {"Modality": "MR"},
        "model": {
            "name": "Plain map", "version": "1", "modality": "MR", "output": "parametric-map",
            "maps": {"0": {**ADC, "scale": 1e-6, "offset": 1e-3}, "1": {"label": "T", "unit": "1"}},
            "tile": [16, 16, 16], **model,
        },
    }  # fmt: skip
    (folder / "mediview.json").write_text(json.dumps(card))
    return folder


def _images() -> list[Dataset]:
    return [pydicom.dcmread(BytesIO(one)) for one in mr_series("map")]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def _add(node: Storage, folder: Path) -> None:
    added = add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
    assert added.standing.state == "active"


def test_a_network_gives_quantities_on_an_oblique_grid(node: Storage, tmp_path: Path) -> None:
    _add(node, map_model(tmp_path / "plain"))
    voxels = np.random.default_rng(1).integers(0, 900, (12, 20, 17), dtype=np.int16)
    volume = assemble_volume(
        builders.series(voxels, spacing_mm=(2.0, 1.1, 0.9), directions=builders.rotation(12, -9, 5))
    )
    pipeline = pipeline_named(node.settings, "model-plain-map")
    assert {one.value for one in pipeline.card.output_codes} == {"113041", "T"}
    first, second = pipeline.run(PipelineContext(node.settings, volume)).maps
    np.testing.assert_allclose(first.values, (2 * volume.voxels + 1) * 1e-6 + 1e-3, rtol=1e-5)
    np.testing.assert_allclose(second.values, -volume.voxels, atol=1e-3)
    assert (first.label, first.unit.value) == ("ADC", "mm2/s")


def test_a_map_is_stored_and_a_rerun_gives_the_same_object(node: Storage, tmp_path: Path) -> None:
    _add(node, map_model(tmp_path / "plain"))
    receive(node, mr_series("map"))
    decisions = {one.pipeline: one for one in complete_and_schedule(node, later(10))}
    job = run_job(node, decisions["model-plain-map"].job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    made = job.result["instances"]
    assert [one["kind"] for one in made] == ["PM", "PM"]
    instances = node.index.instances_of(study_uid("map"), str(made[0]["series_instance_uid"]))
    first = node.instances.dataset(min(instances, key=lambda one: one.instance_number or 0))
    assert (first.SeriesInstanceUID, first.Modality) == (made[0]["series_instance_uid"], "OT")
    values = np.frombuffer(first.FloatPixelData, "<f4")
    source = assemble_volume(_images()).voxels.ravel()
    np.testing.assert_allclose(np.sort(values), np.sort((2 * source + 1) * 1e-6 + 1e-3), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"maps": {}}, "names maps"),
        ({"labels": {"1": "spleen"}}, "names maps"),
        ({"activation": "softmax"}, "no activation"),
        ({"resize": [8, 8, 8]}, "use tile"),
        ({"maps": {"0": {"label": "ADC"}}}, "unit"),
        ({"maps": {"0": {**ADC, "scale": 0}}}, "scale"),
        ({"maps": {"0": {**ADC, "window": [2, 1]}}}, "window"),
        ({"maps": {"0": {**ADC, "label": "a\\b"}}}, "backslash"),
        ({"maps": {str(n): ADC for n in range(17)}}, "16"),
    ],
)
def test_a_card_that_cannot_be_followed_is_refused(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        described(map_model(tmp_path / "plain", **changes))


def test_a_channel_that_the_network_does_not_give_is_named(node: Storage, tmp_path: Path) -> None:
    _add(node, map_model(tmp_path / "plain", maps={"2": ADC}))
    volume = assemble_volume(_images())
    with pytest.raises(ModelUnusable, match="gives 2 quantities, and its card names channel 2"):
        pipeline_named(node.settings, "model-plain-map").run(PipelineContext(node.settings, volume))
