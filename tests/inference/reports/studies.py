"""A study in a storage with what a pipeline found in it, as a worker leaves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from inference.reports.due import draft_due
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.findings import Acquisition, Code, NormalRange, Validity
from storage.reports.entities import Report
from storage.settings import load_settings
from tests import builders
from tests.api.client import finding_of
from tests.migrated import upgrade

VOLUME = Code("118565006", "SCT", "Volume")
LAA = Code("LAA950", "99MEDIVIEW", "Share below -950 HU of lung below -500 HU")


@contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Storage]:
    made = load_settings(data_dir=folder / "data", free_disk_mark_bytes=0, **settings)
    upgrade(made)
    with open_storage(made) as storage:
        yield storage


def measured_study(
    storage: Storage,
    value: float = 1234.5,
    *,
    seed: int = 1,
    date: str = "20240131",
    normal_range: NormalRange | None = None,
    offset: str = "",
    born: str = "",
) -> str:
    """An MR of four images with one finding; its StudyInstanceUID. `offset`: from UTC."""
    series = builders.series(np.zeros((4, 8, 8), np.int16), modality="MR", seed=seed)
    for instance in series:
        instance.SpecificCharacterSet = "ISO_IR 100"
        instance.PatientID, instance.PatientName = "P-9", "Müller^Jürgen"
        instance.StudyDate, instance.StudyTime = date, "101500"
        instance.AccessionNumber = f"A-{seed}"
        if born:
            instance.PatientBirthDate = born
        if offset:
            instance.TimezoneOffsetFromUTC = offset
        buffer = BytesIO()
        instance.save_as(buffer, enforce_file_format=True)
        storage.ingest.accept(buffer.getvalue(), "dimse:MR1")
    study = str(series[0].StudyInstanceUID)
    job, _ = storage.jobs.schedule(
        "brain-volume", "1.0.0", study, str(series[0].SeriesInstanceUID), f"{seed:064}"
    )
    assert storage.jobs.claim(job.job_id, "w", 60, utcnow())
    storage.findings.replace_for_job(
        job.job_id, [replace(finding_of(job, value), normal_range=normal_range)]
    )
    assert storage.jobs.complete(job.job_id, "w", {"instances": []}, utcnow())
    return study


def drafted(storage: Storage, study: str) -> Report:
    """What the node's clock makes of it."""
    assert draft_due(storage, utcnow() + timedelta(seconds=1))
    (report,) = storage.reports.of_study(study)
    return report


def lungs_measured(
    storage: Storage, seed: int, date: str, kernel: str, litres: float, mm: float = 2.5
) -> str:
    """A chest CT with the volume of the lungs and a density of them."""
    study = measured_study(storage, 5.0 * seed, seed=seed, date=date)
    (found,) = storage.findings.of_study(study)
    density = replace(
        found,
        code=LAA,
        label="Both lungs LAA-950",
        unit=Code("%", "UCUM", "%"),
        validity=Validity("complete", acquisition=Acquisition(kernel, mm)),
    )
    volume = replace(
        found,
        finding_id=f"volume-{seed}",
        code=VOLUME,
        label="Both lungs volume",
        unit=Code("L", "UCUM", "L"),
        value=litres,
        validity=density.validity,
    )
    storage.findings.replace_for_job(found.job_id, [density, volume])
    return study
