"""brain-structures on the real T1 head with the real weights, and without them."""

import json
import os
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.models.packs import add_pack, verified_pack
from inference.pipeline import PipelineContext
from inference.pipelines.brain.brain_structures import CARD
from inference.pipelines.brain.sides import middle_plane
from inference.pipelines.catalogue import pipeline_named
from inference.process_memory import peak_memory_bytes, reset_peak_memory
from inference.refusals import ModelUnusable, NothingFound
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from storage.core.errors import InvalidRequest
from storage.settings import Settings
from tests.inference.orchestration import later, receive_folder, settings_in, storage_in
from tests.inference.results_support import complaints, save

# From received to stored, on two cores; as processor time, since others work here, too.
LONGEST_PROCESSOR_S = 120.0
LARGEST_MEMORY_BYTES = 4e9
# A worker that waits for its first job.
WORKER_BYTES = 0.6e9
FRAMES_OF_EACH_SEGMENT = 4
# What the weights give on the whole 256³ grid, computed once (cm³).
PLAIN_RUN_CM3 = {
    "Hippocampus": 8.22,
    "Thalamus": 18.38,
    "Putamen": 12.31,
    "Lateral-Ventricle": 29.09,
    "Brain-Stem": 23.23,
}


@pytest.fixture(scope="module")
def pack(shared_models: Path) -> Path:
    return shared_models / "meshnet-brain-structures"


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory, pack: Path) -> Iterator[Storage]:
    with storage_in(tmp_path_factory.mktemp("structures")) as storage:
        add_pack(storage.settings, pack, [CARD])
        yield storage


@pytest.fixture(scope="module")
def memory_before_bytes() -> int:
    reset_peak_memory()
    return peak_memory_bytes()


@pytest.fixture(scope="module")
def job(storage: Storage, shared_data: Path, memory_before_bytes: int) -> Job:
    receive_folder(storage, shared_data / "mr_t1_head")
    decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    decision = decisions["brain-structures"]
    assert decision.accepted, decision.reason
    started = os.times()
    done = run_job(storage, decision.job_id or "", "worker")
    ended = os.times()
    assert done is not None
    assert (done.state, done.reason) == ("COMPLETED", "")
    assert ended.user + ended.system - started.user - started.system < LONGEST_PROCESSOR_S
    return done


def values(storage: Storage, job: Job) -> dict[str, float]:
    return {one.label: one.value or 0.0 for one in storage.findings.of_job(job.job_id)}


def result(storage: Storage, job: Job, kind: str) -> Dataset:
    (entry,) = [one for one in job.result["instances"] if one["kind"] == kind]
    instance = storage.index.instance(entry["sop_instance_uid"])
    return pydicom.dcmread(BytesIO(storage.instances.read(instance)))


@pytest.mark.slow
def test_left_and_right_add_up_to_what_the_network_finds(storage: Storage, job: Job) -> None:
    found = values(storage, job)
    for side, other in (("Left", "Right"), ("Right", "Left")):
        for name in ("hippocampus", "thalamus", "putamen"):
            share = found[f"{side} {name} volume"] / found[f"{other} {name} volume"]
            assert 0.8 < share < 1.25, name
    assert found["Left hippocampus volume"] + found["Right hippocampus volume"] == pytest.approx(
        PLAIN_RUN_CM3["Hippocampus"], rel=0.01
    )
    assert found["Brain stem volume"] == pytest.approx(PLAIN_RUN_CM3["Brain-Stem"], rel=0.01)
    assert found["Intracranial volume"] == pytest.approx(1791.7, rel=0.005)
    # What another tool sums up without ventricles.
    assert found["Brain parenchyma volume"] == pytest.approx(1431.0, rel=0.005)
    # The right cerebellum is found too small, 56 cm³ beside 72: 1 % of the parenchyma.
    assert {
        one.label
        for one in storage.findings.of_job(job.job_id)
        if one.validity is not None and one.validity.state != "complete"
    } == {
        f"{side} cerebellar cortex {what}"
        for side in ("Left", "Right")
        for what in ("volume", "share of intracranial volume")
    }
    assert found["Left hippocampus share of intracranial volume"] == pytest.approx(
        100 * found["Left hippocampus volume"] / found["Intracranial volume"], abs=0.001
    )


@pytest.mark.slow
def test_left_lies_left_in_the_object_that_others_read(storage: Storage, job: Job) -> None:
    segmentation = hd.seg.segread(BytesIO(_bytes(result(storage, job, "SEG"))))
    centres: dict[str, float] = {}
    for number in segmentation.segment_numbers:
        description = segmentation.get_segment_description(number)
        if "hippocampus" not in description.segment_label:
            continue
        code = description.SegmentedPropertyTypeCodeSequence[0]
        (modifier,) = code.SegmentedPropertyTypeModifierCodeSequence
        volume = segmentation.get_volume(segment_numbers=[number], combine_segments=True)
        middle = np.argwhere(volume.array > 0).mean(axis=0, keepdims=True)
        centres[modifier.CodeMeaning] = float(volume.map_indices_to_reference(middle)[0, 0])
    assert centres["Left"] > centres["Right"] + 40


@pytest.mark.slow
def test_the_validators_find_no_error(storage: Storage, job: Job, tmp_path: Path) -> None:
    report, segmentation = result(storage, job, "SR"), result(storage, job, "SEG")
    assert complaints(save(report, tmp_path / "SR.dcm")) == []
    # It takes a minute for all of the frames: some of each segment are described as all are.
    frames = frames_of_each_segment(segmentation)
    frame_bytes = segmentation.Rows * segmentation.Columns // 8
    pixels, items = segmentation.PixelData, segmentation.PerFrameFunctionalGroupsSequence
    segmentation.NumberOfFrames = len(frames)
    segmentation.PixelData = b"".join(
        pixels[index * frame_bytes : (index + 1) * frame_bytes] for index in frames
    )
    segmentation.PerFrameFunctionalGroupsSequence = [items[index] for index in frames]
    assert complaints(save(segmentation, tmp_path / "SEG.dcm")) == []


def frames_of_each_segment(segmentation: Dataset) -> list[int]:
    of_segment: dict[int, list[int]] = {}
    for index, item in enumerate(segmentation.PerFrameFunctionalGroupsSequence):
        number = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        of_segment.setdefault(number, []).append(index)
    assert len(of_segment) == len(segmentation.SegmentSequence)
    return [index for some in of_segment.values() for index in some[:FRAMES_OF_EACH_SEGMENT]]


@pytest.mark.slow
def test_it_stays_within_its_memory(job: Job, memory_before_bytes: int) -> None:
    """As in a worker, which holds little else; this process may hold what other tests left."""
    taken = job.result["peak_memory_bytes"] - memory_before_bytes
    assert 0 < taken + WORKER_BYTES < LARGEST_MEMORY_BYTES


def test_without_its_pack_it_says_how_to_add_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    readiness = pipeline_named(settings, "brain-structures").readiness()
    assert not readiness.ready
    assert "mediview models add" in readiness.detail
    with pytest.raises(ModelUnusable, match="not installed"):
        verified_pack(settings, CARD)


def test_a_changed_pack_is_not_taken(tmp_path: Path, pack: Path) -> None:
    settings = settings_in(tmp_path)
    changed = tmp_path / "changed"
    shutil.copytree(pack, changed)
    network = json.loads((changed / "network.json").read_text())
    network["labels"][1], network["labels"][2] = network["labels"][2], network["labels"][1]
    (changed / "network.json").chmod(0o644)
    (changed / "network.json").write_text(json.dumps(network))
    with pytest.raises(InvalidRequest, match="no model pack that this release knows"):
        add_pack(settings, changed, [CARD])
    add_pack(settings, pack, [CARD])
    add_pack(settings, pack, [CARD])  # again does no harm
    installed = settings.resolved_models_dir / CARD.name / "network.json"
    installed.chmod(0o644)
    installed.write_text(json.dumps(network))
    with pytest.raises(ModelUnusable, match="is the one that was proven"):
        verified_pack(settings, CARD)


def test_without_a_volume_it_says_what_it_needs() -> None:
    with pytest.raises(InvalidRequest, match="no volume"):
        pipeline_named(Settings(), "brain-structures").run(PipelineContext(Settings()))


def test_a_tilted_head_is_parted_by_its_own_middle() -> None:
    generator = np.random.default_rng(3)
    turn = np.deg2rad(20)
    rotation = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    guides, truth = [], []
    for place in ((15, -10, 5), (25, 5, 0), (28, -20, -12)):
        left = generator.normal(0, 3, (400, 3)) + place
        right = generator.normal(0, 3, (300, 3)) + np.multiply(place, (-1, 1, 1))
        guides.append(np.concatenate([left, right]) @ rotation.T + (12.0, -7.0, 30.0))
        truth.append(np.arange(700) < 400)
    plane = middle_plane(guides)
    for points, is_left in zip(guides, truth, strict=True):
        assert (plane.is_left(points) == is_left).mean() > 0.999


def test_what_has_no_sides_is_told_so() -> None:
    with pytest.raises(NothingFound, match="left from right"):
        middle_plane([np.zeros((3, 3))])


def _bytes(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()
