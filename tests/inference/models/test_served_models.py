"""Pipelines whose network a model server computes, by the Open Inference Protocol."""

import dataclasses
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from api.server.checks.model_servers import model_server_checks
from inference.bundles.installed import described
from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from inference.model_registry.status import model_of
from inference.model_servers.gate import failing
from inference.models.model_cache import WARM
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.catalogue import pipeline_named
from inference.refusals import ModelUnusable
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.errors import InvalidRequest
from storage.settings import load_settings
from tests import builders
from tests.inference.model_servers.servers import Asked, Exchange, infers, serving
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.plain_models import onnx_model, plain_card
from tests.inference.small import mr_series

ROOT = Path(__file__).parents[3]
SHAPE = [1, 1, 32, 32, 32]
METADATA = {
    "name": "spleen",
    "versions": ["1", "2"],
    "platform": "onnxruntime_onnx",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": SHAPE}],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2, 32, 32, 32]}],
}
SERVED: dict[str, Any] = {
    "server": "triton",
    "model": "spleen",
    "version": "2",
    "input": {"name": "x", "shape": SHAPE},
    "output": {"name": "scores", "shape": [-1, 2, 32, 32, 32]},
}

Compute = Callable[[NDArray[Any]], NDArray[Any]]


@pytest.fixture(scope="module")
def volume() -> Volume:
    mask = np.zeros((24, 40, 36), bool)
    mask[4:18, 6:30, 5:14] = True
    mask[4:10, 6:14, 5:31] = True
    noise = np.random.default_rng(4).integers(0, 300, mask.shape)
    return assemble_volume(
        builders.series(
            (np.where(mask, 900, 40) + noise).astype(np.int16),
            spacing_mm=(2.0, 1.1, 0.9),
            directions=builders.rotation(12, -9, 5),
        )
    )


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return onnx_model(tmp_path_factory.mktemp("network") / "spleen")


@pytest.fixture(scope="module")
def compute(network: Path) -> Compute:
    session = onnxruntime.InferenceSession(str(network / "model.onnx"))

    def compute(values: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = session.run(None, {"x": values.astype(np.float32)})[0]
        return found

    return compute


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    # Cards of these tests have one name, and what a process has loaded stays.
    WARM.forget_all()
    with storage_in(tmp_path) as storage:
        yield storage


def served_card(folder: Path, changes: dict[str, Any] | None = None, **served: Any) -> Path:
    """`changes` are of the card's `model`, the others of `served`."""
    folder.mkdir(parents=True)
    card = {**plain_card(**(changes or {})), "served": {**SERVED, **served}}
    (folder / "mediview.json").write_text(json.dumps(card))
    return folder


def at(storage: Storage, url: str, **settings: Any) -> Storage:
    changed = load_settings(
        data_dir=storage.settings.data_dir,
        free_disk_mark_bytes=0,
        model_servers=f"triton={url}",
        **settings,
    )
    return dataclasses.replace(storage, settings=changed)


def run(storage: Storage, volume: Volume) -> PipelineOutput:
    pipeline = pipeline_named(storage.settings, "model-plain-spleen")
    return pipeline.run(PipelineContext(storage.settings, volume))


@pytest.fixture(scope="module")
def local(
    network: Path, volume: Volume, tmp_path_factory: pytest.TempPathFactory
) -> PipelineOutput:
    """What the same ONNX file finds when the node computes it."""
    WARM.forget_all()
    with storage_in(tmp_path_factory.mktemp("local")) as storage:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, network, "petra")
        return run(storage, volume)


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


def test_a_server_that_differs_from_the_card_is_named_before_the_first_run(
    storage: Storage, tmp_path: Path, compute: Compute
) -> None:
    change = {"inputs": [{"name": "x", "datatype": "UINT8", "shape": SHAPE}]}
    with serving(infers(compute, {**METADATA, **change})) as server:
        node = at(storage, server.url)
        with pytest.raises(ModelUnusable, match="x as UINT8; the card states FP32") as refusal:
            add_model(
                node.settings,
                node.model_states,
                node.shadow_runs,
                served_card(tmp_path / "served"),
                "petra",
            )
    assert "Correct served.input.datatype" in refusal.value.remedy
    assert model_of(storage.settings, storage.model_states, "plain-spleen").state == "added"
    assert [one for one in server.asked if one.method == "POST"] == []


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
        assert len(failing(node.settings, node.breakers)) == 1
        assert model_of(node.settings, node.model_states, "plain-spleen").state == "active"
        asked = len(server.asked)
        time.sleep(0.1)
        job = run_job(node, job_id, "worker")
        assert job is not None
        assert "left alone for a while" in job.reason
        assert (job.state, job.attempts, len(server.asked)) == ("SCHEDULED", 1, asked)
        is_down.clear()
        (check,) = model_server_checks(node)
        assert check.state == "ok"
        assert failing(node.settings, node.breakers) == []
        time.sleep(0.1)
        job = run_job(node, job_id, "worker")
        assert job is not None
        assert (job.state, job.reason) == ("COMPLETED", "")
    assert failing(node.settings, node.breakers) == []
    assert (
        "Computed by the model server triton (small 1): model spleen, version 2."
        in (job.result["notes"])
    )


@pytest.mark.parametrize(
    ("served", "says"),
    [
        ({"server": "http://evil"}, "served.server"),
        ({"model": "../../secret"}, "served.model"),
        ({"input": {"name": "x", "shape": SHAPE, "layout": "NCXYY"}}, "layout has each of"),
        ({"input": {"name": "x", "shape": [1, 1, 64, 32, 32]}}, "64 along X, and tile"),
        ({"input": {"name": "x", "shape": [1, 4, 32, 32, 32]}}, "4 channels"),
        ({"output": {"name": "y", "shape": [1, 2]}}, "of a classification has N and C"),
        ({"input": {"name": "x", "shape": SHAPE, "datatype": "UINT8"}}, "floating point"),
    ],
)
def test_a_card_that_cannot_be_followed_is_refused(
    tmp_path: Path, served: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        described(served_card(tmp_path / "served", **served))


def test_a_server_that_the_site_does_not_name_is_not_called(
    storage: Storage, tmp_path: Path
) -> None:
    with pytest.raises(ModelUnusable, match="which MEDIVIEW_MODEL_SERVERS does not name"):
        add_model(
            storage.settings,
            storage.model_states,
            storage.shadow_runs,
            served_card(tmp_path / "served"),
            "petra",
        )
    found = pipeline_named(storage.settings, "model-plain-spleen").readiness()
    assert not found.ready
    assert "adds triton=https://host:port to MEDIVIEW_MODEL_SERVERS" in found.detail


def test_a_model_is_added_as_the_page_says(
    storage: Storage, tmp_path: Path, volume: Volume, compute: Compute, local: PipelineOutput
) -> None:
    """docs/pipelines/model-servers.md, with the address of this test."""
    page = (ROOT / "docs/pipelines/model-servers.md").read_text("utf-8")
    (block,) = re.findall(r"```json card\n(.*?)```", page, re.DOTALL)
    folder = tmp_path / "served_spleen"
    folder.mkdir()
    (folder / "mediview.json").write_text(block)
    with serving(infers(compute, METADATA)) as server:
        (settings,) = re.findall(r"```sh settings\n(.*?)```", page, re.DOTALL)
        value = settings.split()[0].partition("=")[2].replace("triton=", "", 1)
        assert value == "https://gpu1.example.org:8000"
        node = at(storage, server.url)
        assert (
            add_model(
                node.settings, node.model_states, node.shadow_runs, folder, "petra"
            ).standing.state
            == "active"
        )
        (check,) = model_server_checks(node)
        assert (check.state, check.detail) == ("ok", "offers spleen")
        pipeline = pipeline_named(node.settings, "model-served-spleen")
        output = pipeline.run(PipelineContext(node.settings, volume))
    np.testing.assert_array_equal(output.masks, local.masks)


def test_weights_beside_a_server_are_refused(tmp_path: Path, network: Path) -> None:
    folder = served_card(tmp_path / "served")
    (folder / "model.onnx").write_bytes((network / "model.onnx").read_bytes())
    with pytest.raises(InvalidRequest, match="holds weights, and its card names"):
        described(folder)
