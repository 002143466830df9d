"""Deletions and holds over HTTP on a disk without a free byte: the reserve gives them room."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from storage.container import open_storage
from storage.core.data_folder.disk_reserve import refill
from storage.core.uids import derive_uid
from storage.settings import Settings, load_settings
from tests.migrated import upgrade
from tests.mounts import fill_disk, mounted
from tests.storage.instances import part10

MARK_BYTES = 8 << 20
NAMES = ("whole", "series", "instance", "bulk", "held")


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Settings]:
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=160m", "tmpfs"):
        settings = load_settings(
            data_dir=disk / "data", free_disk_mark_bytes=MARK_BYTES, self_test=False
        )
        upgrade(settings)
        with open_storage(settings) as storage:
            for name in NAMES:
                storage.ingest.accept(part10(study=name), "stow")
        refill(settings.data_dir, MARK_BYTES)
        yield settings


def test_what_frees_the_disk_is_done_and_so_is_what_protects_a_study(full: Settings) -> None:
    disk = full.data_dir.parent
    study = {name: derive_uid("test", name) for name in NAMES}
    with TestClient(create_app(full), base_url="http://127.0.0.1") as client:

        def asked(method: str, path: str, **options: object) -> httpx.Response:
            refill(full.data_dir, 0)
            assert (full.data_dir / "reserve").exists()
            ballast = fill_disk(disk)
            answer: httpx.Response = client.request(method, path, **options)  # type: ignore[arg-type]
            ballast.unlink()
            assert not (full.data_dir / "reserve").exists()
            return answer

        series = derive_uid("test", "series", "series")
        instances = (
            f"/dicom-web/studies/{study['instance']}/series/"
            f"{derive_uid('test', 'instance', 'series')}/instances/"
            f"{derive_uid('test', 'instance', 'series', 'instance')}"
        )
        for path in (
            f"/dicom-web/studies/{study['whole']}",
            f"/dicom-web/studies/{study['series']}/series/{series}",
            instances,
        ):
            assert asked("DELETE", path).status_code == 204
        body = {"study_instance_uids": [study["bulk"]]}
        answer = asked("POST", "/api/v1/studies/delete", json=body)
        assert answer.json()["failed"] == 0, answer.text
        held = asked("PUT", f"/api/v1/legal-holds/{study['held']}", json={"reason": "court order"})
        assert held.status_code == 200, held.text
