"""A job of a model in a container, with an engine that stands for podman.

What podman does of it is tried by `make containers`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest

from inference.containers.container_run import ContainerRun, Ended
from inference.containers.engine import Engine
from inference.imaging.nifti import volume_as_nifti
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.containers.test_manifest import CARD, MAP
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.small import mr_series, study_uid

MANIFESTS = ("app.json", "pkg.json")
IMAGE_ID = f"sha256:{'b' * 64}"
SEGMENTS = {"1": {"label": "Bright", "code": ["78961009", "SCT", "Spleen"]}}


class StandIn:
    """Does what a container would: reads the input folder, writes the output folder."""

    def __init__(self, ended: Ended) -> None:
        self.ended = ended
        self.runs: list[ContainerRun] = []
        self.given: list[str] = []

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        self.runs.append(run)
        given, written = run.input[0], run.output[0]
        self.given = sorted(path.name for path in given.iterdir())
        images = [pydicom.dcmread(path) for path in sorted(given.iterdir())]
        images.sort(key=lambda one: float(one.ImagePositionPatient[2]))
        bright = np.stack([one.pixel_array for one in images]) > 500
        described = hd.seg.SegmentDescription(
            segment_number=1,
            segment_label="Whatever",
            segmented_property_category=pydicom.sr.codedict.codes.SCT.AnatomicalStructure,
            segmented_property_type=pydicom.sr.codedict.codes.SCT.Organ,
            algorithm_type="MANUAL",
        )
        hd.seg.Segmentation(
            source_images=images,
            pixel_array=bright.astype(np.uint8),
            segmentation_type="BINARY",
            segment_descriptions=[described],
            series_instance_uid=hd.UID(),
            series_number=900,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer="Another vendor",
            manufacturer_model_name="Bright",
            software_versions="1",
            device_serial_number="1",
        ).save_as(written / "mask.dcm")
        (written / "results.json").write_text(json.dumps({"classifications": {"bright": 0.75}}))
        check()
        return self.ended


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, container_engine="podman") as storage:
        yield storage


@pytest.fixture
def node_with_gpus(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, container_engine="podman", container_gpus="all") as storage:
        yield storage


class MarksNothing(StandIn):
    """Writes a label map in which no value stands, or no mask at all."""

    def __init__(self, *, writes_mask: bool) -> None:
        super().__init__(Ended(0, is_out_of_memory=False))
        self.writes_mask = writes_mask

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        if self.writes_mask:
            images = [pydicom.dcmread(path) for path in run.input[0].iterdir()]
            volume = assemble_volume(images)
            empty = replace(volume, voxels=np.zeros_like(volume.voxels))
            (run.output[0] / "mask.nii.gz").write_bytes(volume_as_nifti(empty))
        check()
        return self.ended


def ended_job(
    node: Storage,
    monkeypatch: pytest.MonkeyPatch,
    stand_in: StandIn,
    segments: dict[str, Any] = SEGMENTS,
) -> Job:
    """Of a model that was added, and a series that came."""
    manifests = {f"/etc/monai/{name}": (MAP / name).read_bytes() for name in MANIFESTS}
    monkeypatch.setattr("inference.containers.engine.shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(Engine, "image_id", lambda engine, image: IMAGE_ID)
    monkeypatch.setattr(Engine, "read_file", lambda engine, image, path: manifests.get(path))
    monkeypatch.setattr(Engine, "hand_over", lambda engine, folder: None)
    monkeypatch.setattr(Engine, "run", stand_in.run)
    folder = node.settings.data_dir / "bright_map"
    folder.mkdir()
    container = {**CARD["container"], "without_gpu": True}
    card = {**CARD, "segments": segments, "container": container}
    (folder / "mediview.json").write_text(json.dumps(card))
    assert (
        add_model(
            node.settings, node.model_states, node.shadow_runs, folder, "petra"
        ).standing.state
        == "active"
    )
    receive(node, mr_series("map"))
    decisions = {one.pipeline: one for one in complete_and_schedule(node, later(10))}
    job = run_job(node, decisions["model-bright-map"].job_id or "", "worker")
    assert job is not None
    assert list((node.settings.data_dir / "containers").iterdir()) == []
    return job


def test_what_a_container_found_becomes_a_result_of_the_node(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = StandIn(Ended(0, is_out_of_memory=False))
    job = ended_job(node, monkeypatch, stand_in)
    assert (job.state, job.reason) == ("COMPLETED", "")
    (run,) = stand_in.runs
    assert (run.image_id, run.input[1]) == (IMAGE_ID, "/var/holoscan/input")
    assert not run.gpus
    assert stand_in.given == [f"{number:05d}.dcm" for number in range(1, 9)]
    found = {one.label: one for one in node.findings.of_study(study_uid("map"))}
    assert found["Bright volume"].value == pytest.approx(8 * 96 * 2 / 1000)
    assert found["bright"].confidence == 0.75
    made = {str(one["kind"]): one for one in job.result["instances"]}
    series_uid = str(made["SEG"]["series_instance_uid"])
    (instance,) = node.index.instances_of(job.study_instance_uid, series_uid)
    mask = node.instances.dataset(instance)
    (segment,) = mask.SegmentSequence
    assert (segment.SegmentLabel, segment.SegmentAlgorithmType) == ("Bright", "AUTOMATIC")
    assert np.count_nonzero(mask.pixel_array) == 8 * 96


@pytest.mark.parametrize(
    ("may_be_absent", "writes_mask", "state"),
    [(True, True, "COMPLETED"), (False, True, "CANCELED"), (True, False, "CANCELED")],
)
def test_an_empty_mask_counts_none_where_the_card_lets_it_and_no_mask_fails(
    node: Storage,
    monkeypatch: pytest.MonkeyPatch,
    may_be_absent: bool,
    writes_mask: bool,
    state: str,
) -> None:
    stand_in = MarksNothing(writes_mask=writes_mask)
    segments = {"1": {**SEGMENTS["1"], "may_be_absent": may_be_absent}}
    job = ended_job(node, monkeypatch, stand_in, segments)
    assert job.state == state, job.reason
    found = [(one.label, one.value) for one in node.findings.of_study(study_uid("map"))]
    assert found == ([("Bright found", 0.0)] if state == "COMPLETED" else [])


def test_an_image_that_works_without_a_gpu_is_given_one_where_there_is_one(
    node_with_gpus: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = StandIn(Ended(0, is_out_of_memory=False))
    assert ended_job(node_with_gpus, monkeypatch, stand_in).state == "COMPLETED"
    (run,) = stand_in.runs
    assert run.gpus == 1


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        (Ended(3, is_out_of_memory=False), "ended with status 3"),
        (Ended(1, is_out_of_memory=True), "was killed; it may take 8192 MiB of memory"),
    ],
)
def test_nothing_of_a_run_that_failed_is_kept(
    node: Storage, monkeypatch: pytest.MonkeyPatch, ended: Ended, says: str
) -> None:
    job = ended_job(node, monkeypatch, StandIn(ended))
    assert job.state == "CANCELED"
    assert says in job.reason
    assert node.findings.of_study(study_uid("map")) == []
