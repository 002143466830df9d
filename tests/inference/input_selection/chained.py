"""A chest with dark lungs and nodules, a model that finds the lungs, and one that looks in them."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import Added, add_model
from inference.scheduling.new_results import look_for_results_again
from inference.scheduling.schedule import complete_and_schedule
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Job
from tests import builders
from tests.inference.orchestration import later, receive
from tests.inference.scheduling.four_sequences import centres, files

STUDY = "2.25.7001"
LUNGS, NODULES = "model-dark-lungs", "model-nodules-in-lungs"
LUNG, NODULE = ["39607008", "SCT", "Lung"], ["27925004", "SCT", "Nodule"]
LUNG_MM, RADIUS_MM = np.zeros(3), 20.0
INSIDE_MM, OUTSIDE_MM, NODULE_RADIUS_MM = np.array([6.0, -4.0, 5.0]), np.array([30.0, 0, 0]), 6.0
FINE: dict[str, Any] = {"spacing_mm": (3.0, 2.0, 2.0), "origin_mm": (-44, -40, -36)}
FINE_SHAPE = (24, 40, 44)
COARSE: dict[str, Any] = {
    "spacing_mm": (5.0, 1.6, 1.6), "origin_mm": (-46, -38, -34),
    "directions": builders.rotation(7, -5, 4),
}  # fmt: skip
COARSE_SHAPE = (15, 54, 58)


def chest(
    number: int = 3,
    shape: tuple[int, int, int] = FINE_SHAPE,
    grid: dict[str, Any] = FINE,
    lung_mm: Any = LUNG_MM,
    study: str = STUDY,
    **changes: Any,
) -> list[Dataset]:
    """CT: one lung as a dark ball, a nodule in it, and a brighter one beside it."""
    attributes: dict[str, Any] = {
        "StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.{number}",
        "SeriesNumber": number, "FrameOfReferenceUID": "2.25.7000", "BodyPartExamined": "CHEST",
        "PositionReferenceIndicator": "", "intercept": -1000.0, **changes,
    }  # fmt: skip
    voxels = np.full(shape, 1040, np.int16)
    empty = builders.series(voxels, modality="CT", seed=number, **grid, **attributes)
    where = centres(shape, assemble_volume(empty).lps_from_kji)
    voxels[ball(where, lung_mm, RADIUS_MM)] = 200
    voxels[ball(where, INSIDE_MM, NODULE_RADIUS_MM)] = 500
    voxels[ball(where, OUTSIDE_MM, NODULE_RADIUS_MM)] = 700
    # Slices of one value everywhere would count as not imaged.
    voxels += np.indices(shape).sum(axis=0, dtype=np.int16) % 7
    return builders.series(voxels, modality="CT", seed=number, **grid, **attributes)


def ball(where: NDArray[np.float64], place_mm: Any, radius_mm: float) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = ((where - place_mm) ** 2).sum(axis=-1) < radius_mm**2
    return inside


def lungs_card(**changes: Any) -> dict[str, Any]:
    return {
        "licence": "Apache-2.0",
        "accepts": {"all": [{"Modality": "CT"}, {"slices": {"at_least": 10}}]},
        "segments": {"1": {"label": "Lung", "code": LUNG}},
        "model": {
            "name": "Dark lungs", "version": "1.0", "modality": "CT", "output": "segmentation",
            "labels": {"1": "lung"}, "intensity": {"values": [-1000, 400]}, "tile": [32, 32, 32],
        },
        **changes,
    }  # fmt: skip


def nodules_card(lungs: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "licence": "Apache-2.0",
        "inputs": {
            "ct": {
                "title": "CT",
                "accepts": {"all": [{"Modality": "CT"}, {"slices": {"at_least": 20}}]},
            },
            "lungs": {
                "title": "Lungs",
                **(lungs or {"result_of": {"pipeline": LUNGS, "values": [-1000, 400]}}),
            },
        },
        "reference": "ct",
        "segments": {
            "1": {
                "label": "Nodule", "code": NODULE,
                "category": ["49755003", "SCT", "Morphologically Abnormal Structure"],
            }
        },
        "model": {
            "name": "Nodules in lungs", "version": "1.0", "modality": "CT",
            "output": "segmentation", "labels": {"1": "nodule"},
            "intensity": {"values": [-1000, 400]}, "tile": [32, 32, 32],
        },
        **changes,
    }  # fmt: skip


def network_in(folder: Path, weights: Sequence[float], above: float) -> None:
    """TorchScript that finds where the weighted sum of its channels is above a value."""
    import torch

    folder.mkdir(parents=True)
    network = torch.nn.Conv3d(len(weights), 2, 1)
    with torch.no_grad():
        network.weight.zero_()
        network.weight[1, :, 0, 0, 0] = 60 * torch.tensor(weights)
        network.bias.copy_(torch.tensor([0.0, -60 * above]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        example = torch.zeros(1, len(weights), 8, 8, 8)
        torch.jit.trace(network, example).save(str(folder / "model.ts"))


def add(storage: Storage, folder: Path, stated: dict[str, Any]) -> Added:
    (folder / "mediview.json").write_text(json.dumps(stated))
    return add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def add_lungs(storage: Storage, folder: Path, **changes: Any) -> Added:
    """What is below -350 HU, nodules with it."""
    network_in(folder, [-1.0], -0.46)
    return add(storage, folder, lungs_card(**changes))


def add_nodules(storage: Storage, folder: Path, **changes: Any) -> Added:
    """What is above -600 HU within the lungs."""
    network_in(folder, [1.0, 1.0], 1.28)
    return add(storage, folder, nodules_card(**changes))


def decided(
    storage: Storage, *received: list[Dataset], pipeline: str = NODULES, number: int = 3
) -> Decision:
    """What the pipeline says of a series, once what is given is complete and the clock was here."""
    for one in received:
        receive(storage, files(one))
    withdraw_outdated(storage, utcnow())
    complete_and_schedule(storage, later(10))
    look_for_results_again(storage, later(10))
    (found,) = (
        one
        for one in storage.acceptance_decisions.of_study(STUDY)
        if one.pipeline == pipeline and one.series_instance_uid == f"{STUDY}.{number}"
    )
    return found


def done(storage: Storage, decision: Decision) -> Job:
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None, decision.reason
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def volume_cm3(storage: Storage, job: Job) -> float:
    """Of all that the job found: the largest, as single lesions are stated beside their sum."""
    found = storage.findings.of_job(job.job_id)
    return max(
        one.value or 0.0 for one in found if one.unit is not None and one.unit.value == "cm3"
    )
