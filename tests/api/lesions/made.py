"""A patient with bright lesions in two studies, by a real job of a model that finds them."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

from inference.model_registry.adding import add_model
from inference.scheduling.schedule import complete_and_schedule
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from tests import builders
from tests.inference.lesions.phantoms import Ellipsoid
from tests.inference.orchestration import later
from tests.inference.plain_models import torchscript_model

PIPELINE = "model-plain-spleen"
Ball = tuple[float, float, float, float]
"""x, y, z and radius in mm, in the patient."""
# Study 1: A, B, C. Study 2: A has grown, B is as it was, C is gone, D is new.
A, B, C = (18.0, 0.0, 8.0, 6.2), (-18.0, 6.0, -6.0, 8.0), (0.0, -16.0, 12.0, 4.5)
GROWN, D = (18.0, 0.0, 8.0, 10.5), (0.0, 14.0, -14.0, 5.0)
_ORGANS = [
    ((20, 10, -10), 11, 90),
    ((-14, -12, 6), 13, 380),
    ((2, 20, 10), 9, 330),
    ((0, 0, -24), 8, 60),
]
_SHAPE, _SPACING = (24, 52, 52), (3.5, 1.9, 2.1)


def add_lesion_model(storage: Storage, folder: Path) -> None:
    made = torchscript_model(folder, spacing_mm=[2.0, 2.0, 2.0])
    card = json.loads((made / "mediview.json").read_text())
    card["segments"]["1"] = {
        "label": "Lesion",
        "code": ["52988006", "SCT", "Lesion"],
        "category": ["49755003", "SCT", "Morphologically Abnormal Structure"],
    }
    (made / "mediview.json").write_text(json.dumps(card))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, made, "petra")


def study(
    date: str, seed: int, lesions: Sequence[Ball], *, turned_deg: float = 0.0, shift_mm: float = 0.0
) -> list[Dataset]:
    """An oblique, anisotropic series of a patient who lies turned and elsewhere."""
    frame = builders.rotation(6 + turned_deg / 2, -4, turned_deg)
    kji = np.stack(np.meshgrid(*map(np.arange, _SHAPE), indexing="ij"), axis=-1)
    steps = frame[:, [2, 1, 0]] * _SPACING
    origin = np.array([shift_mm, -shift_mm / 2, 0]) - steps @ ((np.array(_SHAPE) - 1) / 2)
    places = kji @ steps.T + origin
    turned = Rotation.from_euler("z", turned_deg, degrees=True)
    anatomy = turned.inv().apply((places - [shift_mm, -shift_mm / 2, 0]).reshape(-1, 3))
    grey = np.where(Ellipsoid(np.zeros(3), np.array([42.0, 36, 36])).contains(anatomy), 200, 0)
    for centre, radius, value in _ORGANS:
        organ = Ellipsoid(np.array(centre, float), np.full(3, float(radius)))
        grey[organ.contains(anatomy)] = value
    for *centre, radius in lesions:
        grey[Ellipsoid(np.array(centre), np.full(3, radius)).contains(anatomy)] = 1000
    return builders.series(
        grey.reshape(_SHAPE).astype(np.int16), spacing_mm=_SPACING, directions=frame,
        origin_mm=list(origin), seed=seed, PatientID="P-lesions", StudyDate=date,
    )  # fmt: skip


def worked(storage: Storage, images: Sequence[Dataset]) -> Job:
    """Received, and worked on as a worker does."""
    for image in images:
        buffer = BytesIO()
        image.save_as(buffer, enforce_file_format=True)
        storage.ingest.accept(buffer.getvalue(), "dimse:MR1")
    decisions = complete_and_schedule(storage, later(3600))
    withdraw_outdated(storage, later(3600))
    (job_id,) = [one.job_id for one in decisions if one.pipeline == PIPELINE and one.job_id]
    done = run_job(storage, job_id, "worker")
    assert done is not None
    assert (done.state, done.reason) == ("COMPLETED", "")
    return storage.jobs.get(job_id)
