"""The storage when things break under it: it says so, keeps its promise and recovers by itself."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from dicom_node.peers import Peer
from dicom_node.scu import send
from dicom_node.server.scp import start_scp
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StorageUnavailable
from storage.core.uids import derive_uid
from storage.db.engine import make_engine, reading, writing
from storage.index.driver.digest_lookup import DigestLookup
from storage.index.driver.instance_lookup import InstanceLookup
from storage.index.driver.write_connection import WriteConnection
from storage.maintenance.housekeeping import Housekeeper
from storage.maintenance.object_upload import is_behind
from storage.settings import Settings, load_settings
from tests.dicom_node.builders import item_of
from tests.faults.stoppable import Gate, StoppablePostgres
from tests.migrated import upgrade
from tests.mounts import mounted
from tests.postgres import postgres
from tests.servers import S3Server
from tests.storage.instances import part10

pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]


STUDY = derive_uid("test", "study")


@contextmanager
def node(settings: Settings) -> Iterator[tuple[Storage, Callable[[str], int | None]]]:
    """A receiving node, and how to push one instance to it: its C-STORE status."""
    with open_storage(settings) as storage:
        scp = start_scp(storage, 0)

        def push(name: str) -> int | None:
            peer = Peer("MEDIVIEW", "127.0.0.1", scp.port)
            (result,) = send(
                [item_of(part10(instance=name))],
                peer=peer,
                calling_ae_title="MODALITY",
                on_result=lambda _: None,
            )
            return result.status

        try:
            yield storage, push
        finally:
            scp.shutdown()


def test_a_database_that_is_stopped_and_started_loses_nothing(tmp_path: Path) -> None:
    with postgres() as server:
        database = StoppablePostgres(server)
        settings = load_settings(
            data_dir=tmp_path / "data", database_url=server.migrated_database()
        )
        upgrade(settings)
        try:
            with node(settings) as (storage, push):
                assert push("before") == 0
                assert push("deleted") == 0
                storage.deletions.instance(derive_uid("test", "study", "series", "deleted"))
                database.stop()
                assert push("during") == 0xA700, "not indexed, so not acknowledged"
                with pytest.raises(StorageUnavailable):
                    storage.index.study(STUDY)
                with pytest.raises(StorageUnavailable):
                    storage.deletions.study(STUDY)
                database.start()
                assert push("after") == 0
                assert push("during") == 0
                count = storage.index.study(STUDY).instance_count
                assert (count, type(count)) == (3, int)
            assert upgrade(settings) == 0, "the record that had no row is a duplicate by now"
            with open_storage(settings) as storage:
                for name in ("before", "during", "after"):
                    one = storage.index.instance(derive_uid("test", "study", "series", name))
                    content = part10(instance=name)
                    assert storage.instances.read(one)[-100:] == content[-100:]
        finally:
            database.close()


def test_a_bucket_out_of_reach_holds_nothing_up_and_settling_resumes(
    tmp_path: Path, s3_server: S3Server
) -> None:
    host, port = s3_server.endpoint_url.removeprefix("http://").split(":")
    gate = Gate((host, int(port)))
    gate.open()
    settings = load_settings(
        data_dir=tmp_path / "data",
        object_store="s3",
        s3_endpoint_url=f"http://127.0.0.1:{gate.port}",
        s3_bucket=s3_server.new_bucket(),
        s3_access_key_id=s3_server.access_key_id,
        s3_secret_access_key=s3_server.secret_access_key,
    )
    try:
        upgrade(settings)
        with node(settings) as (storage, push):
            keeper = Housekeeper(storage)
            assert push("1") == 0
            keeper.round(utcnow())
            assert not is_behind(storage.engine)
            gate.shut()
            assert push("2") == 0
            assert not keeper.round(utcnow())
            assert is_behind(storage.engine)
            for name in ("1", "2"):
                one = storage.index.instance(derive_uid("test", "study", "series", name))
                assert storage.instances.read(one, 128, 4) == b"DICM", "the volumes still read"
            storage.deletions.instance(derive_uid("test", "study", "series", "1"))
            gate.open()
            while keeper.round(utcnow()):
                pass
            assert not is_behind(storage.engine)
            (key,) = storage.objects.list("dicom/")
            assert key.endswith(f"/{derive_uid('test', 'study', 'series', '2')}.dcm")
    finally:
        gate.shut()


def test_a_read_only_data_folder_refuses_still_reads_and_recovers(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=0)
    upgrade(settings)
    folder = settings.data_dir / "volumes"
    with (
        mounted(folder, "-t", "tmpfs", "-o", "size=64m", "tmpfs"),
        node(settings) as (storage, push),
    ):
        assert push("1") == 0
        storage.volumes.close()
        storage.instances._volumes.close()
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        assert push("2") == 0xA700
        with pytest.raises(StorageUnavailable, match="data folder"):
            storage.deletions.study(STUDY)
        one = storage.index.instance(derive_uid("test", "study", "series", "1"))
        assert storage.instances.read(one, 128, 4) == b"DICM"
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
        assert push("2") == 0
        assert storage.index.study(STUDY).instance_count == 2


KILLED_WHILE_WRITING = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("DELETE FROM instance")
connection.commit()
os._exit(0)
"""


def test_an_index_that_was_opened_on_a_read_only_disk_is_written_once_that_is_over(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "disk"
    with mounted(folder, "-t", "tmpfs", "-o", "size=64m", "tmpfs"):
        settings = load_settings(data_dir=folder / "data", free_disk_mark_bytes=0)
        upgrade(settings)
        index = settings.data_dir / "index.sqlite3"
        # The write-ahead log stays, with which a file may be opened that cannot be written.
        subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, index], check=True)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        engine = make_engine(settings.resolved_database_url)
        try:
            with (
                pytest.raises(StorageUnavailable, match="readonly"),
                writing(engine) as connection,
            ):
                connection.execute(text("DELETE FROM instance"))
            subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
            with writing(engine) as connection:
                connection.execute(text("DELETE FROM instance"))
        finally:
            engine.dispose()


@pytest.mark.parametrize("other", ["reader", "lookup", "digests", "receiver", "storage"])
def test_connections_of_a_read_only_disk_keep_no_other_from_writing(
    tmp_path: Path, other: str
) -> None:
    """SQLite goes on as it began as long as a single connection of the process stays open."""
    folder = tmp_path / "disk"
    with mounted(folder, "-t", "tmpfs", "-o", "size=64m", "tmpfs"), ExitStack() as opened:
        settings = load_settings(data_dir=folder / "data", free_disk_mark_bytes=0)
        upgrade(settings)
        index = settings.data_dir / "index.sqlite3"
        subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, index], check=True)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        engine = make_engine(settings.resolved_database_url)
        opened.callback(engine.dispose)
        reads = ExitStack()
        if other == "reader":
            reads.enter_context(reading(engine)).execute(text("SELECT * FROM instance"))
        elif other == "lookup":
            lookup = InstanceLookup(engine)
            opened.callback(lookup.close)
            with pytest.raises(NotFound):
                lookup.instance("1.2.3")
        elif other == "digests":
            digests = DigestLookup(engine)
            opened.callback(digests.close)
            assert digests.digest_of("1.2.3") is None
        elif other == "receiver":
            receiving = WriteConnection(engine)
            opened.callback(receiving.close)
            receiving.kept.opened()
        else:
            second = make_engine(settings.resolved_database_url)
            opened.callback(second.dispose)
            with reading(second) as connection:
                connection.execute(text("SELECT * FROM instance"))
        with pytest.raises(StorageUnavailable), writing(engine) as connection:
            connection.execute(text("DELETE FROM instance"))
        reads.close()
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
        with suppress(StorageUnavailable), writing(engine) as connection:
            connection.execute(text("DELETE FROM instance"))
        with writing(engine) as connection:
            connection.execute(text("DELETE FROM instance"))


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
def test_a_series_completes_although_the_clock_jumped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    settings = load_settings(data_dir=tmp_path / "data")
    upgrade(settings)
    now = utcnow()
    with open_storage(settings) as storage:
        storage.ingest.accept(part10(instance="1"), "stow")
        monkeypatch.setattr("storage.volumes.writer.utcnow", lambda: now + jump)
        storage.ingest.accept(part10(instance="2"), "stow")
        later = now + jump + timedelta(seconds=10)
        (series,) = storage.index.quiet_series(later, 5.0, 3600.0)
        complete = storage.index.mark_complete(series, later)
        assert complete is not None
        assert complete.instance_count == 2
        monkeypatch.setattr("storage.volumes.writer.utcnow", lambda: now)
        storage.ingest.accept(part10(instance="3"), "stow")
        (series,) = storage.index.quiet_series(now + timedelta(seconds=10), 5.0, 3600.0)
        assert storage.index.mark_complete(series, now + timedelta(seconds=10)) is not None
