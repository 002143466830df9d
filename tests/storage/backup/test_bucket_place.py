"""Buckets of backups that answer in unusual ways."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from storage.backup.bucket_place import BucketPlace
from storage.backup.entities import BackupDamaged
from storage.core.errors import StorageUnavailable
from storage.settings import load_settings
from tests.trickling import trickling


@contextmanager
def bucket(raw: bytes) -> Iterator[str]:
    """Answers each request with these headers and this body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(raw)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def place(folder: Path, url: str) -> BucketPlace:
    settings = load_settings(
        data_dir=folder,
        backup_s3_endpoint_url=url,
        backup_s3_access_key_id="key",
        backup_s3_secret_access_key="secret",
    )
    return BucketPlace(settings, "s3://backups", "backups", "")


def test_an_answer_in_chunks_is_read_and_has_the_same_limit(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with bucket(head + b"4\r\nthat\r\n3\r\n is\r\n0\r\n\r\n") as url:
        there = place(tmp_path, url)
        assert there.get("pieces/ab", 7) == b"that is"
        with pytest.raises(BackupDamaged, match="7 bytes"):
            there.get("pieces/ab", 6)


def test_an_answer_that_is_cut_off_is_none(tmp_path: Path) -> None:
    with (
        bucket(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthat is") as url,
        pytest.raises(StorageUnavailable),
    ):
        place(tmp_path, url).get("pieces/ab", 100)


def test_headers_that_trickle_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.objects.s3_client._ANSWER_S", 0.6)
    with trickling() as server, pytest.raises(StorageUnavailable):
        place(tmp_path, server.url).get("pieces/ab", 100)
