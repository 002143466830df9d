"""TorchScript and ONNX as they are, and detectors: added from a folder, run as pipelines."""

import json
import os
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from pydicom.dataset import Dataset

from inference.bundles.installed import described, installed_bundles
from inference.bundles.runner import Boxes, detect
from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from inference.models.cards.card_file import Card
from inference.pipeline import PipelineContext, PipelineOutput, ignore_progress
from inference.pipelines.box_findings import boxes_as_findings
from inference.pipelines.catalogue import pipeline_named
from inference.refusals import ModelUnusable, NothingFound
from inference.scheduling.schedule import complete_and_schedule
from inference.volume_preparation.surfaces import with_surfaces
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests import builders
from tests.inference.bundles import detection_bundle
from tests.inference.orchestration import later, storage_in
from tests.inference.plain_models import onnx_model, plain_card, torchscript_model
from tests.inference.results_support import complaints, save

SHAPE = (24, 40, 36)


@pytest.fixture(scope="module")
def mask() -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[4:18, 6:30, 5:14] = True
    mask[4:10, 6:14, 5:31] = True
    return mask


@pytest.fixture(scope="module")
def series(mask: NDArray[np.bool_]) -> list[Dataset]:
    return builders.series(
        np.where(mask, 1000, 40).astype(np.int16),
        spacing_mm=(2.0, 1.1, 0.9),
        directions=builders.rotation(12, -9, 5),
    )


@pytest.fixture(scope="module")
def volume(series: list[Dataset]) -> Volume:
    return assemble_volume(series)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def run(storage: Storage, name: str, volume: Volume) -> PipelineOutput:
    return pipeline_named(storage.settings, name).run(PipelineContext(storage.settings, volume))


class _Raises(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if image.shape[1] == 1:
            raise RuntimeError("this network wants two channels.")
        return image


def test_a_network_that_raises_in_its_self_test_is_quoted_and_called_no_bundle(
    storage: Storage, tmp_path: Path
) -> None:
    folder = torchscript_model(tmp_path / "plain")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted: Any = torch.jit.script(_Raises())
        scripted.save(str(folder / "model.ts"))
    with pytest.raises(ModelUnusable) as refusal:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    assert refusal.value.message.startswith(
        "The model plain-spleen cannot be loaded or fails its self-test: Error:"
        " builtins.RuntimeError: this network wants two channels. "
    )
    assert refusal.value.remedy == "Correct the network or its card, and add it again."


@pytest.mark.parametrize("make", [torchscript_model, onnx_model])
def test_a_plain_model_segments_on_the_oblique_grid(
    storage: Storage, tmp_path: Path, volume: Volume, make: object
) -> None:
    assert callable(make)
    added = add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        make(tmp_path / "plain"),
        "petra",
    )
    assert added.standing.state == "active"
    output = run(storage, "model-plain-spleen", volume)
    truth, found = volume.voxels > 500, output.mask(0)
    assert 2.0 * (truth & found).sum() / (truth.sum() + found.sum()) > 0.9
    (measurement,) = output.measurements
    assert measurement.label == "Spleen volume"


def test_a_corrected_card_counts_from_the_next_job_on(
    storage: Storage, tmp_path: Path, volume: Volume
) -> None:
    """Of the same name, version and weights, in a process that has the model loaded."""
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        torchscript_model(tmp_path / "a", intensity={"values": [0, 9000]}),
        "petra",
    )
    with pytest.raises(NothingFound):
        run(storage, "model-plain-spleen", volume)
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        torchscript_model(tmp_path / "b", intensity={"values": [0, 1000]}),
        "petra",
    )
    assert run(storage, "model-plain-spleen", volume).segments


def test_a_card_states_the_grid_on_which_its_model_sees_every_series(
    storage: Storage, tmp_path: Path, volume: Volume
) -> None:
    folder = torchscript_model(tmp_path / "gridded")
    card = json.loads((folder / "mediview.json").read_text())
    card["fixed_grid"] = {"edge_mm": 2.0, "reason": "It resamples all series to 2 mm in RAS."}
    (folder / "mediview.json").write_text(json.dumps(card))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    pipeline = pipeline_named(storage.settings, "model-plain-spleen")
    (measured,) = with_surfaces(
        pipeline, run(storage, "model-plain-spleen", volume), volume
    ).measurements
    assert measured.validity is not None
    assert measured.validity.surface is not None
    assert measured.validity.surface.fixed_grid_mm == 2.0
    card["fixed_grid"]["edge_mm"] = 0
    with pytest.raises(ValidationError, match="greater than 0"):
        Card.model_validate({"fixed_grid": card["fixed_grid"]})


def test_an_onnx_classifier_gives_probabilities(
    storage: Storage, tmp_path: Path, volume: Volume
) -> None:
    folder = onnx_model(
        tmp_path / "c", classes=True, output="classification", tile=None,
        resize=[32, 32, 32], labels={"0": "dark", "1": "bright"},
    )  # fmt: skip
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    answers = run(storage, "model-plain-spleen", volume).classifications
    assert {one.label for one in answers} == {"dark", "bright"}
    assert sum(one.confidence for one in answers) == pytest.approx(1.0, abs=1e-5)
    assert answers[0].label == "dark"  # most of the series is


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"output": "boxes"}, "model.output"),
        ({"intensity": {}}, "either values or percentiles"),
        ({"version": "../x"}, "model.version"),
        ({"output": "classification", "labels": {"0": "None", "1": "Spleen"}}, "use resize"),
        ({"orientation": "XYZ"}, "model.orientation"),
        ({"spacing_mm": [float("nan"), 1, 1]}, "model.spacing_mm.0 is nan"),
        ({"spacing_mm": [1, float("inf"), 1]}, "model.spacing_mm.1 is inf"),
        ({"spacing_mm": [1e-300, 1e300, 1]}, "model.spacing_mm.* numbers of a card"),
        ({"spacing_mm": [-1, 1, 1]}, "model.spacing_mm.0"),
        ({"spacing_mm": [1, 1, 0]}, "model.spacing_mm.2"),
        ({"tile": [10**9, 10**9, 10**9]}, "model.tile.0"),
        ({"tile": [4096, 4096, 4096]}, "voxels"),
        ({"tile": [0, 32, 32]}, "model.tile.0"),
        ({"intensity": {"values": [0, 1e200]}}, "model.intensity.values.1 is 1e"),
    ],
)
def test_a_card_that_cannot_be_followed_is_refused(
    storage: Storage, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    folder = torchscript_model(tmp_path / "plain")
    (folder / "mediview.json").write_text(json.dumps(plain_card(**change)))
    with pytest.raises(InvalidRequest, match=says):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"population": {"age_years": [0, float("inf")]}}, "population.age_years.1 is inf"),
        ({"gate": {"dice": {"at_least": float("nan")}}}, "gate.dice.at_least is nan"),
        ({"critical": [{"finding": "Mass", "above": -1e300}]}, "critical.0.above is -1e"),
        ({"fixed_grid": {"edge_mm": float("nan"), "reason": "x"}}, "fixed_grid.edge_mm is nan"),
        ({"score_at_least": 1e-300}, "score_at_least is 1e-300"),
        ({"population": {"kvp": [0, 10**400]}}, "population.kvp.1 is 10000"),
    ],
)
def test_a_card_has_numbers_that_somebody_can_mean(stated: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Card.model_validate(stated)
    assert Card.model_validate({"population": {"age_years": [0, 120]}, "score_at_least": 0})


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return detection_bundle(tmp_path_factory.mktemp("detector") / "nodules")


def test_a_card_that_is_a_pipe_is_refused_and_not_waited_for(
    storage: Storage, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    os.mkfifo(folder / "mediview.json")
    (folder / "model.ts").touch()
    with pytest.raises(InvalidRequest, match=r"mediview\.json is not a file"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "ada")
    # One that somebody put there by hand holds nothing up.
    storage.settings.resolved_models_dir.mkdir()
    folder.rename(storage.settings.resolved_models_dir / "model")
    assert installed_bundles(storage.settings) == []


def test_a_card_that_is_nested_too_deeply_is_refused(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "mediview.json").write_text("[" * 100_000)
    (tmp_path / "model.ts").touch()
    with pytest.raises(InvalidRequest, match="it is not JSON"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, tmp_path, "ada")


@pytest.mark.slow
def test_a_detector_runs_from_the_ledger_to_valid_results(
    storage: Storage, detector: Path, series: list[Dataset], tmp_path: Path
) -> None:
    assert (
        add_model(
            storage.settings, storage.model_states, storage.shadow_runs, detector, "petra"
        ).standing.state
        == "active"
    )
    for one in series:
        buffer = BytesIO()
        one.save_as(buffer, enforce_file_format=True)
        storage.ingest.accept(buffer.getvalue(), source="dimse:TEST")
    decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    job = run_job(storage, decisions["bundle-nodules-of-phantoms"].job_id or "", "worker")
    assert job is not None
    assert job.state == "COMPLETED", job.reason
    findings = sorted(storage.findings.of_job(job.job_id), key=lambda one: one.label)
    findings.sort(key=lambda one: one.confidence is not None)
    assert findings[0].label == "Nodule boxes found"
    assert findings[0].value == len(findings) - 1 > 0
    confidences = [one.confidence for one in findings[1:]]
    assert all(0.0 <= (one or -1.0) <= 1.0 for one in confidences)
    assert confidences == sorted(confidences, key=lambda one: -(one or 0.0))
    for made in job.result["instances"]:
        stored = storage.instances.read(storage.index.instance(made["sop_instance_uid"]))
        assert complaints(save(pydicom.dcmread(BytesIO(stored)), tmp_path / "x.dcm")) == []


@pytest.mark.slow
def test_its_boxes_lie_where_monai_puts_them(detector: Path, volume: Volume) -> None:
    """MONAI's own transforms carry the same boxes to the patient."""
    import torch
    from monai.apps.detection.transforms.dictionary import AffineBoxToWorldCoordinated

    from inference.bundles.loading import as_bundle, load_parts
    from inference.bundles.runner import _image

    bundle = described(detector)
    ours = detect(bundle, volume, 0, ignore_progress)
    parts = load_parts(bundle, 0)
    with as_bundle(bundle), torch.inference_mode():
        image = parts.preprocessing({"image": _image(volume)})["image"]
        (found,) = parts.inferer([image], parts.network)
        found = parts.postprocessing({**found, "image": image})
        order = torch.argsort(found["label_scores"], descending=True, stable=True)
        world = AffineBoxToWorldCoordinated(box_keys="box", box_ref_image_keys="image")
        moved = world({"box": found["box"].clone(), "image": image, "image_meta_dict": image.meta})
    ras = np.asarray(moved["box"][order]).reshape(-1, 2, 3)
    # MONAI sorts the corners of each axis; which of two opposite corners is first is nothing.
    lps = np.sort(ras * (-1, -1, 1), axis=1)
    np.testing.assert_allclose(np.sort(ours.corners_lps_mm, axis=1), lps, atol=1e-2)


def test_a_box_marks_the_voxels_within_and_none_is_a_finding_too(
    detector: Path, volume: Volume
) -> None:
    bundle = described(detector).model_copy(update={"labels": {0: "Nodule"}})
    affine = volume.lps_from_kji
    low = affine @ (5, 10, 12, 1)
    high = affine @ (8, 15, 20, 1)
    axes = affine[:3, [2, 1, 0]] / np.linalg.norm(affine[:3, [2, 1, 0]], axis=0)
    boxes = Boxes(np.stack([[low[:3], high[:3]]]), axes, np.array([0]), np.array([0.75]))
    segments, masks, measurements = boxes_as_findings(bundle, boxes, volume)
    assert masks is not None
    expected = np.zeros(SHAPE, bool)
    expected[5:9, 10:16, 12:21] = True
    np.testing.assert_array_equal(masks == 1, expected)
    assert segments[0].label == "Nodule 1 (box)"
    number, size = measurements
    assert number.value == 1.0
    assert (size.value, size.confidence) == (pytest.approx(8 * 0.9), 0.75)
    none = Boxes(np.zeros((0, 2, 3)), axes, np.zeros(0, np.int64), np.zeros(0))
    segments, masks, (number,) = boxes_as_findings(bundle, none, volume)
    assert (segments, masks, number.value) == ((), None, 0.0)
