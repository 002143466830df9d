"""Several series of a study at once, each in its role: chosen, placed, revised, refused."""

import io
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.bundles.installed import described
from inference.imaging.resampling import on_same_grid, onto_grid
from inference.imaging.volume import Volume, assemble_volume
from inference.late_instances.service import withdraw_outdated
from inference.models.registry.adding import add_model
from inference.models.registry.status import ModelHeld
from inference.models.registry.transitions import shadow
from inference.pipelines.codes import CM3
from inference.scheduling.explain import explain_study
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Job
from storage.core.errors import InvalidRequest
from tests import builders
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.pipelines.test_docs_pipelines import mediview
from tests.inference.results_support import complaints, save

STUDY, SPACE = "2.25.771", "2.25.772"
PIPELINE = "model-four-sequences"
LESION_MM, RADII_MM = np.array([6.0, -3.0, 4.0]), np.array([14.0, 9.0, 11.0])
SEQUENCES: dict[str, dict[str, Any]] = {
    "t1": {"ScanningSequence": "SE", "RepetitionTime": "500", "EchoTime": "10"},
    "t1c": {
        "ScanningSequence": "SE", "RepetitionTime": "500", "EchoTime": "10",
        "ContrastBolusAgent": "Gadolinium",
    },
    "t2": {"ScanningSequence": "SE", "RepetitionTime": "4000", "EchoTime": "100"},
    "flair": {
        "ScanningSequence": ["SE", "IR"], "RepetitionTime": "9000", "EchoTime": "120",
        "InversionTime": "2500",
    },
}  # fmt: skip
GRIDS: dict[str, dict[str, Any]] = {
    "t1": {"shape": (24, 40, 44), "spacing_mm": (3.0, 1.5, 1.5), "origin_mm": (-30, -30, -34)},
    "t1c": {"shape": (40, 48, 44), "spacing_mm": (1.6, 1.4, 1.5), "origin_mm": (-30, -36, -28)},
    "t2": {
        "shape": (22, 64, 64), "spacing_mm": (3.5, 1.1, 1.1), "origin_mm": (-32, -36, -34),
        "directions": builders.rotation(6, -4, 9),
    },
    "flair": {
        "shape": (46, 40, 42), "spacing_mm": (1.7, 1.9, 1.8), "origin_mm": (-36, -38, -36),
        "directions": builders.rotation(-5, 8, -6),
    },
}  # fmt: skip


def lesion_at(lps_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (((lps_mm - LESION_MM) / RADII_MM) ** 2).sum(axis=-1) < 1
    return inside


def centres(shape: tuple[int, ...], lps_from_kji: NDArray[np.float64]) -> NDArray[np.float64]:
    kji = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    placed: NDArray[np.float64] = kji @ lps_from_kji[:3, :3].T + lps_from_kji[:3, 3]
    return placed


def sequence(kind: str, number: int, **changes: Any) -> list[Dataset]:
    """One sequence of the phantom: dark, and of FLAIR the lesion alone bright. No description."""
    grid = {**GRIDS[kind], **{key: changes.pop(key) for key in list(changes) if key in GRIDS[kind]}}
    shape = grid.pop("shape")
    attributes = {
        "StudyInstanceUID": STUDY, "FrameOfReferenceUID": SPACE, "SeriesNumber": number,
        "SeriesInstanceUID": f"2.25.8{number}", "PositionReferenceIndicator": "",
        "MRAcquisitionType": "2D", **SEQUENCES[kind], **changes,
    }  # fmt: skip
    empty = builders.series(np.zeros(shape, np.int16), seed=number, **grid, **attributes)
    affine = assemble_volume(empty).lps_from_kji
    voxels = np.full(shape, 60, np.int16)
    # T1 and T2 show something else there, so that a channel taken for another is seen.
    where = centres(shape, affine)
    bright = lesion_at(where if kind == "flair" else where + np.array([0.0, 22.0, 0.0]))
    voxels[bright] = 900
    return builders.series(voxels, seed=number, **grid, **attributes)


def files(datasets: list[Dataset]) -> list[bytes]:
    found = []
    for one in datasets:
        buffer = io.BytesIO()
        one.save_as(buffer, enforce_file_format=True)
        found.append(buffer.getvalue())
    return found


def card(**changes: Any) -> dict[str, Any]:
    agent = {"contrast_agent": "yes"}
    asked = {
        "t1": {"all": [{"mr_contrast": "T1"}, {"not": agent}]},
        "t1c": {"all": [{"mr_contrast": "T1"}, agent]},
        "t2": {"mr_contrast": "T2"},
        "flair": {"mr_contrast": "FLAIR"},
    }
    return {
        "licence": "Apache-2.0",
        "inputs": {
            name: {"title": name.upper(), "accepts": {"all": [{"slices": {"at_least": 10}}, one]}}
            for name, one in asked.items()
        },
        "reference": "t1c",
        "segments": {
            "1": {
                "label": "Lesion", "code": ["52988006", "SCT", "Lesion"],
                "category": ["49755003", "SCT", "Morphologically Abnormal Structure"],
            }
        },
        "model": {
            "name": "Four sequences", "version": "1.0", "modality": "MR",
            "output": "segmentation", "labels": {"1": "lesion"},
            "intensity": {"percentiles": [0, 100]}, "tile": [32, 32, 32],
        },
        **changes,
    }  # fmt: skip


def model(folder: Path, channel: int = 3, channels: int = 4, **changes: Any) -> Path:
    """TorchScript of four channels that finds what is bright in one of them, FLAIR."""
    import torch

    folder.mkdir(parents=True)
    network = torch.nn.Conv3d(channels, 2, 1)
    with torch.no_grad():
        network.weight.zero_()
        network.weight[:, channel, 0, 0, 0] = torch.tensor([-20.0, 20.0])
        network.bias.copy_(torch.tensor([10.0, -10.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        example = torch.zeros(1, channels, 8, 8, 8)
        torch.jit.trace(network, example).save(str(folder / "model.ts"))
    (folder / "mediview.json").write_text(json.dumps(card(**changes)))
    return folder


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def decided(storage: Storage, *received: list[Dataset]) -> dict[int, Decision]:
    """By number of the series: what stands of the pipeline once the given ones are complete."""
    for one in received:
        receive(storage, files(one))
    complete_and_schedule(storage, later(10))
    numbers = {
        one.series_instance_uid: one.series_number or 0 for one in storage.index.series_of(STUDY)
    }
    return {
        numbers[one.series_instance_uid]: one
        for one in storage.decisions.of_study(STUDY)
        if one.pipeline == PIPELINE
    }


def all_four() -> list[list[Dataset]]:
    return [sequence(kind, number) for number, kind in enumerate(SEQUENCES, start=2)]


def done(storage: Storage, decision: Decision) -> Job:
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def test_four_sequences_give_one_result_on_the_grid_of_the_reference(
    storage: Storage, tmp_path: Path
) -> None:
    assert add_model(storage, model(tmp_path / "m"), "petra").standing.state == "active"
    four = all_four()
    found = decided(storage, *four)
    assert set(found) == {2, 3, 4, 5}
    assert len({one.job_id for one in found.values()}) == 1
    assert all(one.accepted for one in found.values())
    assert "T1C: series 3, T1: series 2, T2: series 4, FLAIR: series 5" in found[2].reason
    job = done(storage, found[2])
    assert job.series_instance_uid == four[1][0].SeriesInstanceUID
    (note,) = [one for one in job.result["notes"] if "Frame of Reference" in one]
    assert note == (
        "T1 resampled onto its grid, trilinear, T1C is the reference, T2 resampled onto its grid,"
        " trilinear, FLAIR resampled onto its grid, trilinear; by one Frame of Reference, nothing"
        " registered"
    )
    made = {one["kind"]: one["sop_instance_uid"] for one in job.result["instances"]}
    assert set(made) == {"SEG", "SR"}
    datasets = {
        kind: pydicom.dcmread(io.BytesIO(storage.instances.read(storage.index.instance(uid))))
        for kind, uid in made.items()
    }
    for one in datasets.values():
        assert complaints(save(one, tmp_path / "x.dcm")) == []
    named = {
        series.SeriesInstanceUID: len(series.ReferencedSOPSequence)
        for keyword in (
            "CurrentRequestedProcedureEvidenceSequence",
            "PertinentOtherEvidenceSequence",
        )
        for study in datasets["SR"].get(keyword, ())
        for series in study.ReferencedSeriesSequence
    }
    for one in four:
        assert named[one[0].SeriesInstanceUID] == len(one)
    roles = {one["role"]: one["series_instance_uid"] for one in job.result["inputs"]}
    assert roles == {
        kind: one[0].SeriesInstanceUID for kind, one in zip(SEQUENCES, four, strict=True)
    }
    reference = assemble_volume(four[1])
    truth = lesion_at(centres(reference.voxels.shape, reference.lps_from_kji))
    heights = [
        float(one.PlanePositionSequence[0].ImagePositionPatient[2])
        for one in datasets["SEG"].PerFrameFunctionalGroupsSequence
    ]
    mask = datasets["SEG"].pixel_array.astype(bool)[np.argsort(heights)]
    assert mask.shape == truth.shape
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.95
    values = [one.value for one in storage.findings.of_job(job.job_id) if one.unit == CM3]
    expected_cm3 = 4 / 3 * np.pi * RADII_MM.prod() / 1000
    assert values == [pytest.approx(expected_cm3, rel=0.06)]


def image_of(volume: Volume) -> sitk.Image:
    image = sitk.GetImageFromArray(volume.voxels)
    columns = volume.lps_from_kji[:3, [2, 1, 0]]
    spacing = np.linalg.norm(columns, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((columns / spacing).ravel().tolist())
    image.SetOrigin(volume.lps_from_kji[:3, 3].tolist())
    return image


@pytest.mark.parametrize("kind", ["t1", "t2", "flair"])
def test_a_series_on_another_grid_is_resampled_as_simpleitk_does(kind: str) -> None:
    moving, reference = (assemble_volume(sequence(one, 9)) for one in (kind, "t1c"))
    rng = np.random.default_rng(1)
    moving.voxels[:] = rng.normal(500, 100, moving.voxels.shape)
    ours = onto_grid(moving, reference)
    low = float(moving.voxels.min())
    theirs = sitk.GetArrayFromImage(
        sitk.Resample(image_of(moving), image_of(reference), sitk.Transform(), sitk.sitkLinear, low)
    )
    # At the very rim the two differ on what is still inside.
    inside = sitk.GetArrayFromImage(
        sitk.Resample(
            image_of(moving) * 0 + 1, image_of(reference), sitk.Transform(), sitk.sitkLinear, 0.0
        )
    )
    index = np.linalg.inv(moving.lps_from_kji)
    where = centres(reference.voxels.shape, index @ reference.lps_from_kji)
    within = np.all((where > 0) & (where < np.array(moving.voxels.shape) - 1), axis=-1)
    assert within.sum() > 10_000
    np.testing.assert_allclose(ours[within], theirs[within], atol=0.05)
    far = np.any((where < -1) | (where > np.array(moving.voxels.shape)), axis=-1)
    assert (ours[far] == low).all()
    assert inside.max() == 1
    assert not on_same_grid(moving, reference)
    assert onto_grid(reference, reference) is reference.voxels


def test_the_missing_role_is_named_and_its_series_brings_the_job(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(storage, model(tmp_path / "m"), "petra")
    t1, t1c, t2, flair = all_four()
    found = decided(storage, t1, t1c, t2)
    assert not any(one.accepted for one in found.values())
    reason = found[4].reason
    assert "No series is FLAIR." not in reason
    assert reason.startswith("There is no other complete series for FLAIR.")
    first = decided(storage, sequence("t2", 8, SeriesInstanceUID="2.25.88"))
    assert "No series is FLAIR. series 8: The card wants mr_contrast FLAIR (found T2)" in (
        first[8].reason
    )
    found = decided(storage, flair)
    assert {number for number, one in found.items() if one.accepted} == {2, 3, 4, 5}
    assert found[8].reason.startswith("This series is none of its inputs.")
    explained = {
        one.series.series_number: one
        for one in explain_study(storage, STUDY)
        if one.pipeline == PIPELINE
    }
    assert explained[5].would_run
    assert not explained[8].would_run
    # The others asked of every pipeline, too.
    for series in storage.index.series_of(STUDY):
        asked = {
            one.pipeline
            for one in storage.decisions.of_study(STUDY)
            if one.series_instance_uid == series.series_instance_uid
        }
        assert {"brain-volume", "lung-density", PIPELINE} <= asked


def test_a_late_slice_of_any_input_withdraws_the_result_and_makes_it_anew(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(storage, model(tmp_path / "m"), "petra")
    t1, t1c, t2, flair = all_four()
    job = done(storage, decided(storage, t1, t1c, t2[:-1], flair)[5])
    assert withdraw_outdated(storage, utcnow()) == 0
    assert storage.jobs.is_current(storage.jobs.get(job.job_id))
    receive(storage, files(t2[-1:]))
    assert not storage.jobs.is_current(storage.jobs.get(job.job_id))
    withdraw_outdated(storage, utcnow())
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"
    assert storage.findings.of_study(STUDY) == []
    revised = done(storage, decided(storage)[4])
    assert revised.job_id != job.job_id
    assert {one.job_id for one in storage.findings.of_study(STUDY)} == {revised.job_id}
    first, second = (
        {one["sop_instance_uid"] for one in of.result["instances"]} for of in (job, revised)
    )
    assert not first & second


def test_a_finer_series_takes_the_place_of_the_one_before(storage: Storage, tmp_path: Path) -> None:
    add_model(storage, model(tmp_path / "m"), "petra")
    before = done(storage, decided(storage, *all_four())[2])
    finer = sequence(
        "flair", 6, SeriesInstanceUID="2.25.86", shape=(60, 52, 54), spacing_mm=(1.3, 1.4, 1.4)
    )
    found = decided(storage, finer)
    assert "FLAIR: series 6" in found[6].reason
    assert found[5].reason.startswith("This series is none of its inputs.")
    assert storage.jobs.get(before.job_id).status == "SUPERSEDED"
    done(storage, found[6])
    assert {one.job_id for one in storage.findings.of_study(STUDY)} == {found[6].job_id}


def test_a_series_in_another_space_is_no_input(storage: Storage, tmp_path: Path) -> None:
    add_model(storage, model(tmp_path / "m"), "petra")
    t1, t1c, t2, _ = all_four()
    moved = sequence("flair", 5, FrameOfReferenceUID="2.25.999")
    found = decided(storage, t1, t1c, t2, moved)
    assert not found[5].accepted
    assert "another Frame of Reference than series 3" in found[5].reason


def test_what_is_not_required_may_be_absent_and_comes_later(
    storage: Storage, tmp_path: Path
) -> None:
    stated = card()["inputs"]
    stated["t2"]["required"] = False
    add_model(storage, model(tmp_path / "m", inputs=stated), "petra")
    t1, t1c, t2, flair = all_four()
    found = decided(storage, t1, t1c, flair)
    assert "Without T2, which is not required." in found[3].reason
    job = done(storage, found[3])
    assert any("T2 not there, given as zeros" in one for one in job.result["notes"])
    later_job = done(storage, decided(storage, t2)[4])
    assert later_job.job_id != job.job_id
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"


def test_a_deleted_input_takes_the_result_along(storage: Storage, tmp_path: Path) -> None:
    add_model(storage, model(tmp_path / "m"), "petra")
    four = all_four()
    job = done(storage, decided(storage, *four)[2])
    storage.deletions.series(STUDY, four[3][0].SeriesInstanceUID)
    jobs, _ = storage.jobs.list(study_instance_uid=STUDY)
    assert job.job_id not in {one.job_id for one in jobs}
    assert storage.jobs.inputs_of(job.job_id) == []
    assert storage.findings.of_study(STUDY) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reference": "pet"}, "reference must name a required input"),
        ({"accepts": {"Modality": "MR"}}, "accepts stands in each of the inputs"),
        ({"inputs": {}, "reference": "t1c"}, "the card has no inputs"),
        ({"gate": {"dice": {"at_least": 0.9}}}, "gate asks for an evaluation"),
        ({"gantry_tilt": "resample"}, "gantry_tilt cannot be resampled"),
    ],
)
def test_a_card_whose_inputs_do_not_fit_is_refused(
    storage: Storage, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        add_model(storage, model(tmp_path / "m", **changes), "petra")


def test_a_bundle_of_four_channels_is_taken_with_the_values_of_its_card(
    shared_data: Path, tmp_path: Path
) -> None:
    """BraTS of MONAI's zoo: its metadata name channels, its postprocessing gives 1, 2 and 4."""
    zoo = shared_data / "monai_model_zoo" / "brats_mri_segmentation" / "configs"
    (tmp_path / "configs").mkdir()
    for name in ("metadata.json", "inference.json"):
        (tmp_path / "configs" / name).write_bytes((zoo / name).read_bytes())
    with pytest.raises(InvalidRequest, match="does not take one image of one channel"):
        described(tmp_path)
    stated = {key: card()[key] for key in ("inputs", "reference")}
    (tmp_path / "mediview.json").write_text(json.dumps(stated))
    with pytest.raises(InvalidRequest, match="has inputs and no segments"):
        described(tmp_path)
    segments = {
        value: {"label": label, "code": [label[:16], "99TEST", label]}
        for value, label in (("1", "Core"), ("2", "Oedema"), ("4", "Enhancing"))
    }
    (tmp_path / "mediview.json").write_text(json.dumps({**stated, "segments": segments}))
    assert described(tmp_path).labels == {1: "Core", 2: "Oedema", 4: "Enhancing"}


def test_a_shadow_of_several_series_is_refused(storage: Storage, tmp_path: Path) -> None:
    standing = add_model(storage, model(tmp_path / "m"), "petra").standing
    with pytest.raises(ModelHeld, match="several series"):
        shadow(storage, standing, "petra")


def test_a_model_of_several_series_is_added_and_run_as_its_page_says(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "pipelines" / "several-series.md").read_text()
    found = re.search(r"^( *)```json card\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    assert found is not None
    with storage_in(tmp_path) as storage:
        folder = model(tmp_path / "four_sequences")
        (folder / "mediview.json").write_text(found[2])
        assert "   mediview models add four_sequences\n" in page
        added = mediview(tmp_path, storage, "models", "add", "four_sequences")
        assert f"It is active: the pipeline {PIPELINE} runs with it." in added
        t1, t1c, _, flair = all_four()
        t2 = sequence("t2", 8, SeriesInstanceUID="2.25.88")
        reason = decided(storage, t1, t1c, t2)[8].reason
        assert "There is no other complete series for FLAIR." in reason
        job = done(storage, decided(storage, flair)[3])
        assert len(job.result["inputs"]) == 4
