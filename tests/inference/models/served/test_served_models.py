"""Pipelines whose network a model server computes, by the Open Inference Protocol."""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from api.server.checks.model_servers import model_server_checks
from inference.imaging.volume import Volume
from inference.model_registry.adding import add_model
from inference.model_registry.status import model_of
from inference.model_servers.gate import failing
from inference.models.model_cache import WARM
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.catalogue import pipeline_named
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from tests.inference.model_servers.grpc_servers import infers as infers_grpc
from tests.inference.model_servers.grpc_servers import serving as serving_grpc
from tests.inference.model_servers.servers import Asked, Exchange, infers, serving
from tests.inference.models.served.serving import METADATA, Compute, at, run, served_card
from tests.inference.orchestration import later, receive
from tests.inference.small import mr_series


@pytest.mark.slow
@pytest.mark.parametrize("binary", [True, False])
def test_voxel_by_voxel_what_the_same_file_gives_here(
    storage: Storage,
    tmp_path: Path,
    volume: Volume,
    compute: Compute,
    local: PipelineOutput,
    binary: bool,
) -> None:
    with serving(infers(compute, METADATA, binary=binary)) as server:
        node = at(storage, server.url)
        added = add_model(
            node.settings,
            node.model_states,
            node.shadow_runs,
            served_card(tmp_path / "served"),
            "petra",
        )
        assert added.standing.state == "active"
        output = run(node, volume)
    assert local.masks is not None
    assert np.count_nonzero(local.masks) > 1000
    np.testing.assert_array_equal(output.masks, local.masks)
    assert output.measurements == local.measurements
    assert output.notes == (
        "Computed by the model server triton (small 1): model spleen, version 2.",
    )
    inferred = [one for one in server.asked if one.method == "POST"]
    assert {one.path for one in inferred} == {"/v2/models/spleen/versions/2/infer"}
    has_bytes = "Inference-Header-Content-Length" in inferred[0].headers
    assert has_bytes == binary


def test_another_layout_and_half_precision(
    storage: Storage, tmp_path: Path, volume: Volume, compute: Compute, local: PipelineOutput
) -> None:
    """As TensorFlow has it: channels last, and the axes of the image the other way round."""

    def channels_last(values: NDArray[Any]) -> NDArray[Any]:
        found = compute(values.transpose(0, 4, 3, 2, 1))
        return found.transpose(0, 4, 3, 2, 1)

    metadata = {
        **METADATA,
        "inputs": [{"name": "x", "datatype": "FP16", "shape": [-1, 32, 32, 32, 1]}],
        "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 32, 32, 32, 2]}],
    }
    given = {"name": "x", "shape": [-1, 32, 32, 32, 1], "layout": "NZYXC", "datatype": "FP16"}
    found = {"name": "scores", "shape": [-1, 32, 32, 32, 2], "layout": "NZYXC"}
    with serving(infers(channels_last, metadata)) as server:
        node = at(storage, server.url)
        add_model(
            node.settings,
            node.model_states,
            node.shadow_runs,
            served_card(tmp_path / "served", input=given, output=found),
            "petra",
        )
        output = run(node, volume)
    assert output.masks is not None
    assert local.masks is not None
    differ = np.count_nonzero((output.masks > 0) != (local.masks > 0))
    assert differ <= 0.002 * np.count_nonzero(local.masks)


ONE = [1, 1, 32, 32, 32]


@pytest.mark.parametrize("way", ["http", "grpc"])
def test_a_tensor_for_each_series_gives_what_their_channels_give(
    storage: Storage, tmp_path: Path, volume: Volume, way: str
) -> None:
    """T1 alone decides, unless FLAIR is dark: whoever exchanges them finds something else."""

    def apart(t1: NDArray[Any], flair: NDArray[Any]) -> NDArray[Any]:
        bright = np.where(flair > 0.3, t1 - 0.5, -1.0)
        return np.concatenate([-bright, bright], axis=1)

    def together(values: NDArray[Any]) -> NDArray[Any]:
        return apart(values[:, :1], values[:, 1:])

    flair = dataclasses.replace(volume, voxels=volume.voxels[:, ::-1].copy())
    tensors = {
        "flair-first": {"input": {"name": "x", "shape": [1, 2, 32, 32, 32]}},
        "each": {"inputs": {role: {"name": role, "shape": ONE} for role in ("t1", "flair")}},
    }
    masks = {}
    for name, given in tensors.items():
        folder = tmp_path / name
        served_card(folder, {"name": name}, **{"input": None, **given})
        card = json.loads((folder / "mediview.json").read_text())
        taken = {role: {"accepts": {"Modality": "MR"}} for role in ("t1", "flair")}
        del card["accepts"]
        (folder / "mediview.json").write_text(
            json.dumps({**card, "inputs": taken, "reference": "t1"})
        )
        stated = [*given["inputs"].values()] if "inputs" in given else [given["input"]]
        metadata = {**METADATA, "inputs": [{**one, "datatype": "FP32"} for one in stated]}
        compute = apart if "inputs" in given else together
        running = (
            serving_grpc(infers_grpc(compute, metadata))
            if way == "grpc"
            else serving(infers(compute, metadata))
        )
        with running as server:
            node = at(storage, server.url)
            add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
            pipeline = pipeline_named(node.settings, f"model-{name}")
            inputs = {"t1": volume, "flair": flair}
            masks[name] = pipeline.run(PipelineContext(node.settings, volume, inputs=inputs)).masks
    first, second = masks.values()
    assert first is not None
    assert np.count_nonzero(first) > 500
    np.testing.assert_array_equal(first, second)


def test_a_classifier_gives_probabilities(storage: Storage, tmp_path: Path, volume: Volume) -> None:
    def by_mean(values: NDArray[Any]) -> NDArray[Any]:
        bright = values.mean(axis=(1, 2, 3, 4))
        return np.stack([-bright, bright], axis=1)

    metadata = {
        **METADATA,
        "outputs": [{"name": "scores", "datatype": "FP64", "shape": [-1, 2]}],
    }
    folder = served_card(
        tmp_path / "served",
        {
            "output": "classification",
            "tile": None,
            "resize": [32, 32, 32],
            "labels": {"0": "dark", "1": "bright"},
        },
        output={"name": "scores", "shape": [-1, 2], "datatype": "FP64"},
    )
    with serving(infers(by_mean, metadata)) as server:
        node = at(storage, server.url)
        add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
        answers = run(node, volume).classifications
    assert {one.label for one in answers} == {"dark", "bright"}
    assert sum(one.confidence for one in answers) == pytest.approx(1.0, abs=1e-6)


def test_a_server_that_goes_away_costs_one_job_its_time_and_the_model_stays(
    storage: Storage, tmp_path: Path, compute: Compute
) -> None:
    works = infers(compute, METADATA)
    is_down: list[bool] = []

    def sometimes(exchange: Exchange, asked: Asked) -> None:
        if is_down:
            exchange.answer(500, b"")
        else:
            works(exchange, asked)

    with serving(sometimes) as server:
        node = at(storage, server.url, model_server_failures=1, job_outside_retry_s=0.01,
                  job_retry_base_s=0.01)  # fmt: skip
        add_model(
            node.settings,
            node.model_states,
            node.shadow_runs,
            served_card(tmp_path / "served"),
            "petra",
        )
        receive(node, mr_series("spleen", 12))
        decisions = {one.pipeline: one for one in complete_and_schedule(node, later(10))}
        job_id = decisions["model-plain-spleen"].job_id or ""
        is_down.append(True)
        WARM.forget_all()
        job = run_job(node, job_id, "worker")
        assert job is not None
        assert job.state == "SCHEDULED", "it is tried again"
        assert "The model server triton answered HTTP 500" in job.reason
        assert len(failing(node.settings, node.circuit_breakers)) == 1
        assert model_of(node.settings, node.model_states, "plain-spleen").state == "active"
        asked = len(server.asked)
        time.sleep(0.1)
        job = run_job(node, job_id, "worker")
        assert job is not None
        assert "left alone for a while" in job.reason
        assert (job.state, job.attempts, len(server.asked)) == ("SCHEDULED", 1, asked)
        is_down.clear()
        (check,) = model_server_checks(node.settings, node.circuit_breakers)
        assert check.state == "ok"
        assert failing(node.settings, node.circuit_breakers) == []
        time.sleep(0.1)
        job = run_job(node, job_id, "worker")
        assert job is not None
        assert (job.state, job.reason) == ("COMPLETED", "")
    assert failing(node.settings, node.circuit_breakers) == []
    assert (
        "Computed by the model server triton (small 1): model spleen, version 2."
        in (job.result["notes"])
    )
