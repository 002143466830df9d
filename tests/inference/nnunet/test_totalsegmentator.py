"""Weight folders of TotalSegmentator: its voxels, codes and colours, in one run."""

import csv
import json
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from totalsegmentator.alignment import as_closest_canonical, undo_canonical
from totalsegmentator.map_tasks_config import TASK_ID_WEIGHTS_CONFIGS
from totalsegmentator.map_to_binary import (
    class_map,
    class_map_5_parts,
    map_taskid_to_partname_ct,
)
from totalsegmentator.resampling import change_spacing

from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from inference.nnunet.totalsegmentator import add_totalsegmentator
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.catalogue import pipeline_named
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests import builders
from tests.inference.nnunet.untrained import TRAINER, by_value, trained_folder
from tests.inference.orchestration import storage_in

RELEASES = {number: one["foldername"] for number, one in TASK_ID_WEIGHTS_CONFIGS.items()}
MODEL = f"{TRAINER}__nnUNetPlans__3d_fullres"
PARTS = {number: part for number, part in map_taskid_to_partname_ct.items() if number < 300}
RAS_FROM_LPS = np.diag((-1.0, -1.0, 1.0, 1.0))


def save_weights(folder: Path, *, parts: bool = True) -> Path:
    """As `~/.totalsegmentator/nnunet/results` lies after models were fetched."""
    for number, part in PARTS.items() if parts else ():
        place = folder / RELEASES[number] / MODEL
        trained_folder(place, by_value(class_map_5_parts[part]), seed=number)
    trained_folder(folder / RELEASES[297] / MODEL, by_value(class_map["total"]), spacing_mm=3.0)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_weights(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def volume() -> Volume:
    """Noise of bone and air, so that every network finds something of everything."""
    generator = np.random.default_rng(4)
    coarse = generator.normal(50, 500, (11, 13, 12)).repeat(2, 0).repeat(4, 1).repeat(4, 2)
    return assemble_volume(
        builders.series(
            coarse.astype(np.int16),
            modality="CT",
            spacing_mm=(2.5, 0.8, 0.9),
            directions=builders.rotation(7, -5, 11),
        )
    )


@pytest.fixture(scope="module")
def output(
    weights: Path, volume: Volume, tmp_path_factory: pytest.TempPathFactory
) -> PipelineOutput:
    with storage_in(tmp_path_factory.mktemp("node")) as storage:
        added = add_model(
            storage.settings, storage.model_states, storage.shadow_runs, weights, "petra"
        )
        assert added.standing.state == "active", added.steps
        pipeline = pipeline_named(storage.settings, "model-totalsegmentator-total-1-5-mm")
        return pipeline.run(PipelineContext(storage.settings, volume))


def by_totalsegmentator(weights: Path, volume: Volume) -> NDArray[np.uint8]:
    """The steps of its `nnUNet_predict_image` for several models, by its own functions."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    ras_from_ijk = (RAS_FROM_LPS @ volume.lps_from_kji)[:, [2, 1, 0, 3]]
    original = nib.Nifti1Image(volume.voxels.T.astype(np.float64), ras_from_ijk)
    canonical = as_closest_canonical(original)
    resampled = change_spacing(canonical, [1.5] * 3, order=1, dtype=np.int32)
    numbers = {name: value for value, name in class_map["total"].items()}
    combined = np.zeros(resampled.shape, np.uint8)
    for number, part in PARTS.items():
        predictor = nnUNetPredictor(
            tile_step_size=0.8, use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False
        )
        (folder,) = weights.glob(f"Dataset{number}_*/*")
        predictor.initialize_from_trained_model_folder(str(folder), (0,))
        data = np.asarray(resampled.dataobj, np.float32).transpose(2, 1, 0)[None]
        found = predictor.predict_single_npy_array(data, {"spacing": [1.5] * 3})
        for own, name in class_map_5_parts[part].items():
            combined[found.transpose(2, 1, 0) == own] = numbers[name]
    back = change_spacing(
        nib.Nifti1Image(combined, resampled.affine),
        [1.5] * 3,
        canonical.shape,
        order=0,
        dtype=np.uint8,
        force_affine=canonical.affine,
    )
    voxels: NDArray[np.uint8] = np.asarray(undo_canonical(back, original).dataobj).T
    return voxels


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of its imports, and of the old form of the plans
def test_five_models_give_the_voxels_of_totalsegmentator(
    weights: Path, volume: Volume, output: PipelineOutput
) -> None:
    expected = by_totalsegmentator(weights, volume)
    values = [value for value in class_map["total"] if (expected == value).any()]
    assert len(values) > 30
    assert len(output.segments) == len(values)
    for index, value in enumerate(values):
        np.testing.assert_array_equal(output.mask(index), expected == value)


def test_every_class_has_the_code_and_colour_of_its_table(output: PipelineOutput) -> None:
    table = resources.files("totalsegmentator") / "resources/totalsegmentator_snomed_mapping.csv"
    with table.open(newline="") as stream:
        rows = {row["Structure"]: row for row in csv.DictReader(stream)}
    names = {name.replace("_", " ").lower(): name for name in class_map["total"].values()}
    volumes = [one for one in output.measurements if one.segment_index is not None]
    # Lesions among its classes may be absent.
    none = [(one.label, one.value) for one in output.measurements if one.segment_index is None]
    assert all(label.startswith("Kidney cyst") and value == 0 for label, value in none)
    for segment, measurement in zip(output.segments, volumes, strict=True):
        row = rows[names[segment.label.lower()]]
        kind = "SegmentedPropertyTypeCodeSequence"
        assert segment.type.value == row[f"{kind}.CodeValue"]
        assert segment.type.scheme_designator == "SCT"
        assert ",".join(map(str, segment.color_rgb)) == row["DicomRGBColor"]
        side = segment.label.rpartition(" ")[2] if segment.laterality else ""
        assert side.lower() in ("", "left", "right") or segment.label.startswith("Rib")
        assert measurement.label == f"{segment.label} volume"
        assert measurement.value > 0


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_pair_is_told_apart_by_its_side(output: PipelineOutput, side: str) -> None:
    (rib,) = [one for one in output.segments if one.label == f"Rib {side} 6"]
    assert rib.laterality is not None
    assert rib.laterality.meaning.lower() == side


def test_a_missing_part_is_named(storage: Storage, weights: Path, tmp_path: Path) -> None:
    for number in (291, 292, 293, 295):
        (folder,) = weights.glob(f"Dataset{number}_*")
        (tmp_path / folder.name).symlink_to(folder)
    with pytest.raises(InvalidRequest, match="lacks class_map_part_muscles of the task total"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, tmp_path, "petra")


def test_a_class_of_another_name_is_none_of_totalsegmentators(
    storage: Storage, weights: Path, tmp_path: Path
) -> None:
    model = tmp_path / "Dataset291_X" / MODEL
    classes: dict[int, Any] = {**class_map_5_parts["class_map_part_organs"], 5: "heart"}
    trained_folder(model, by_value(classes))
    with pytest.raises(InvalidRequest, match="no model with the classes of TotalSegmentator"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, tmp_path, "petra")


def test_an_operators_card_says_what_is_taken(
    storage: Storage, weights: Path, tmp_path: Path
) -> None:
    for folder in weights.glob("Dataset29*"):
        (tmp_path / folder.name).symlink_to(folder)
    card = {
        "title": "Whole body",
        "accepts": {"all": [{"Modality": "CT"}, {"contrast_agent": "no"}]},
        "segments": {"1": {"label": "Milz", "code": ["78961009", "SCT", "Spleen"]}},
    }
    (tmp_path / "mediview.json").write_text(json.dumps(card))
    added = add_model(
        storage.settings, storage.model_states, storage.shadow_runs, tmp_path, "petra"
    ).standing.pipeline
    assert added.title == "Whole body"
    assert "78961009" in {one.value for one in added.card.output_codes}
    assert (added.version, added.card.training_data) == (
        "v2.0.0-weights",
        "Wasserthal et al., Radiology: Artificial Intelligence 2023, doi:10.1148/ryai.230024.",
    )


def test_weights_of_mr_have_their_own_paper_and_a_code_for_each_class(
    storage: Storage, tmp_path: Path
) -> None:
    place = tmp_path / RELEASES[852] / MODEL
    trained_folder(place, by_value(class_map["total_mr"]), spacing_mm=3.0)
    added = add_totalsegmentator(storage.settings, tmp_path)
    assert added.version == "v2.5.0-weights"
    assert added.card.training_data.startswith("Akinci D'Antonoli et al., Radiology 2025")
    segments = [added.segment(value) for value in added.labels]
    assert {one.code[1] for one in segments} == {"SCT"}
    lungs = {one.label: (one.code[2], one.laterality) for one in segments if "Lung" in one.label}
    assert lungs == {"Lung left": ("Lung", "left"), "Lung right": ("Lung", "right")}


def test_weights_of_no_known_release_are_named_by_what_is_in_them(
    storage: Storage, tmp_path: Path
) -> None:
    place = tmp_path / "Dataset297_TotalSegmentator_total_3mm_1559subj_v204" / MODEL
    trained_folder(place, by_value(class_map["total"]), spacing_mm=3.0)
    digest = sha256((place / "fold_0" / "checkpoint_final.pth").read_bytes()).digest()
    added = add_totalsegmentator(storage.settings, tmp_path)
    assert added.version == f"sha256-{sha256(digest).hexdigest()[:16]}"


def test_two_models_that_fit_alike_are_refused(storage: Storage, tmp_path: Path) -> None:
    for name in ("Dataset297_old", "Dataset297_new"):
        trained_folder(tmp_path / name / MODEL, by_value(class_map["total"]), spacing_mm=3.0)
    with pytest.raises(InvalidRequest, match=r"297_new/.* and Dataset297_old/") as refused:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, tmp_path, "petra")
    assert refused.value.remedy == "Name a folder with one of them."
