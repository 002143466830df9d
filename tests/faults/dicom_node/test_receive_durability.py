"""What was answered with success is kept, whatever happens to the process, the disk, the database.

MEDIVIEW_LONG_TESTS=1 runs the long forms: more kills, and PostgreSQL beside SQLite.
"""

import contextlib
import random
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3

from storage.core.errors import NotFound
from storage.dicom.file_meta import read_file_meta
from storage.peers.entities import KnownPeer
from storage.volumes.scan import scan, verify, volumes_in
from tests.dicom_node.builders import dcmtk
from tests.faults.pushing import Batch, Push, Sent
from tests.faults.raw_peer import RawPeer
from tests.faults.scp_process import LONG, ScpProcess, running_scp
from tests.mounts import free_bytes, mounted
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

ASSOCIATIONS = 4
KILLS = 30 if LONG else 5
OUT_OF_RESOURCES = 0xA700
MIB = 1 << 20
# Not yet sent at the last kill, however late a busy machine comes to it.
LEFT_AT_LAST_KILL = 500


@pytest.fixture(
    params=["sqlite", *(["postgresql"] if LONG else [])],
)
def database(request: pytest.FixtureRequest) -> dict[str, object]:
    if request.param == "sqlite":
        return {}
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return {"database_url": server.migrated_database()}


@pytest.mark.slow
def test_killed_at_any_moment_it_keeps_all_that_it_has_acknowledged(
    tmp_path: Path, database: Mapping[str, object]
) -> None:
    """2,000 instances over four associations, kill -9 in the midst of them again and again."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # pytest shows it when the test fails
    rng = random.Random(seed)
    batch = Batch(seed)
    shares = [[batch.make(series) for _ in range(500)] for series in range(ASSOCIATIONS)]
    sent = {one.sop_instance_uid: one for share in shares for one in share}
    with running_scp(tmp_path, database) as node:
        with node.storage() as storage:
            storage.peers.add(KnownPeer("findscu", ae_title="FINDSCU"))
        push = Push(node.port, shares)
        push.start()
        try:
            for left in range(KILLS, 0, -1):
                missing = len(sent) - LEFT_AT_LAST_KILL - len(push.acknowledged)
                until = len(push.acknowledged) + rng.randint(1, max(1, missing // left))
                node.wait_for(lambda until=until: len(push.acknowledged) >= until, 60)
                time.sleep(rng.uniform(0.0, 0.005))
                node.kill()
                assert push.is_running(), "everything had been sent before this kill"
                acknowledged = dict(push.acknowledged)
                node.migrate()
                assert_kept(node, batch, acknowledged, sent)
                node.start()
            push.join(PATIENCE_S)
        finally:
            push.stopped.set()
            push.join(PATIENCE_S)
        assert push.refused == []
        assert set(push.acknowledged) == set(sent)
        assert found_by_query(node, batch) == set(sent)
        assert node.stop() == 0
        assert_kept(node, batch, push.acknowledged, sent)


def assert_kept(
    node: ScpProcess, batch: Batch, acknowledged: Mapping[str, Sent], sent: Mapping[str, Sent]
) -> None:
    """All that was acknowledged is indexed, and all that is indexed is whole."""
    with node.storage() as storage:
        try:
            indexed = storage.index.instances_of(batch.study_instance_uid)
        except NotFound:
            indexed = []
        assert set(acknowledged) <= {instance.sop_instance_uid for instance in indexed}
        for instance in indexed:
            part10 = storage.instances.read(instance)
            data_set = part10[read_file_meta(part10).dataset_offset :]
            expected = sent[instance.sop_instance_uid].digest
            assert blake3(data_set).hexdigest() == expected == instance.digest
    for path in volumes_in(node.settings.data_dir / "volumes"):
        assert all(verify(path, record) for record in scan(path))


def found_by_query(node: ScpProcess, batch: Batch) -> set[str]:
    """SOP Instance UIDs that DCMTK's findscu gets told."""
    found = set()
    for series in batch.series_instance_uids:
        answer = dcmtk(
            "findscu",
            *("-v", "-S", "-aec", "MEDIVIEW", "127.0.0.1", str(node.port)),
            *("-k", "QueryRetrieveLevel=IMAGE"),
            *("-k", f"StudyInstanceUID={batch.study_instance_uid}"),
            *("-k", f"SeriesInstanceUID={series}", "-k", "SOPInstanceUID"),
        )
        assert answer.returncode == 0, answer.stderr
        for line in (answer.stdout + answer.stderr).splitlines():
            if "SOPInstanceUID" in line and "[" in line:
                found.add(line.split("[", 1)[1].split("]", 1)[0].rstrip("\0"))
    return found - {""}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 80 MiB beside the node's reserve."""
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=96m", "tmpfs"):
        yield disk


@pytest.mark.parametrize("mark", [0, 32 * MIB], ids=["to the last byte", "to the mark"])
@pytest.mark.slow
def test_a_full_disk_refuses_for_now_and_takes_again_when_there_is_room(
    small_disk: Path, tmp_path: Path, mark: int
) -> None:
    batch = Batch(1, side=512)
    with running_scp(
        small_disk, {"free_disk_mark_bytes": mark, "volume_size_bytes": 4 * MIB}
    ) as node:
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(24 * MIB))
        kept: dict[str, Sent] = {}
        with RawPeer(node.port) as peer:
            peer.associate()
            refused = fill(peer, batch, kept)
            # The association stands, and what is refused once is refused again.
            assert peer.store(refused.sop_instance_uid, refused.data_set) == OUT_OF_RESOURCES
            if mark:
                # It looks at the disk every 16 MiB, and the index needs some, too.
                assert mark - 20 * MIB < free_bytes(small_disk) < mark + 2 * MIB
            assert_kept(node, batch, kept, kept)
            assert node.answers()
            ballast.unlink()
            assert peer.store(refused.sop_instance_uid, refused.data_set) == 0x0000
            kept[refused.sop_instance_uid] = refused
            peer.release()
        assert "storage_full" in node.log_text()
        node.kill()
        node.migrate()
        assert_kept(node, batch, kept, kept)


def fill(peer: RawPeer, batch: Batch, kept: dict[str, Sent]) -> Sent:
    """Store until the node refuses; the instance that it refused."""
    for _ in range(200):
        one = batch.make()
        status = peer.store(one.sop_instance_uid, one.data_set)
        if status != 0x0000:
            assert status == OUT_OF_RESOURCES
            return one
        kept[one.sop_instance_uid] = one
    raise AssertionError("100 MB went onto a disk of 80")


def test_a_large_instance_that_fills_the_disk_leaves_nothing_behind(small_disk: Path) -> None:
    """It streams into a file of its own; when there is no room for it, the file goes."""
    batch = Batch(2)
    small, large = batch.make(), Batch(3, side=6500).make()  # 85 MB
    with running_scp(small_disk, {"free_disk_mark_bytes": 0}) as node:
        with RawPeer(node.port) as peer:
            peer.associate()
            assert peer.store(small.sop_instance_uid, small.data_set) == 0x0000
            for _ in range(3):
                status = peer.store(large.sop_instance_uid, large.data_set)
                assert status == OUT_OF_RESOURCES
                assert node.open_volumes() == 1, "that of the small instance"
            assert free_bytes(small_disk) > 70 * MIB
            another = batch.make()
            assert peer.store(another.sop_instance_uid, another.data_set) == 0x0000
            peer.release()
        kept = {one.sop_instance_uid: one for one in (small, another)}
        assert_kept(node, batch, kept, kept)


def test_a_read_only_data_folder_refuses_for_now_and_recovers_by_itself(tmp_path: Path) -> None:
    batch = Batch(4)
    with running_scp(tmp_path) as node:
        volumes = node.settings.data_dir / "volumes"
        first, second = batch.make(), batch.make()
        with RawPeer(node.port) as peer:
            peer.associate()
            with read_only(volumes):
                for one in (first, second):
                    assert peer.store(one.sop_instance_uid, one.data_set) == OUT_OF_RESOURCES
                assert node.answers()
            for one in (first, second):
                assert peer.store(one.sop_instance_uid, one.data_set) == 0x0000
            peer.release()
        assert "storage_unavailable" in node.log_text()
        kept = {one.sop_instance_uid: one for one in (first, second)}
        assert_kept(node, batch, kept, kept)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """No new file can be made in the folder, not even by root."""
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield


def test_a_stopped_database_refuses_for_now_and_no_restart_is_needed(
    tmp_path: Path, stoppable_postgres: PostgresServer
) -> None:
    server = stoppable_postgres
    batch = Batch(5)
    kept: dict[str, Sent] = {}

    def stored(peer: RawPeer, one: Sent) -> int:
        status = peer.store(one.sop_instance_uid, one.data_set)
        if status == 0x0000:
            kept[one.sop_instance_uid] = one
        return status

    with (
        running_scp(tmp_path, {"database_url": server.migrated_database()}) as node,
        RawPeer(node.port) as peer,
    ):
        peer.associate()
        assert stored(peer, batch.make()) == 0x0000
        with server.stopped():
            waiting = batch.make()
            assert stored(peer, waiting) == OUT_OF_RESOURCES
            assert stored(peer, waiting) == OUT_OF_RESOURCES
            with RawPeer(node.port) as another:
                another.associate()
                assert stored(another, waiting) == OUT_OF_RESOURCES
                another.release()
            assert node.answers()
        # The same association goes on, and a new one is served at once.
        assert stored(peer, waiting) == 0x0000
        with contextlib.closing(RawPeer(node.port).socket):
            assert node.answers()
        assert stored(peer, batch.make()) == 0x0000
        peer.release()
        assert "storage_unavailable" in node.log_text()
        assert_kept(node, batch, kept, kept)
        node.kill()
        node.migrate()
        assert_kept(node, batch, kept, kept)
