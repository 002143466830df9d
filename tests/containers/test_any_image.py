"""Containers that are no MONAI Application Packages, in real ones: make containers."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.containers.test_given_results import NODULES, series_card
from tests.inference.input_selection.chained import (
    LUNGS,
    add_lungs,
    chest,
    decided,
    done,
    volume_cm3,
)
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.scheduling.four_sequences import STUDY, centres, files, lesion_at, sequence

BASE = os.environ.get("MEDIVIEW_TEST_MAP", "")
PAGE = Path(__file__).parents[2] / "docs/pipelines/containers.md"
VENDOR = Path(__file__).parent / "vendor"
IMAGE = "localhost/lesions:2.1"

pytestmark = [
    pytest.mark.skipif(not BASE, reason="Real containers are run by: make containers"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module", autouse=True)
def image() -> Iterator[None]:
    limit = f"{os.sysconf('SC_OPEN_MAX')}"
    subprocess.run(
        ["podman", "build", "--pull=never", f"--ulimit=nofile={limit}:{limit}", "-q",
         f"--build-arg=BASE={BASE}", "-t", IMAGE, str(VENDOR)],
        check=True, capture_output=True,
    )  # fmt: skip
    yield
    subprocess.run(["podman", "rmi", "--force", IMAGE], check=True, capture_output=True)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, container_engine="podman", job_max_attempts=1) as storage:
        yield storage


def stated() -> dict[str, Any]:
    """As the page writes it."""
    (block,) = re.findall(r"```json any-image\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    card: dict[str, Any] = json.loads(block)
    return card


def added(storage: Storage, folder: Path, card: dict[str, Any]) -> None:
    folder.mkdir()
    (folder / "mediview.json").write_text(json.dumps(card))
    done = add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    assert done.standing.state == "active", done.steps


def job_of(storage: Storage, *kinds: str) -> Job:
    for number, kind in enumerate(kinds, start=2):
        receive(storage, files(sequence(kind, number)))
    jobs = {
        one.job_id for one in complete_and_schedule(storage, later(10)) if one.job_id is not None
    }
    (job_id,) = jobs
    job = run_job(storage, job_id, "worker")
    assert job is not None
    return job


def test_an_image_of_another_maker_gets_two_series_as_nifti(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "lesions", stated())
    job = job_of(storage, "t1", "flair", "t2")
    assert (job.state, job.reason) == ("COMPLETED", "")
    assert job.pipeline_version == "2.1"
    found = {one.label: one for one in storage.findings.of_study(STUDY)}
    assert found["Files given"].value == 2
    volume = assemble_volume(sequence("t1", 2))
    inside = lesion_at(centres(volume.voxels.shape, volume.lps_from_kji))
    truth_cm3 = np.count_nonzero(inside) * volume.voxel_volume_mm3 / 1000
    assert found["Lesion volume"].value == pytest.approx(truth_cm3, rel=0.08)
    notes = job.result["notes"]
    assert any("version 2.1 by its card" in one for one in notes)
    assert "Given as NIfTI: T1 is the reference, FLAIR resampled onto its grid, trilinear;" in (
        " ".join(notes)
    )


def test_one_series_is_given_as_one_file_and_a_command_may_be_stated(
    storage: Storage, tmp_path: Path
) -> None:
    card = stated()
    script = (
        "import nibabel; image = nibabel.load('/given/image.nii.gz');"
        " nibabel.save(nibabel.Nifti1Image((image.get_fdata() > 500).astype('uint8'),"
        " image.affine), '/made/mask.nii.gz')"
    )
    card["accepts"] = {"mr_contrast": "FLAIR"}
    del card["inputs"], card["reference"]
    card["container"]["run"] |= {
        "command": ["/opt/venv/bin/python", "-c", script],
        "working_directory": "/tmp",
        "input": "/given",
        "output": "/made",
    }
    added(storage, tmp_path / "lesions", card)
    job = job_of(storage, "flair")
    assert (job.state, job.reason) == ("COMPLETED", "")
    volume = assemble_volume(sequence("flair", 2))
    found = {one.label: one.value for one in storage.findings.of_study(STUDY)}
    truth_cm3 = np.count_nonzero(volume.voxels > 500) * volume.voxel_volume_mm3 / 1000
    assert found["Lesion volume"] == pytest.approx(truth_cm3, rel=1e-3)


def test_two_series_as_dicom_and_a_segmentation_of_one_of_them(
    storage: Storage, tmp_path: Path
) -> None:
    card = stated()
    card["container"]["run"] |= {
        "input_format": "dicom",
        "command": ["/opt/venv/bin/python", "/app/mark_flair.py"],
        "working_directory": "/tmp",
    }
    added(storage, tmp_path / "lesions", card)
    job = job_of(storage, "t1", "flair", "t2")
    assert (job.state, job.reason) == ("COMPLETED", "")
    found = {one.label: one.value for one in storage.findings.of_study(STUDY)}
    t1, flair = sequence("t1", 2), sequence("flair", 3)
    assert found["Files of t1"] == len(t1)
    assert found["Files of flair"] == len(flair)
    assert "Changed its input" not in found
    volume = assemble_volume(flair)
    truth_cm3 = np.count_nonzero(volume.voxels > 500) * volume.voxel_volume_mm3 / 1000
    assert found["Lesion volume"] == pytest.approx(truth_cm3, abs=6e-4)
    assert any(one.startswith("Lesion was marked on FLAIR") for one in job.result["notes"])


@pytest.mark.parametrize("form", ["dicom", "nifti"])
def test_what_another_pipeline_found_lies_beside_the_series(
    storage: Storage, tmp_path: Path, form: str
) -> None:
    add_lungs(storage, tmp_path / "lungs")
    card = series_card(form)
    card["container"]["image"] = IMAGE
    card["container"]["run"] |= {
        "command": ["/opt/venv/bin/python", "/app/read_result.py"],
        "working_directory": "/tmp",
    }
    added(storage, tmp_path / "nodules", card)
    decided(storage, chest(), pipeline=NODULES)
    lungs = done(storage, decided(storage, pipeline=LUNGS))
    job = done(storage, decided(storage, pipeline=NODULES))
    found = {one.label: one.value for one in storage.findings.of_job(job.job_id)}
    assert found["Stated volume"] == pytest.approx(volume_cm3(storage, lungs))
    # Of its voxels, which are 3 by 2 by 2 mm.
    assert found["Counted volume"] == pytest.approx(found["Stated volume"], rel=0.01)
