"""MEDIVIEW_ACKNOWLEDGE=bucket: success once the bucket has what was sent."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dicom_node.commitment.check import failures_of
from dicom_node.normalized.requests import RESOURCE_LIMITATION
from dicom_node.scu import SendResult, send
from dicom_node.server.scp import start_scp
from storage.commitment.entities import Reference
from storage.container import open_storage
from storage.ingest import bucket_confirmation
from storage.ingest.bucket_confirmation import BucketConfirmation
from storage.settings import load_settings
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import Node, node_settings
from tests.faults.stoppable import Gate
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer
from tests.servers import S3Server

OUT_OF_RESOURCES = 0xA700
_BRIEFLY_S = 1.0
# Longer than any test, so that nothing depends on how fast a machine is.
_PAUSE_S = 600.0


@pytest.fixture
def gate(s3_server: S3Server) -> Iterator[Gate]:
    host, port = s3_server.endpoint_url.removeprefix("http://").split(":")
    gate = Gate((host, int(port)))
    gate.open()
    yield gate
    gate.shut()


@pytest.fixture
def node(
    postgres_server: PostgresServer,
    s3_server: S3Server,
    gate: Gate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Node]:
    """Whose way to the bucket is `gate`; nothing but its acknowledgements copies there."""
    monkeypatch.setattr(bucket_confirmation, "_PAUSE_S", _PAUSE_S)
    database = postgres_server.migrated_database()
    settings = node_settings(
        tmp_path,
        database_url=database,
        object_store="s3",
        s3_endpoint_url=f"http://127.0.0.1:{gate.port}",
        s3_bucket=s3_server.new_bucket(),
        s3_access_key_id=s3_server.access_key_id,
        s3_secret_access_key=s3_server.secret_access_key,
        acknowledge="bucket",
        acknowledge_within_s=PATIENCE_S,
    )
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)
    postgres_server.drop(database)


def store(node: Node, *files: bytes, calling: str = "CT") -> list[SendResult]:
    return list(send(map(item_of, files), peer=node.peer, calling_ae_title=calling))


def confirmation_of(node: Node) -> BucketConfirmation:
    confirmation = node.storage.ingest._store._confirmation
    assert confirmation is not None
    return confirmation


def in_bucket(node: Node, sop_instance_uid: str, part10_data_set: bytes) -> bool:
    one = node.instance(sop_instance_uid)
    key = one.location.object_key if one else ""
    return bool(key) and node.storage.objects.get(key).endswith(part10_data_set)


def test_a_success_is_in_the_bucket_by_then(node: Node) -> None:
    small, again = ct_instance(), ct_instance()
    # Beyond 8 MiB it comes in pieces, into a volume of its own.
    large = ct_instance(size=2300)

    results = store(node, *map(encoded, (small, large, again, again)))

    assert [one.status for one in results] == [0, 0, 0, 0]
    for one in (small, large, again):
        assert in_bucket(node, one.SOPInstanceUID, one.PixelData)


def test_associations_that_share_a_thread_wait_beside_each_other(node: Node) -> None:
    sent = [[ct_instance() for _ in range(12)] for _ in range(3)]
    statuses: list[int | None] = []

    def push(number: int) -> None:
        results = store(node, *map(encoded, sent[number]), calling=f"CT{number}")
        statuses.extend(one.status for one in results)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [0] * 36
    assert all(in_bucket(node, one.SOPInstanceUID, one.PixelData) for row in sent for one in row)


def test_without_the_bucket_it_is_refused_for_now_and_stored_when_sent_again(
    node: Node, gate: Gate
) -> None:
    first, second = ct_instance(), ct_instance()
    gate.shut()

    refused = store(node, encoded(first), encoded(second))

    assert [one.status for one in refused] == [OUT_OF_RESOURCES] * 2
    reference = Reference(first.SOPClassUID, first.SOPInstanceUID)
    storage = node.storage
    parts = storage.engine, storage.index, storage.instances, storage.peers
    # What is stored here alone may be seen, yet no sender may delete its own for it.
    assert failures_of(*parts, [reference], "CT", is_bucket_awaited=True) == {
        first.SOPInstanceUID: RESOURCE_LIMITATION
    }
    # The second was refused before it was stored: the disk does not fill up meanwhile.
    assert node.instance(second.SOPInstanceUID) is None
    gate.open()
    confirmation_of(node)._refused_until_s = 0.0
    assert [one.status for one in store(node, encoded(first), encoded(second))] == [0, 0]
    assert in_bucket(node, first.SOPInstanceUID, first.PixelData)
    assert failures_of(*parts, [reference], "CT", is_bucket_awaited=True) == {}


@contextmanager
def silent(gate: Gate) -> Iterator[None]:
    """The bucket takes connections and never answers."""
    gate.shut()
    with socket.create_server(("127.0.0.1", gate.port)):
        yield


def test_a_bucket_that_does_not_answer_keeps_nobody_longer_than_the_limit(
    node: Node, gate: Gate
) -> None:
    confirmation_of(node)._within_s = _BRIEFLY_S
    with silent(gate):
        began_s = time.monotonic()
        (refused,) = store(node, encoded(ct_instance()))
        took_s = time.monotonic() - began_s

    assert refused.status == OUT_OF_RESOURCES
    # The client of the bucket itself waits for 30 s, twice.
    assert _BRIEFLY_S <= took_s < 25


def test_what_cannot_be_kept_is_refused_as_a_setting(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a database_url of PostgreSQL, object_store s3"):
        load_settings(data_dir=tmp_path, acknowledge="bucket")
