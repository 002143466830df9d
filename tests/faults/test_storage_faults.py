"""The storage when things break under it: it says so, keeps its promise and recovers by itself."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dicom_node.peers import Peer
from dicom_node.scu import send
from dicom_node.server import start_scp
from storage.clock import utcnow
from storage.errors import NotFound, StorageUnavailable
from storage.housekeeping import Housekeeper
from storage.migrate import upgrade
from storage.opening import Storage, open_storage
from storage.reindex import reindex
from storage.settings import Settings, load_settings
from storage.settle import settle, unsettled
from storage.uids import derive_uid
from storage.volume_scan import volumes_in
from tests.dicom_node.builders import item_of
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer, postgres
from tests.servers import S3Server
from tests.services import free_port
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


class StoppablePostgres:
    """A PostgreSQL of the test's own that is stopped and started again in its folder."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        with psycopg.connect(server.url("postgres")) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        self._data = Path(row[0])
        self._pid = int((self._data / "postmaster.pid").read_text().split()[0])
        command = Path(f"/proc/{self._pid}/cmdline").read_bytes().split(b"\0")[:-1]
        self._command = [os.fsdecode(part) for part in command]
        self._owner = self._data.stat()
        self._again: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        os.kill(self._pid, signal.SIGQUIT)  # at once, as a crash would
        deadline = time.monotonic() + PATIENCE_S
        while self._answers():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)

    def start(self) -> None:
        # A crash leaves it; the process that it names is this test's own and gone.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            as_user = {"user": self._owner.st_uid, "group": self._owner.st_gid, "extra_groups": []}
        self._again = subprocess.Popen(
            self._command, cwd=self._data, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **as_user,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def close(self) -> None:
        if self._again is not None:
            self._again.send_signal(signal.SIGINT)
            self._again.wait(PATIENCE_S)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.server.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def test_a_database_that_is_stopped_and_started_loses_nothing(tmp_path: Path) -> None:
    with postgres() as server:
        database = StoppablePostgres(server)
        settings = load_settings(data_dir=tmp_path / "data", database_url=server.new_database())
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


class Gate:
    """A TCP way to the bucket that can be shut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.port = free_port()
        self._target = target
        self._listener: socket.socket | None = None
        self._pairs: list[socket.socket] = []

    def open(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        pairs, self._pairs = self._pairs, []
        for one in pairs:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self._pairs += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=_pipe, args=(source, target), daemon=True).start()


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


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
            assert not unsettled(storage.engine)
            gate.shut()
            assert push("2") == 0
            assert not keeper.round(utcnow())
            assert unsettled(storage.engine)
            for name in ("1", "2"):
                one = storage.index.instance(derive_uid("test", "study", "series", name))
                assert storage.instances.read(one, 128, 4) == b"DICM", "the volumes still read"
            storage.deletions.instance(derive_uid("test", "study", "series", "1"))
            gate.open()
            while keeper.round(utcnow()):
                pass
            assert not unsettled(storage.engine)
            (key,) = storage.objects.list("dicom/")
            assert key.endswith(f"/{derive_uid('test', 'study', 'series', '2')}.dcm")
    finally:
        gate.shut()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a folder read-only")
def test_a_read_only_data_folder_refuses_still_reads_and_recovers(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=0)
    upgrade(settings)
    folder = settings.data_dir / "volumes"
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=True)
    try:
        with node(settings) as (storage, push):
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
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
def test_a_series_completes_although_the_clock_jumped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    settings = load_settings(data_dir=tmp_path / "data")
    upgrade(settings)
    now = utcnow()
    with open_storage(settings) as storage:
        storage.ingest.accept(part10(instance="1"), "stow")
        monkeypatch.setattr("storage.volumes.utcnow", lambda: now + jump)
        storage.ingest.accept(part10(instance="2"), "stow")
        later = now + jump + timedelta(seconds=10)
        (series,) = storage.index.quiet_series(later, 5.0, 3600.0)
        complete = storage.index.mark_complete(series, later)
        assert complete is not None
        assert complete.instance_count == 2
        monkeypatch.setattr("storage.volumes.utcnow", lambda: now)
        storage.ingest.accept(part10(instance="3"), "stow")
        (series,) = storage.index.quiet_series(now + timedelta(seconds=10), 5.0, 3600.0)
        assert storage.index.mark_complete(series, now + timedelta(seconds=10)) is not None


DELETE_ALL = """
import sys
from storage.opening import open_storage
from storage.settings import load_settings
with open_storage(load_settings(data_dir=sys.argv[1])) as storage:
    studies = sys.stdin.read().split()
    print("begun", flush=True)
    for study_instance_uid in studies:
        storage.deletions.study(study_instance_uid)
        print(study_instance_uid, flush=True)
        storage.deletions.purge()
"""


def test_kill_9_in_the_middle_of_deleting_leaves_each_study_whole_or_gone(tmp_path: Path) -> None:
    for round_number in range(4):
        settings = load_settings(data_dir=tmp_path / str(round_number))
        upgrade(settings)
        studies = [derive_uid("test", str(n)) for n in range(60)]
        with open_storage(settings) as storage:
            for number in range(len(studies)):
                for name in ("1", "2", "3"):
                    storage.ingest.accept(part10(study=str(number), instance=name), "stow")
            settle(storage.engine, storage.instances, storage.objects, 1000)
        process = subprocess.Popen(
            [sys.executable, "-c", DELETE_ALL, str(settings.data_dir)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n".join(studies).encode())
        process.stdin.close()
        assert process.stdout.readline() == b"begun\n"
        time.sleep(random.uniform(0.05, 0.4))
        process.kill()
        told = process.stdout.read().decode().split()
        process.stdout.close()
        process.wait()

        upgrade(settings)
        with open_storage(settings) as storage:
            storage.deletions.purge(10_000)
            gone = set(studies) - kept_whole(storage, studies)
            assert {line for line in told if line in studies} <= gone
            assert len(gone) <= len(told) + 1
            assert not [key for key in storage.objects.list("dicom/") if key.split("/")[1] in gone]
            before = {study: storage.index.contents_of(study) for study in studies}
        # The volumes alone say the same.
        shutil.copytree(settings.data_dir / "volumes", tmp_path / f"{round_number}b" / "volumes")
        alone = load_settings(data_dir=tmp_path / f"{round_number}b")
        reindex(alone, "volumes")
        with open_storage(alone) as storage:
            assert {study: storage.index.contents_of(study) for study in studies} == before
        assert volumes_in(alone.data_dir / "volumes")


def kept_whole(storage: Storage, studies: list[str]) -> set[str]:
    kept = set()
    for number, study in enumerate(studies):
        with suppress(NotFound):
            assert storage.index.study(study).instance_count == 3
            for one in storage.index.instances_of(study):
                name = next(
                    n for n in "123"
                    if derive_uid("test", str(number), "series", n) == one.sop_instance_uid
                )  # fmt: skip
                assert storage.instances.read(one) == part10(study=str(number), instance=name)
            kept.add(study)
    return kept
