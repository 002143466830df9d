"""MONAI Application Packages in real containers: make containers.

MEDIVIEW_TEST_MAP names an image laid out from `tests/containers/map`.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.model_registry.adding import add_model
from inference.refusals import ModelUnusable
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.small import mr_series, study_uid

IMAGE = os.environ.get("MEDIVIEW_TEST_MAP", "")
PAGE = Path(__file__).parents[2] / "docs/pipelines/containers.md"
MIB = 1024 * 1024
VOXELS_A_SLICE, VOXEL_MM3, SLICES = 96, 2.0, 8

pytestmark = [
    pytest.mark.skipif(not IMAGE, reason="Real containers are run by: make containers"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(
        tmp_path,
        container_engine="podman",
        container_memory_bytes=512 * MIB,
        container_output_bytes=64 * MIB,
        job_max_attempts=1,
    ) as storage:
        yield storage


def podman(*arguments: str, given: str = "") -> str:
    return subprocess.run(
        ["podman", *arguments], check=True, capture_output=True, text=True, input=given
    ).stdout.strip()


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[list[str]]:
    """Images that the test makes, removed afterwards."""
    made: list[str] = []
    yield made
    for image in made:
        podman("rmi", "--force", image)


def image_with(fault: str, made: list[str]) -> str:
    name = f"localhost/mediview-test-map-{fault}:latest"
    described = f"FROM {IMAGE}\nRUN echo {fault} > /opt/monai/fault\n"
    if fault == "packaged":
        described = f"FROM {IMAGE}{PACKAGED}"
    if fault == "volume":
        described += "VOLUME /big\n"
    limit = f"{os.sysconf('SC_OPEN_MAX')}"
    podman(
        "build", "--pull=never", f"--ulimit=nofile={limit}:{limit}", "-q", "-t", name, "-",
        given=described,
    )  # fmt: skip
    made.append(name)
    return name


PACKAGED = """
RUN useradd --create-home --uid 1000 holoscan && mkdir /home/holoscan/.local \\
    && mv /opt/venv/lib /home/holoscan/.local/lib \\
    && chown -R holoscan:holoscan /home/holoscan && chmod 750 /home/holoscan \\
    && sed -i 's#/opt/venv/bin/python#python3#' /etc/monai/app.json
USER holoscan
"""
"""As `monai-deploy package` installs: Python packages in the home of the image's own user."""


def card_folder(tmp_path: Path, image: str = IMAGE) -> Path:
    """As docs/pipelines/containers.md writes it."""
    (block,) = re.findall(r"```json card\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    card = json.loads(block)
    card["container"]["image"] = image
    folder = tmp_path / "bright_map"
    folder.mkdir()
    (folder / "mediview.json").write_text(json.dumps(card))
    return folder


def ended_job(storage: Storage, stopping: Callable[[], bool] = lambda: False) -> Job:
    receive(storage, mr_series("map", SLICES))
    decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    job_id = decisions["model-bright-map"].job_id or ""
    job = run_job(storage, job_id, "worker", stopping=stopping)
    assert job is not None
    assert podman("ps", "--all", "--quiet", "--filter", "label=mediview-model") == ""
    assert list((storage.settings.data_dir / "containers").glob("*")) == []
    return job


def stored(storage: Storage, job: Job) -> dict[str, Dataset]:
    found = {}
    for made in job.result["instances"]:
        (instance,) = [
            one
            for one in storage.index.instances_of(
                job.study_instance_uid, str(made["series_instance_uid"])
            )
            if one.sop_instance_uid == made["sop_instance_uid"]
        ]
        found[str(made["kind"])] = storage.instances.dataset(instance)
    return found


def test_a_package_is_added_and_run_as_the_page_says(storage: Storage, tmp_path: Path) -> None:
    added = add_model(
        storage.settings, storage.model_states, storage.shadow_runs, card_folder(tmp_path), "petra"
    )
    assert added.standing.state == "active", added.steps
    job = ended_job(storage)
    assert (job.state, job.reason) == ("COMPLETED", "")
    findings = {one.label: one for one in storage.findings.of_study(study_uid("map"))}
    voxels = VOXELS_A_SLICE * SLICES
    assert findings["Bright volume"].value == voxels * VOXEL_MM3 / 1000
    assert findings["Bright voxels"].value == voxels
    assert findings["bright"].confidence == 0.75
    digest = podman("image", "inspect", "--format", "{{.Id}}", IMAGE)
    assert (
        f"Computed by the container image {IMAGE} (sha256:{digest[:12]}), version 1.2.0 by its"
        " manifest."
    ) in job.result["notes"]
    assert "The container wrote what the node does not take: 1 file .txt." in job.result["notes"]
    objects = stored(storage, job)
    mask, report = objects["SEG"], objects["SR"]
    assert np.count_nonzero(mask.pixel_array) == voxels
    (segment,) = mask.SegmentSequence
    algorithm = segment.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("bright-map", "1.2.0")
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Spleen"
    assert mask.Manufacturer != "Another vendor"
    assert "research use only" in mask.ContentDescription
    assert report.VerificationFlag == "UNVERIFIED"


def test_packages_in_the_home_of_the_images_user_are_found(
    storage: Storage, tmp_path: Path, faulty: list[str]
) -> None:
    folder = card_folder(tmp_path, image_with("packaged", faulty))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    job = ended_job(storage)
    assert (job.state, job.reason) == ("COMPLETED", "")


def test_a_label_map_of_nifti_lies_where_the_series_lies(
    storage: Storage, tmp_path: Path, faulty: list[str]
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        card_folder(tmp_path, image_with("nifti", faulty)),
        "petra",
    )
    job = ended_job(storage)
    assert (job.state, job.reason) == ("COMPLETED", "")
    mask = stored(storage, job)["SEG"]
    assert mask.pixel_array[:, 4:12, 8:20].all()
    assert np.count_nonzero(mask.pixel_array) == VOXELS_A_SLICE * SLICES


def test_a_container_reaches_nothing_but_its_folders(
    storage: Storage, tmp_path: Path, faulty: list[str]
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        card_folder(tmp_path, image_with("curious", faulty)),
        "petra",
    )
    job = ended_job(storage)
    assert (job.state, job.reason) == ("COMPLETED", "")
    found = {one.label: one.value for one in storage.findings.of_study(study_uid("map"))}
    assert len(found) == 7
    assert [label for label, worked in found.items() if worked] == []


FAULTS = {
    "status": "ended with status 7",
    "endless": "took longer than 3 s and was ended",
    "memory": "was killed; it may take 512 MiB of memory",
    "disk": "64 MiB or 8 folders",
    "volume": "ended with status 1",
    "link": "wrote mask.dcm, which is not a file",
    "other-study": "mask.dcm of the container is of another study",
    "other-place": "lies beside slice",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_container_that_does_wrong_costs_one_job(
    storage: Storage, tmp_path: Path, faulty: list[str], fault: str
) -> None:
    if fault == "endless":
        changed = storage.settings.model_copy(update={"container_timeout_s": 3.0})
        object.__setattr__(storage, "settings", changed)
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        card_folder(tmp_path, image_with(fault, faulty)),
        "petra",
    )
    job = ended_job(storage)
    assert job.state == "CANCELED"
    assert FAULTS[fault] in job.reason
    assert "Patient" not in job.reason
    assert storage.findings.of_study(study_uid("map")) == []
    assert len(storage.index.series_of(study_uid("map"))) == 1


def test_a_worker_that_stops_takes_its_container_along(
    storage: Storage, tmp_path: Path, faulty: list[str]
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        card_folder(tmp_path, image_with("endless", faulty)),
        "petra",
    )

    def stopping() -> bool:
        return podman("ps", "--quiet", "--filter", "label=mediview-model") != ""

    assert ended_job(storage, stopping).state == "SCHEDULED"


def test_an_image_that_is_gone_is_named_and_another_of_its_name_is_not_run(
    storage: Storage, tmp_path: Path, faulty: list[str]
) -> None:
    image = image_with("status", faulty)
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        card_folder(tmp_path, image),
        "petra",
    )
    podman("rmi", "--force", image)
    podman("tag", IMAGE, image)
    job = ended_job(storage)
    assert job.state == "CANCELED"
    assert f"The image that was added as {image} is not there any more" in job.reason


def test_an_image_without_manifests_is_refused(storage: Storage, tmp_path: Path) -> None:
    base = podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=python")
    folder = card_folder(tmp_path, base.splitlines()[0])
    with pytest.raises(Exception, match=r"has no /etc/monai/app\.json"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    (folder / "mediview.json").write_text(
        (folder / "mediview.json").read_text().replace(base.splitlines()[0], "localhost/none:1")
    )
    with pytest.raises(ModelUnusable, match="podman image failed"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
