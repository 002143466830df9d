"""The same way over PostgreSQL, Redis and S3, which come in by URL alone."""

import shutil
from collections import Counter
from collections.abc import Iterator
from io import BytesIO

import pydicom
import pytest

from tests.e2e.support.fixtures import FollowedStudy, follow, send
from tests.e2e.support.node import Node
from tests.e2e.support.pacs import Pacs
from tests.e2e.support.studies import SentStudy
from tests.postgres import PostgresServer
from tests.processes import own_folder
from tests.servers import S3Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def full_node(
    pacs: Pacs,
    node: Node,
    followed: FollowedStudy,
    postgres_server: PostgresServer,
    redis_url: str,
    s3_server: S3Server,
) -> Iterator[Node]:
    """With the secret of the embedded node, by which both give a result the same UIDs."""
    del followed  # by which that node has one
    with own_folder("full-node") as folder:
        (folder / "data").mkdir(mode=0o700)
        shutil.copy(node.folder / "data" / "uid.key", folder / "data")
        full = Node(
            folder,
            {
                "MEDIVIEW_DESTINATIONS": pacs.address,
                "MEDIVIEW_DATABASE_URL": postgres_server.new_database(),
                "MEDIVIEW_BROKER_URL": redis_url,
                "MEDIVIEW_OBJECT_STORE": "s3",
                "MEDIVIEW_S3_ENDPOINT_URL": s3_server.endpoint_url,
                "MEDIVIEW_S3_BUCKET": s3_server.new_bucket(),
                "MEDIVIEW_S3_ACCESS_KEY_ID": s3_server.access_key_id,
                "MEDIVIEW_S3_SECRET_ACCESS_KEY": s3_server.secret_access_key,
            },
        )
        try:
            full.start()
            yield full
        finally:
            full.close()


@pytest.mark.slow
def test_the_full_mode_gives_the_result_of_the_embedded_one(
    followed: FollowedStudy, full_node: Node, pacs: Pacs, head: SentStudy
) -> None:
    send(full_node, head)
    full = follow(full_node, head)
    assert full.job["state"] == "completed", full.job["reason"]
    (embedded_finding,), (full_finding,) = followed.job["findings"], full.job["findings"]
    assert full_finding["value"] == embedded_finding["value"]
    # Same input, same pipeline, same UIDs: the PACS has nothing twice.
    assert full.job["results"] == followed.job["results"]
    held = pacs.instances_of(head.study_instance_uid)
    assert {one["sop_instance_uid"] for one in followed.job["results"]} <= set(held)
    kinds = Counter(pydicom.dcmread(BytesIO(one)).Modality for one in held.values())
    assert kinds["SEG"] == 1


@pytest.mark.slow
def test_nothing_is_left_in_files_that_belongs_in_the_services(full_node: Node) -> None:
    data = full_node.folder / "data"
    assert not (data / "index.sqlite3").exists()
    assert not list((data / "broker").rglob("*.msg"))


@pytest.mark.slow
def test_the_full_mode_ends_cleanly_too(full_node: Node) -> None:
    assert full_node.interrupt() == 0
    assert full_node.processes() == {}
    full_node.start()
