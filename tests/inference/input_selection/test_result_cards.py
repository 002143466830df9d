"""Cards of models that take results: what is refused, and the page followed by the letter."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.jobs.serializers import job_payload
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests.inference.input_selection.chained import (
    LUNGS,
    NODULE_RADIUS_MM,
    add,
    add_lungs,
    chest,
    decided,
    done,
    network_in,
    nodules_card,
    volume_cm3,
)
from tests.inference.orchestration import storage_in
from tests.inference.pipelines.test_docs_pipelines import mediview

NODULE_CM3 = 4 / 3 * np.pi * NODULE_RADIUS_MM**3 / 1000


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def test_circles_and_long_chains_are_refused_when_a_card_becomes_active(
    storage: Storage, tmp_path: Path
) -> None:
    def added(name: str, of: str) -> str:
        card = nodules_card({"result_of": {"pipeline": of}})
        card["model"] |= {"name": name}
        network_in(tmp_path / name, [1.0, 1.0], 1.28)
        found = add(storage, tmp_path / name, card)
        return f"{found.standing.state} {found.steps[-1]}"

    assert added("a", "model-b").startswith("active")
    refused = added("b", "model-a")
    assert refused.startswith("verified It is not active")
    assert "It waits for itself: model-b takes a result of model-a takes a result of model-b" in (
        refused
    )
    assert "waits for itself" in added("self", "model-self")
    for name, of in (("c", "lung-density"), ("d", "model-c"), ("e", "model-d")):
        assert added(name, of).startswith("active"), name
    assert "and 4 are the most" in added("f", "model-e")


@pytest.mark.slow
def test_a_model_that_takes_a_result_is_added_and_run_as_its_page_says(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "pipelines" / "chains.md").read_text()
    found = re.search(r"^( *)```json card\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    assert found is not None
    with storage_in(tmp_path) as storage:
        add_lungs(storage, tmp_path / "lungs")
        folder = tmp_path / "nodules_in_lungs"
        network_in(folder, [1.0, 1.0], 1.28)
        (folder / "mediview.json").write_text(found[2])
        assert "   mediview models add nodules_in_lungs\n" in page
        output = mediview(tmp_path, storage, "models", "add", "nodules_in_lungs")
        assert "It is active: the pipeline model-nodules-in-lungs runs with it." in output
        waiting = decided(storage, chest())
        assert f"\n> {waiting.reason}\n" in page
        done(storage, decided(storage, pipeline=LUNGS))
        job = done(storage, decided(storage))
        assert volume_cm3(storage, job) == pytest.approx(NODULE_CM3, rel=0.15)
        shown = job_payload(job).model_dump(mode="json")["inputs"]
        assert shown[1]["result"]["pipeline"] == LUNGS
        assert shown[1]["result"]["result_from_reference"] is None


@pytest.mark.parametrize(
    ("lungs", "says"),
    [
        ({"result_of": {}}, "result_of names a pipeline, segments, or both"),
        ({"result_of": {"pipeline": LUNGS, "values": [1, 1]}}, "the same outside and inside"),
        ({"result_of": {"pipeline": LUNGS}, "accepts": {"Modality": "CT"}}, "has neither accepts"),
        ({"result_of": {"pipelin": LUNGS}}, r"pipelin.* \(did you mean 'pipeline'\?\)"),
    ],
)
def test_a_card_whose_result_does_not_fit_is_refused(
    storage: Storage, tmp_path: Path, lungs: dict[str, Any], says: str
) -> None:
    network_in(tmp_path / "m", [1.0, 1.0], 1.28)
    with pytest.raises(InvalidRequest, match=says):
        add(storage, tmp_path / "m", nodules_card(lungs))
    gated = nodules_card(gate={"dice": {"at_least": 0.9}})
    with pytest.raises(InvalidRequest, match="none yet of results of other pipelines"):
        add(storage, tmp_path / "m", gated)
    with pytest.raises(InvalidRequest, match="the reference is a series"):
        add(storage, tmp_path / "m", nodules_card(reference="lungs"))
