"""Four MR sequences of a phantom with a lesion, and a model that takes them by role."""

import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import assemble_volume
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Decision, Job
from tests import builders
from tests.inference.orchestration import later, receive

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
        for one in storage.acceptance_decisions.of_study(STUDY)
        if one.pipeline == PIPELINE
    }


def all_four() -> list[list[Dataset]]:
    return [sequence(kind, number) for number, kind in enumerate(SEQUENCES, start=2)]


def done(storage: Storage, decision: Decision) -> Job:
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job
