"""A MONAI bundle as a pipeline: on an oblique volume, through the ledger, and when it is wrong."""

import json
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import torch
from monai.inferers import SlidingWindowInferer
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.bundles.installed import add_bundle, installed_bundles
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.models.devices import with_fallback
from inference.pipeline import PipelineContext
from inference.pipelines.catalogue import catalogue, pipeline_named
from inference.refusals import ModelUnusable
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.errors import InvalidRequest
from storage.settings import Settings
from tests import builders
from tests.inference.bundles import classification_bundle, segmentation_bundle
from tests.inference.orchestration import later, settings_in, storage_in
from tests.inference.results_support import complaints, save

SHAPE = (24, 40, 36)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return segmentation_bundle(tmp_path_factory.mktemp("bundle") / "spleen")


@pytest.fixture(scope="module")
def mask() -> NDArray[np.bool_]:
    """An L without symmetry, thick enough for a network that works at 1 mm."""
    mask = np.zeros(SHAPE, bool)
    mask[4:18, 6:30, 5:14] = True
    mask[4:10, 6:14, 5:31] = True
    return mask


@pytest.fixture(scope="module")
def series(mask: NDArray[np.bool_]) -> list[Dataset]:
    noise = np.random.default_rng(2).integers(0, 90, SHAPE)
    voxels = np.where(mask, 1000, 0) + noise
    return builders.series(
        voxels.astype(np.int16),
        spacing_mm=(2.0, 1.1, 0.9),
        directions=builders.rotation(0.3, -0.2, 0.15),
    )


@pytest.fixture
def settings(tmp_path: Path, bundle: Path) -> Settings:
    settings = settings_in(tmp_path)
    add_bundle(settings, bundle)
    return settings


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return 2.0 * float((one & other).sum()) / float(one.sum() + other.sum())


def test_its_mask_lies_on_the_oblique_grid_where_the_structure_is(
    settings: Settings, series: list[Dataset], mask: NDArray[np.bool_]
) -> None:
    shuffled = [series[index] for index in np.random.default_rng(1).permutation(len(series))]
    volume = assemble_volume(shuffled)
    pipeline = pipeline_named(settings, "bundle-spleen-of-phantoms")
    output = pipeline.run(PipelineContext(settings, volume))
    ordered = [shuffled[index].SOPInstanceUID for index in volume.instance_indices]
    truth = mask[[[ds.SOPInstanceUID for ds in series].index(uid) for uid in ordered]]
    assert dice(output.mask(0), truth) > 0.9
    (measurement,) = output.measurements
    assert measurement.label == "Spleen volume"
    assert measurement.value == pytest.approx(float(mask.sum()) * 2.0 * 1.1 * 0.9 / 1000, rel=0.15)


def test_memory_that_ends_in_the_inferer_makes_its_windows_smaller(
    settings: Settings, series: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a full device raises within the sliding window: half the edge, and the same mask."""
    volume = assemble_volume(series)
    pipeline = pipeline_named(settings, "bundle-spleen-of-phantoms")
    whole = pipeline.run(PipelineContext(settings, volume))
    run_window, asked = SlidingWindowInferer.__call__, []

    def full_above_16(self: SlidingWindowInferer, *args: object, **kwargs: object) -> object:
        asked.append(tuple(self.roi_size))
        if max(self.roi_size) > 16:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return run_window(self, *args, **kwargs)

    monkeypatch.setattr(SlidingWindowInferer, "__call__", full_above_16)
    output, notes = with_fallback(lambda: pipeline.run(PipelineContext(settings, volume)))
    assert asked == [(32, 32, 32), (16, 16, 16)]
    assert len(notes) == 1
    assert notes[0].endswith("it was run again on the CPU with tiles of 0.5.")
    assert dice(output.mask(0), whole.mask(0)) > 0.98


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Storage]:
    with storage_in(tmp_path_factory.mktemp("node")) as storage:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, bundle, "somebody")
        yield storage


def test_it_runs_from_the_ledger_to_coded_results(
    storage: Storage, series: list[Dataset], tmp_path: Path
) -> None:
    for ds in series:
        buffer = BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        storage.ingest.accept(buffer.getvalue(), source="dimse:TEST")
    decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    decision = decisions["bundle-spleen-of-phantoms"]
    assert decision.accepted, decision.reason
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    kinds = {one["kind"]: one["sop_instance_uid"] for one in job.result["instances"]}
    for uid in kinds.values():
        stored = storage.instances.read(storage.index.instance(uid))
        assert complaints(save(pydicom.dcmread(BytesIO(stored)), tmp_path / "x.dcm")) == []
    seg = hd.seg.segread(BytesIO(storage.instances.read(storage.index.instance(kinds["SEG"]))))
    description = seg.get_segment_description(1)
    assert description.segmented_property_type.value == "78961009"
    assert description.algorithm_identification.name == "spleen-of-phantoms"


def test_what_its_card_does_not_take_is_refused_with_the_condition(
    storage: Storage, mask: NDArray[np.bool_]
) -> None:
    for ds in builders.series(mask[:6].astype(np.int16), seed=7):
        buffer = BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        study = storage.ingest.accept(buffer.getvalue(), source="dimse:TEST").study_instance_uid
    complete_and_schedule(storage, later(10))
    decisions = {one.pipeline: one for one in storage.acceptance_decisions.of_study(study)}
    refused = decisions["bundle-spleen-of-phantoms"]
    assert not refused.accepted
    assert refused.reason == "The card wants slices ≥ 10 (found 6)."


def test_a_classifier_gives_labels_with_confidence(tmp_path: Path, series: list[Dataset]) -> None:
    settings = settings_in(tmp_path)
    add_bundle(settings, classification_bundle(tmp_path / "motion"))
    pipeline = pipeline_named(settings, "bundle-motion")
    output = pipeline.run(PipelineContext(settings, assemble_volume(series)))
    assert {one.label for one in output.classifications} == {"still", "moved"}
    assert sum(one.confidence for one in output.classifications) == pytest.approx(1.0, abs=1e-5)
    first, second = output.classifications
    assert first.confidence >= second.confidence


def test_a_file_that_changed_after_it_was_added_is_not_run(
    settings: Settings, series: list[Dataset]
) -> None:
    (installed,) = installed_bundles(settings)
    pipeline = pipeline_named(settings, "bundle-spleen-of-phantoms")
    assert pipeline.readiness().ready
    (installed.folder / "configs" / "evil.py").write_text("print('hello')")
    assert "was put into" in pipeline.readiness().detail
    (installed.folder / "configs" / "evil.py").unlink()
    with (installed.folder / "models" / "model.pt").open("r+b") as weights:
        weights.seek(1000)
        weights.write(b"\0\0\0\0")
    assert "has changed since it was added" in pipeline.readiness().detail
    with pytest.raises(ModelUnusable, match="changed"):
        pipeline.run(PipelineContext(settings, assemble_volume(series)))


def test_a_network_that_sees_nothing_is_not_used(
    tmp_path: Path, bundle: Path, series: list[Dataset]
) -> None:
    import torch

    settings = settings_in(tmp_path)
    blind = shutil.copytree(bundle, tmp_path / "blind")
    state = torch.load(blind / "models" / "model.pt", weights_only=True)
    nothing = {name: torch.zeros_like(value) for name, value in state.items()}
    torch.save(nothing, blind / "models" / "model.pt")
    add_bundle(settings, blind)
    with pytest.raises(ModelUnusable, match="answers a blank image like any other"):
        pipeline_named(settings, "bundle-spleen-of-phantoms").run(
            PipelineContext(settings, assemble_volume(series))
        )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"network_data_format": {"inputs": {}, "outputs": {}}}, "one image of one channel"),
        (
            {
                "network_data_format": {
                    "inputs": {"image": {"modality": "CT"}},
                    "outputs": {"pred": {"type": "signal", "format": "waveform"}},
                }
            },
            "gives 'waveform'",
        ),
        ({"network_data_format": None}, "network_data_format"),
    ],
)
def test_what_cannot_be_run_is_refused_when_it_is_added(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    folder = tmp_path / "bundle"
    (folder / "configs").mkdir(parents=True)
    (folder / "configs" / "inference.json").write_text("{}")
    (folder / "configs" / "metadata.json").write_text(json.dumps({"name": "x", **change}))
    with pytest.raises(InvalidRequest, match=says):
        add_bundle(settings_in(tmp_path), folder)


def test_one_that_became_unreadable_does_not_take_the_others_along(settings: Settings) -> None:
    (installed,) = installed_bundles(settings)
    (installed.folder / "configs" / "metadata.json").write_text("{")
    assert "brain-volume" in {one.name for one in catalogue(settings)}
    assert installed_bundles(settings) == []
