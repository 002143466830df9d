"""Cards of models that a server computes: what is refused before a job runs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.server.checks.model_servers import model_server_checks
from inference.bundles.installed import described
from inference.imaging.volume import Volume
from inference.model_registry.adding import add_model
from inference.model_registry.status import model_of
from inference.model_servers.card import ServedModel
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.catalogue import pipeline_named
from inference.refusals import ModelUnusable
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests.inference.model_servers.servers import infers, serving
from tests.inference.models.served.serving import METADATA, SHAPE, Compute, at, served_card

ROOT = Path(__file__).parents[4]


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


@pytest.mark.parametrize(
    ("served", "says"),
    [
        ({"server": "http://evil"}, "served.server"),
        ({"model": "../../secret"}, "served.model"),
        ({"input": {"name": "x", "shape": SHAPE, "layout": "NCXYY"}}, "layout has each of"),
        ({"input": {"name": "x", "shape": [1, 1, 64, 32, 32]}}, "64 along X, and tile"),
        ({"input": {"name": "x", "shape": [1, 4, 32, 32, 32]}}, "4 channels"),
        (
            {"output": {"name": "y", "shape": [1, 2]}},
            "of a classification or regression has N and C",
        ),
        ({"input": {"name": "x", "shape": SHAPE, "datatype": "UINT8"}}, "floating point"),
        ({"inputs": {"t1": {"name": "x", "shape": SHAPE}}}, "either input or inputs"),
        (
            {"input": None, "inputs": {"t1": {"name": "x", "shape": SHAPE}}},
            "served.inputs names the card's inputs, all in the same order",
        ),
    ],
)
def test_a_card_that_cannot_be_followed_is_refused(
    tmp_path: Path, served: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        described(served_card(tmp_path / "served", **served))


@pytest.mark.parametrize("block", ["served-inputs", "served-detector"])
def test_what_the_page_shows_of_served_can_be_followed(block: str) -> None:
    page = (ROOT / "docs/pipelines/model-servers.md").read_text("utf-8")
    (text,) = re.findall(rf"```json {block}\n(.*?)```", page, re.DOTALL)
    assert len(ServedModel.model_validate_json(text).asked) in (1, 3)


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
        (check,) = model_server_checks(node.settings, node.circuit_breakers)
        assert (check.state, check.detail) == ("ok", "offers spleen")
        pipeline = pipeline_named(node.settings, "model-served-spleen")
        output = pipeline.run(PipelineContext(node.settings, volume))
    np.testing.assert_array_equal(output.masks, local.masks)


def test_weights_beside_a_server_are_refused(tmp_path: Path, network: Path) -> None:
    folder = served_card(tmp_path / "served")
    (folder / "model.onnx").write_bytes((network / "model.onnx").read_bytes())
    with pytest.raises(InvalidRequest, match="holds weights, and its card names"):
        described(folder)
