"""Models of nnU-Net v2: the voxels of its own command line, and no pickle that is executed."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.imaging.registration.resampling import onto_grid
from inference.model_registry.adding import add_model
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.catalogue import pipeline_named
from storage.container import Storage
from tests.inference.nnunet.conftest import Study
from tests.inference.nnunet.phantoms import model_folder, untrained_lesions

CARDS: dict[str, tuple[str, dict[str, Any]]] = {
    "2d": ("2d", {}),
    "3d one fold": ("3d_fullres", {"folds": [0]}),
    "3d two folds": ("3d_fullres", {}),
    "3d all, best, unmirrored": (
        "3d_fullres",
        {"folds": ["all"], "checkpoint": "best", "mirroring": False},
    ),
}


def output_of(storage: Storage, study: Study) -> PipelineOutput:
    volumes = study.volumes
    context = PipelineContext(storage.settings, volumes["t1"], inputs=volumes)
    return pipeline_named(storage.settings, "model-tiny-lesions").run(context)


def test_regions_of_two_channels_are_those_of_its_own_predictor(
    storage: Storage, tmp_path: Path, study: Study
) -> None:
    """Resampled, axes swapped, mirrored: nnunetv2's own last step takes all classes at once."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    folder = untrained_lesions(tmp_path / "m")
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports, and of the old form of the plans
        predictor.initialize_from_trained_model_folder(str(folder), (0,))
    t1, flair = study.volumes["t1"], study.volumes["flair"]
    images = np.stack([t1.voxels, onto_grid(flair, t1)])
    expected = predictor.predict_single_npy_array(images, {"spacing": list(t1.spacing_mm)})
    assert {1, 2} <= set(np.unique(expected))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    output = output_of(storage, study)
    np.testing.assert_array_equal(output.mask(0), expected > 0)
    np.testing.assert_array_equal(output.mask(1), expected == 2)


@pytest.mark.parametrize("name", CARDS)
def test_the_voxels_are_those_of_the_command_line(
    storage: Storage,
    tmp_path: Path,
    trained: Path,
    study: Study,
    by_command_line: dict[str, NDArray[np.uint8]],
    name: str,
) -> None:
    configuration, model = CARDS[name]
    added = add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        model_folder(trained, configuration, tmp_path / "m", **model),
        "p",
    )
    assert added.standing.state == "active", added.steps
    output = output_of(storage, study)
    expected = by_command_line[name]
    # A network that was trained for a moment need not know the core.
    regions = {"Whole lesion": expected > 0, "Core": expected == 2}
    regions = {label: mask for label, mask in regions.items() if mask.any()}
    assert 0 < regions["Whole lesion"].mean() < 1
    assert [one.label for one in output.segments] == list(regions)
    for index, mask in enumerate(regions.values()):
        np.testing.assert_array_equal(output.mask(index), mask)
    voxel_cm3 = 3.0 * 0.95 * 0.8 / 1000
    assert [one.value for one in output.measurements] == pytest.approx(
        [mask.sum() * voxel_cm3 for mask in regions.values()], rel=1e-6
    )
