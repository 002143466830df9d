"""Two hosts without a shared disk: a study's halves come to both, and its result to the PACS.

Then one of them dies, and the viewer of the other shows all of it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import follow
from tests.e2e.support.node import Node
from tests.e2e.support.pacs import Pacs
from tests.e2e.support.studies import SentStudy, copy_with_new_uids, files, storescu
from tests.postgres import PostgresServer
from tests.processes import own_folder
from tests.servers import S3Server
from tests.storage.hosts.conftest import KEYS

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def hosts(
    pacs: Pacs, postgres_server: PostgresServer, redis_url: str, s3_server: S3Server
) -> Iterator[tuple[Node, Node]]:
    shared = {
        "MEDIVIEW_DESTINATIONS": pacs.address,
        "MEDIVIEW_OWN_DISKS": "true",
        "MEDIVIEW_AUDIT_KEY": "ab" * 32,
        "MEDIVIEW_DATABASE_URL": postgres_server.new_database(),
        # Messages of another node of the suite are not to be taken.
        "MEDIVIEW_BROKER_URL": redis_url.removesuffix("0") + "7",
        "MEDIVIEW_OBJECT_STORE": "s3",
        "MEDIVIEW_S3_ENDPOINT_URL": s3_server.endpoint_url,
        "MEDIVIEW_S3_BUCKET": s3_server.new_bucket(),
        "MEDIVIEW_S3_ACCESS_KEY_ID": s3_server.access_key_id,
        "MEDIVIEW_S3_SECRET_ACCESS_KEY": s3_server.secret_access_key,
    }
    with own_folder("north") as at_north, own_folder("south") as at_south:
        north = Node(at_north, shared)
        south = Node(at_south, shared)
        try:
            north.start()
            (at_south / "data").mkdir(mode=0o700)
            for name in KEYS:
                shutil.copy2(at_north / "data" / name, at_south / "data" / name)
            south.start()
            yield north, south
        finally:
            south.close()
            north.close()


def half(study: SentStudy, folder: Path, which: int) -> Path:
    folder.mkdir()
    for path in files(study.folder)[which::2]:
        shutil.copy2(path, folder)
    return folder


def test_a_study_whose_halves_came_to_two_hosts_has_one_result_at_the_pacs(
    hosts: tuple[Node, Node], pacs: Pacs, head: SentStudy, tmp_path: Path
) -> None:
    north, south = hosts
    study = copy_with_new_uids(head.folder, tmp_path / "whole")
    for node, which in ((north, 0), (south, 1)):
        answer = storescu(half(study, tmp_path / str(which), which), node.dicom_port)
        assert answer.returncode == 0, answer.stderr[-2000:]

    followed = follow(south, study)

    assert followed.job["state"] == "completed", followed.job["reason"]
    held = set(pacs.instances_of(study.study_instance_uid))
    assert {one["sop_instance_uid"] for one in followed.job["results"]} <= held
    for node in hosts:
        metadata = node.get(f"/dicom-web/studies/{study.study_instance_uid}/metadata")
        assert study.sop_instance_uids <= {one["00080018"]["Value"][0] for one in metadata}


def test_the_viewer_of_another_host_shows_a_study_whose_receiver_dies(
    hosts: tuple[Node, Node], pacs: Pacs, head: SentStudy, tmp_path: Path
) -> None:
    north, south = hosts
    study = copy_with_new_uids(head.folder, tmp_path / "north-alone")
    answer = storescu(study.folder, north.dicom_port)
    assert answer.returncode == 0, answer.stderr[-2000:]
    followed = follow(north, study)
    assert followed.job["state"] == "completed", followed.job["reason"]

    with chromium() as page:
        # North dies while the page of south begins to load its instances.
        seen = [0]

        def kill_north(url: str) -> None:
            if "/frames/" in url and not seen[0]:
                seen[0] = 1
                north.kill()

        page.on("request", lambda request: kill_north(request.url))
        page.goto(f"{south.url}/study/?study={study.study_instance_uid}")
        viewport = page.get_by_test_id("viewport").first
        expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
        assert seen == [1]
        assert north.health() == "down"
        # All slices, the first and the last, and what a pipeline made of them.
        count = viewport.get_attribute("data-slice-count") or ""
        for key, number in (("Home", "1"), ("End", count)):
            viewport.press(key)
            expect(viewport).to_have_attribute("data-slice-number", number, timeout=60_000)
        expect(viewport).to_have_attribute("data-loaded", "all", timeout=60_000)
        expect(viewport).to_have_attribute("data-mask-loaded", "true", timeout=60_000)
        assert int(count) > 1
        keep_screenshot(page, "study-of-a-host-that-died")

    path = f"/dicom-web/studies/{study.study_instance_uid}/metadata"
    instances = {one["00080018"]["Value"][0] for one in south.get(path)}
    assert study.sop_instance_uids <= instances
    for one in followed.job["results"]:
        assert one["sop_instance_uid"] in instances
    whole = south.api.get(
        f"/dicom-web/studies/{study.study_instance_uid}",
        headers={"Accept": 'multipart/related; type="application/dicom"'},
        timeout=120,
    )
    assert whole.status_code == 200
    assert whole.content.count(b"DICM") >= len(instances), "each is read without its receiver"
    # It comes back with its disk.
    north.start()
