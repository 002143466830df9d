"""An instance by the bucket's own address, over a real S3 gateway."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from storage.maintenance.object_upload import upload_instances
from tests.api.dicomweb.node import DicomwebNode, dicomweb_node
from tests.servers import S3Server
from tests.storage.instances import part10

WHOLE = {"Accept": "application/dicom; transfer-syntax=*"}
ASKED = {**WHOLE, "Prefer": "respond-async, Redirect; foo=1"}


@contextmanager
def node_of(folder: Path, s3: S3Server, **overrides: object) -> Iterator[DicomwebNode]:
    settings = {
        "object_store": "s3",
        "s3_endpoint_url": s3.endpoint_url,
        "s3_bucket": s3.new_bucket(),
        "s3_access_key_id": s3.access_key_id,
        "s3_secret_access_key": s3.secret_access_key,
        **overrides,
    }
    with dicomweb_node(folder, **settings) as node:
        yield node


@pytest.fixture
def body() -> bytes:
    return part10(Rows=300, Columns=200, PixelData=bytes(range(250)) * 480)


def store(node: DicomwebNode, body: bytes) -> str:
    return node.path_of(node.storage.ingest.accept(body, "test").sop_instance_uid)


def move_to_bucket(node: DicomwebNode) -> None:
    storage = node.storage
    assert upload_instances(storage.engine, storage.instances, storage.objects, 10) == 1


def test_who_prefers_it_gets_the_bytes_from_the_bucket(
    tmp_path: Path, s3_server: S3Server, body: bytes
) -> None:
    with node_of(tmp_path, s3_server) as node, node.client() as client:
        path = store(node, body)
        # Not in the bucket yet.
        assert client.get(path, headers=ASKED).content == body
        move_to_bucket(node)
        assert client.get(path, headers=WHOLE).content == body
        answer = client.get(path, headers=ASKED)
        assert answer.status_code == 307
        assert answer.headers["preference-applied"] == "redirect"
        assert answer.headers["cache-control"] == "no-store"
        assert "Prefer" in answer.headers["vary"]
        assert not answer.content
        there = answer.headers["location"]
        assert there.startswith(s3_server.endpoint_url)
        got = httpx.get(there)
        assert got.content == body
        assert got.headers["content-type"].startswith("application/dicom; transfer-syntax=1.2.8")
        # As a client that follows sends it again: the bucket answers ranges itself.
        part = client.get(path, headers={**ASKED, "Range": "bytes=132-231"}, follow_redirects=True)
        assert part.status_code == 206
        assert part.content == body[132:232]
        # One object alone, unchanged and unwritten.
        assert httpx.put(there, content=b"x").status_code == 403
        assert httpx.get(there.replace("X-Amz-Expires=60", "X-Amz-Expires=600")).status_code == 403
        bucket = urlsplit(there)._replace(query="").geturl()
        assert httpx.get(bucket).status_code == 403


def test_what_the_bucket_does_not_hold_as_asked_leaves_from_the_node(
    tmp_path: Path, s3_server: S3Server, body: bytes
) -> None:
    with node_of(tmp_path, s3_server) as node, node.client() as client:
        path = store(node, body)
        move_to_bucket(node)
        for accept in (
            'multipart/related; type="application/dicom"; transfer-syntax=*',
            "application/dicom; transfer-syntax=1.2.840.10008.1.2.1.99",
        ):
            answer = client.get(path, headers={"Accept": accept, "Prefer": "redirect"})
            assert answer.status_code == 200
        frame = client.get(f"{path}/frames/1", headers={"Prefer": "redirect"})
        assert frame.status_code == 200
        etag = client.get(path, headers=WHOLE).headers["etag"]
        assert client.get(path, headers={**ASKED, "If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(("wanted", "status"), [("never", 200), ("always", 307)])
def test_a_setting_says_it_for_everyone(
    tmp_path: Path, s3_server: S3Server, body: bytes, wanted: str, status: int
) -> None:
    with node_of(tmp_path, s3_server, s3_redirect=wanted) as node, node.client() as client:
        path = store(node, body)
        move_to_bucket(node)
        headers = ASKED if wanted == "never" else WHOLE
        assert client.get(path, headers=headers).status_code == status
        study, _, instance = path.removeprefix("/studies/").partition("/series/")
        query = {
            "requestType": "WADO",
            "studyUID": study,
            "seriesUID": instance.partition("/")[0],
            "objectUID": instance.rpartition("/")[2],
            "contentType": "application/dicom",
        }
        assert client.get("/wado", params=query, headers=headers).status_code == status


def test_files_have_no_address_but_the_node(tmp_path: Path, body: bytes) -> None:
    with dicomweb_node(tmp_path, s3_redirect="always") as node, node.client() as client:
        assert client.get(store(node, body), headers=ASKED).content == body
