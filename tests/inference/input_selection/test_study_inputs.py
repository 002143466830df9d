"""Several series of a study at once, each in its role: chosen, placed, refused."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from inference.bundles.installed import described
from inference.imaging.registration.resampling import on_same_grid, onto_grid
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.study_inputs import choose_inputs
from inference.model_registry.adding import add_model
from inference.pipelines.catalogue import catalogue
from inference.pipelines.codes import CM3
from inference.scheduling.deciding import results_in
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests.inference.orchestration import storage_in
from tests.inference.pipelines.test_docs_pipelines import mediview
from tests.inference.results_support import complaints, save
from tests.inference.scheduling.four_sequences import (
    PIPELINE,
    RADII_MM,
    SEQUENCES,
    STUDY,
    all_four,
    card,
    centres,
    decided,
    done,
    lesion_at,
    model,
    sequence,
)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def test_four_sequences_give_one_result_on_the_grid_of_the_reference(
    storage: Storage, tmp_path: Path
) -> None:
    assert (
        add_model(
            storage.settings,
            storage.model_states,
            storage.shadow_runs,
            model(tmp_path / "m"),
            "petra",
        ).standing.state
        == "active"
    )
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


def test_a_series_in_another_space_is_no_input(storage: Storage, tmp_path: Path) -> None:
    add_model(
        storage.settings, storage.model_states, storage.shadow_runs, model(tmp_path / "m"), "petra"
    )
    t1, t1c, t2, _ = all_four()
    moved = sequence("flair", 5, FrameOfReferenceUID="2.25.999")
    found = decided(storage, t1, t1c, t2, moved)
    assert not found[5].accepted
    assert "another Frame of Reference than series 3" in found[5].reason
    # A card that wants it registered takes it.
    pipeline: Any = next(one for one in catalogue(storage.settings) if one.name == PIPELINE)
    pipeline.inputs = tuple(replace(one, registration="rigid") for one in pipeline.inputs)
    chosen = choose_inputs(storage.index, storage.instances, results_in(storage), pipeline, STUDY)
    assert "FLAIR: series 5" in chosen.acceptance.reason
    assert chosen.chosen["flair"].is_elsewhere


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reference": "pet"}, "reference must name a required input"),
        ({"accepts": {"Modality": "MR"}}, "accepts stands in each of the inputs"),
        ({"inputs": {}, "reference": "t1c"}, "the card has no inputs"),
        ({"inputs": {}, "reference": "", "results_on": "each"}, "results_on each asks for inputs"),
        ({"gate": {"auc": {"at_least": 0.9}}}, "gate knows no auc; it knows cases, failures, dice"),
        ({"registration_limits": {"refuse_above_mm": 9}}, "where an input is registered"),
        (
            {"inputs": {"t1c": {**card()["inputs"]["t1c"], "registration": "rigid"}}},
            "the reference is what the others are registered to",
        ),
        ({"gantry_tilt": "resample"}, "gantry_tilt cannot be resampled"),
    ],
)
def test_a_card_whose_inputs_do_not_fit_is_refused(
    storage: Storage, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        add_model(
            storage.settings,
            storage.model_states,
            storage.shadow_runs,
            model(tmp_path / "m", **changes),
            "petra",
        )


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


def test_the_population_is_judged_once_for_each_series(storage: Storage, tmp_path: Path) -> None:
    folder = model(tmp_path / "m", population={"slice_thickness_mm": [1, 5], "sex": ["F", "M"]})
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    four = all_four()
    for index, one in enumerate(four[2]):
        one.SliceThickness = str(6 + index % 2)
    four[3][5].PatientSex = "O"
    job = done(storage, decided(storage, *four)[2])
    (caveats,) = {one.caveat_texts for one in storage.findings.of_job(job.job_id)}
    assert [one.partition(": ")[2] for one in caveats] == [
        "slice thickness 6 and 7 mm (1 to 5 mm); sex O in 1 of 46 images (F, M)."
    ]


@pytest.mark.slow
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
