"""The eighteen bundles of MONAI's zoo that the node runs: added as a site adds them, given a study,
and held against MONAI's own run of the same configuration and weights, voxel by voxel."""

from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.bundles.installed import described
from inference.bundles.loading import load_parts
from inference.bundles.prompts import Click
from inference.bundles.session import InteractiveSession
from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.films import part10
from tests.inference.monai_zoo.studies import CARDS, images, volumes
from tests.inference.monai_zoo.zoo import bundle, by_monai, nifti, ras_of
from tests.inference.orchestration import later, storage_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
VOLUMES = {
    "brats_mri_segmentation": "MR",
    "lung_nodule_ct_detection": "CT",
    "pancreas_ct_dints_segmentation": "CT",
    "pediatric_abdominal_ct_segmentation": "CT",
    "prostate_mri_anatomy": "MR",
    "renalStructures_CECT_segmentation": "CT",
    "renalStructures_UNEST_segmentation": "CT",
    "spleen_ct_segmentation": "CT",
    "spleen_deepedit_annotation": "CT",
    "swin_unetr_btcv_segmentation": "CT",
    "ventricular_short_axis_3label": "MR",
    "vista3d": "CT",
    "wholeBody_ct_segmentation": "CT",
    "wholeBrainSeg_Large_UNEST_segmentation": "MR",
}
# What MONAI computes by a call that its own evaluator makes: compared by other means below.
_OF_THEIR_OWN = ("lung_nodule_ct_detection", "vista3d")


@pytest.fixture
def zoo(shared_data: Path) -> Path:
    return shared_data / "monai_model_zoo"


def run(storage: Storage, folder: Path, datasets: list[Dataset]) -> tuple[Job, str]:
    """The job that a study leads to, and the name of the pipeline."""
    added = add_model(
        storage.settings, storage.model_states, storage.shadow_runs, folder, "somebody"
    )
    name = added.standing.pipeline.name
    for dataset in datasets:
        storage.ingest.accept(part10(dataset), source="dimse:TEST")
    decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    assert decisions[name].accepted, decisions[name].reason
    job = run_job(storage, decisions[name].job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job, name


def instance(storage: Storage, job: Job, kind: str) -> BytesIO:
    uid = next(one["sop_instance_uid"] for one in job.result["instances"] if one["kind"] == kind)
    return BytesIO(storage.instances.read(storage.index.instance(uid)))


def masks(storage: Storage, job: Job, datasets: list[Dataset]) -> dict[str, NDArray[np.bool_]]:
    """The segments of the SEG by label, on the slices in their order."""
    seg = hd.seg.segread(instance(storage, job, "SEG"))
    pixels = seg.get_pixels_by_source_instance(
        [one.SOPInstanceUID for one in datasets], assert_missing_frames_are_empty=True
    )
    return {
        seg.get_segment_description(number).segment_label: pixels[..., number - 1] > 0
        for number in seg.segment_numbers
    }


@pytest.mark.parametrize("name", VOLUMES)
def test_a_study_gets_what_monai_itself_computes(zoo: Path, tmp_path: Path, name: str) -> None:
    series = volumes(name, VOLUMES[name])
    folder = bundle(zoo, name, tmp_path / name, CARDS.get(name))
    reference = next(iter(series.values()))
    with storage_in(tmp_path / "node") as storage:
        job, _ = run(storage, folder, [one for part in series.values() for one in part])
        if name == "lung_nodule_ct_detection":
            assert instance(storage, job, "SR")
            return
        found = masks(storage, job, reference)
        model = described(folder)
    assert set(found) <= {model.segment(value).label for value in model.labels}
    if name in _OF_THEIR_OWN:
        return
    ras = ras_of(reference)
    files: dict[str, Any] = {
        role: str(nifti(tmp_path / f"{role}.nii.gz", voxels(part), ras))
        for role, part in series.items()
    }
    if name == "brats_mri_segmentation":
        files = {"image": list(files.values())}
    ours = np.zeros(reference[0].pixel_array.shape, int)
    ours = np.stack([ours] * len(reference))
    for value in model.labels:
        ours[found.get(model.segment(value).label, np.zeros(ours.shape, bool))] = value
    theirs = np.rint(by_monai(folder, name, files, ras)[0]).astype(int)
    assert (ours == theirs).mean() == 1.0


def voxels(series: list[Dataset]) -> NDArray[np.float64]:
    return np.stack(
        [one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in series]
    )


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("breast_density_classification", {"SR"}),
        ("endoscopic_inbody_classification", {"SR"}),
        ("endoscopic_tool_segmentation", {"SEG", "SR"}),
        ("valve_landmarks", {"SR", "GSPS"}),
    ],
)
def test_an_image_gets_its_result(zoo: Path, tmp_path: Path, name: str, kinds: set[str]) -> None:
    datasets = images(name)
    folder = bundle(zoo, name, tmp_path / name)
    with storage_in(tmp_path / "node") as storage:
        job, _ = run(storage, folder, datasets)
        assert kinds <= {one["kind"] for one in job.result["instances"]}


def test_clicks_and_points_change_what_vista3d_gives(zoo: Path, tmp_path: Path) -> None:
    volume, session = _session(zoo, tmp_path, "vista3d")
    alone = session.segment([], "spleen")
    clicked = session.segment([Click(_place(volume))], "spleen")
    assert alone.shape == clicked.shape == volume.voxels.shape
    assert (alone != clicked).any()


def test_a_click_is_given_to_deepedit_in_the_channel_of_its_label(
    zoo: Path, tmp_path: Path
) -> None:
    """What the network is given and gives, and no mask: with weights that nobody trained, one class
    may win at every voxel with and without a click."""
    name = "spleen_deepedit_annotation"
    volume, session = _session(zoo, tmp_path, name)
    network = load_parts(described(tmp_path / name), 0).network
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    hook = network.register_forward_hook(
        lambda _, given, found: seen.append((given[0].clone(), found.clone()))
    )
    try:
        masks = [
            session.segment([], "spleen"),
            session.segment([Click(_place(volume))], "spleen"),
            session.segment([Click(_place(volume), inside=False)], "spleen"),
        ]
    finally:
        hook.remove()
    assert {one.shape for one in masks} == {volume.voxels.shape}
    (alone, _), (inside, _), (outside, _) = seen
    image, spleen, background = range(3)
    assert not alone[0, [spleen, background]].any()
    for given, clicked, other in ((inside, spleen, background), (outside, background, spleen)):
        assert torch.equal(given[0, image], alone[0, image])
        assert float(given[0, clicked].max()) == pytest.approx(1.0, abs=0.01)
        assert not given[0, other].any()
    assert float((seen[1][1] - seen[0][1]).abs().max()) > 0.1


def _session(zoo: Path, tmp_path: Path, name: str) -> tuple[Volume, InteractiveSession]:
    (datasets,) = volumes(name, "CT").values()
    volume = assemble_volume(datasets)
    model = described(bundle(zoo, name, tmp_path / name, CARDS.get(name)))
    return volume, InteractiveSession(model, volume, 0)


def _place(volume: Volume) -> tuple[float, float, float]:
    x, y, z = (volume.lps_from_kji @ (6, 20, 16, 1))[:3]
    return float(x), float(y), float(z)
