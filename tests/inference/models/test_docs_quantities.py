"""docs/pipelines/quantities.md, followed to the letter."""

import json
import re
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

from inference.containers.number_output import read_results
from inference.findings.build import build_findings
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.catalogue import pipeline_named
from inference.results.encode import encode_results
from inference.volume_preparation.map_checks import check_maps
from storage.container import Storage
from tests.inference.films import film
from tests.inference.models.test_regressions import _Numbers
from tests.inference.orchestration import storage_in
from tests.inference.results_support import PIPELINE, job_for
from tests.inference.small import mr_series

PAGE = (Path(__file__).parents[3] / "docs" / "pipelines" / "quantities.md").read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, language
    return found[1]


def _images() -> list[Dataset]:
    return [pydicom.dcmread(BytesIO(one)) for one in mr_series("page")]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def _added(node: Storage, folder: Path, network: torch.nn.Module, example: Any, card: str) -> None:
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(network, example).save(str(folder / "model.ts"))
    (folder / "mediview.json").write_text(block(card))
    added = add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
    assert added.standing.state == "active"


def test_numbers_maps_and_films_as_the_page_says(node: Storage, tmp_path: Path) -> None:
    volume_like, image_like = torch.zeros(1, 1, 8, 8, 8), torch.zeros(1, 1, 8, 8)
    _added(node, tmp_path / "a", _Numbers(), volume_like, "json regression")
    _added(node, tmp_path / "b", _Numbers(), image_like, "json image-regression")
    _added(node, tmp_path / "c", torch.nn.Conv3d(1, 1, 1), volume_like, "json parametric-map")
    volume = assemble_volume(_images())
    context = PipelineContext(node.settings, volume)
    (peak,) = pipeline_named(node.settings, "model-perfusion-numbers").run(context).measurements
    assert peak.interval is not None
    assert (peak.interval.level, peak.curve is not None) == (0.9, True)
    films = PipelineContext(node.settings, images=(film("page"),))
    (image,) = pipeline_named(node.settings, "model-bone-age").run(films).images
    assert image.measurements[0].label == "Bone age"
    pipeline = pipeline_named(node.settings, "model-diffusion-map")
    output = pipeline.run(context)
    check_maps(pipeline, output, volume)
    assert (output.maps[0].label, output.maps[0].window) == ("ADC", (0, 0.003))


def test_a_container_and_an_entry_point_state_the_same(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(json.loads(block("json results"))))
    ((written,), _) = read_results(path)
    given: dict[str, Any] = {}
    exec(compile(block("python quantities"), "quantities.md", "exec"), given)
    peak = given["peak"]
    assert (written.value, written.interval) == (peak.value, peak.interval)
    assert written.curve is not None
    assert written.curve.points == peak.curve.points
    datasets = _images()
    volume = assemble_volume(datasets)
    values = np.ones(volume.voxels.shape, np.float32)
    output = PipelineOutput(measurements=(peak,), maps=(given["adc_map"](values),))
    check_maps(PIPELINE, output, volume)
    assert build_findings(job_for(volume), PIPELINE, output)[0].curve == peak.curve
    made = encode_results(job_for(volume), PIPELINE, datasets, volume, output).objects
    assert [one.kind for one in made] == ["PM", "SR"]
