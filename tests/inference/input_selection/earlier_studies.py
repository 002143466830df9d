"""Studies of a patient over time, and a model that compares two of them."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.pipelines.codes import CM3
from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.studies_awaiting_priors import look_for_priors_again
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Decision, Job
from storage.core.findings import Finding
from tests import builders
from tests.inference.imaging.registration import drawn_head
from tests.inference.orchestration import later, receive
from tests.inference.scheduling.four_sequences import centres, files

PIPELINE = "model-new-lesions"
NOW = "2.25.9001"
SPACING_MM = (3.0, 2.0, 2.0)
SHAPE = (24, 40, 44)
OLD_MM, NEW_MM, RADIUS_MM = np.array([-14.0, 0.0, 0.0]), np.array([14.0, 4.0, -2.0]), 9.0


def chest(study: str, date: str, *places_mm: Any, number: int = 3, **changes: Any) -> list[Dataset]:
    """A CT with bright balls, all of one Frame of Reference unless stated."""
    grid: dict[str, Any] = {"spacing_mm": SPACING_MM, "origin_mm": (-44, -40, -36)}
    attributes: dict[str, Any] = {
        "StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.{number}", "StudyDate": date,
        "SeriesNumber": number, "FrameOfReferenceUID": "2.25.9000", "StudyTime": "101500",
        "BodyPartExamined": "CHEST", "PositionReferenceIndicator": "", **changes,
    }  # fmt: skip
    seed = int(study.rsplit(".", maxsplit=1)[-1]) + number
    voxels = np.full(SHAPE, 40, np.int16)
    empty = builders.series(voxels, modality="CT", seed=seed, **grid, **attributes)
    where = centres(SHAPE, assemble_volume(empty).lps_from_kji)
    for place in places_mm:
        voxels[((where - place) ** 2).sum(axis=-1) < RADIUS_MM**2] = 900
    return builders.series(voxels, modality="CT", seed=seed, **grid, **attributes)


def card(**before: Any) -> dict[str, Any]:
    return {
        "licence": "Apache-2.0",
        "inputs": {
            "now": {
                "title": "CT of the chest",
                "accepts": {"all": [{"Modality": "CT"}, {"BodyPartExamined": "CHEST"}]},
            },
            "before": {
                "title": "CT before", "prior_of": "now", "within_days": 730, "required": False,
                **before,
            },
        },
        "reference": "now",
        "segments": {
            "1": {
                "label": "New", "code": ["52988006", "SCT", "Lesion"],
                "category": ["49755003", "SCT", "Morphologically Abnormal Structure"],
            }
        },
        "model": {
            "name": "New lesions", "version": "1.0", "modality": "CT", "output": "segmentation",
            "labels": {"1": "new"}, "intensity": {"values": [0, 900]}, "tile": [32, 32, 32],
        },
    }  # fmt: skip


def body(study: str, date: str, lies: Any, *places_mm: Any, **changes: Any) -> list[Dataset]:
    """A drawn head as a CT of the chest would be, dark, with bright balls, wherever it lay."""
    shape, grid = (56, 84, 74), {"spacing_mm": (3.4, 2.5, 2.5), "origin_mm": (-92, -104, -93)}
    attributes: dict[str, Any] = {
        "StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.3", "StudyDate": date,
        "SeriesNumber": 3, "FrameOfReferenceUID": "2.25.9000", "BodyPartExamined": "CHEST",
        "PositionReferenceIndicator": "", "intercept": -1000.0, **grid, **changes,
    }  # fmt: skip
    seed = int(study.rsplit(".", maxsplit=1)[-1])
    empty = builders.series(np.zeros(shape, np.int16), modality="CT", seed=seed, **attributes)
    affine = assemble_volume(empty).lps_from_kji
    voxels = drawn_head.drawn("t1", shape, affine, lies, seed)
    where = centres(shape, affine)
    for place in places_mm:
        voxels[((where - place) ** 2).sum(axis=-1) < RADIUS_MM**2] = 1500
    return builders.series(voxels, modality="CT", seed=seed, **attributes)


def network_in(folder: Path) -> None:
    """TorchScript of two channels that finds what is bright now and was not before."""
    import torch

    folder.mkdir(parents=True)
    network = torch.nn.Conv3d(2, 2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[-20.0, 20.0], [20.0, -20.0]]).reshape(2, 2, 1, 1, 1))
        network.bias.copy_(torch.tensor([10.0, -10.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(network, torch.zeros(1, 2, 8, 8, 8)).save(str(folder / "model.ts"))


def added(storage: Storage, folder: Path, stated: dict[str, Any]) -> None:
    network_in(folder)
    (folder / "mediview.json").write_text(json.dumps(stated))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def decided(storage: Storage, *received: list[Dataset], study: str = NOW) -> Decision:
    """What the pipeline says of the first series of the study once the given ones are complete."""
    for one in received:
        receive(storage, files(one))
    complete_and_schedule(storage, later(10))
    look_for_priors_again(storage, later(10))
    found = {
        one.series_instance_uid: one
        for one in storage.acceptance_decisions.of_study(study)
        if one.pipeline == PIPELINE
    }
    return found[f"{study}.3"]


def done(storage: Storage, decision: Decision) -> Job:
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def volumes(storage: Storage, job: Job) -> list[Finding]:
    return [one for one in storage.findings.of_job(job.job_id) if one.unit == CM3]
