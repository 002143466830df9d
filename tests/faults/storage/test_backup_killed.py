"""`mediview backup` and `restore` on a receiving node, killed in the middle of both.

`make backups` does it, ten times each.
"""

import random
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from blake3 import blake3

from storage.backup.key import BackupKey, new_key
from storage.backup.places import FolderPlace
from storage.backup.store import BackupStore
from storage.backup.verification import verify_backup
from storage.container import open_storage
from storage.core.errors import StorageUnavailable
from storage.dicom.file_meta import read_file_meta
from storage.settings import Settings
from tests.faults.pushing import Batch, Push, Sent
from tests.faults.scp_process import LONG, PROGRAM, running_scp
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.processes import ENDING_WITH_US
from tests.ready_processes import ReadyPopen
from tests.ready_processes import run as run_program

pytestmark = [
    pytest.mark.fault,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not LONG, reason="minutes: make backups"),
]

KILLS = 10
# Each is synced on its own, so that there is a middle to be killed in.
FILES = 150


def test_what_was_acknowledged_before_a_backup_is_in_it_however_often_it_was_killed(
    tmp_path: Path,
) -> None:
    place, key = tmp_path / "backups", new_key()
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # pytest shows it when the test fails
    batch = Batch(seed)
    shares = [[batch.make(series) for _ in range(5000)] for series in range(4)]
    sent = {one.sop_instance_uid: one for share in shares for one in share}
    with running_scp(tmp_path / "node") as node:
        keys = {"MEDIVIEW_BACKUP_TO": str(place), "MEDIVIEW_BACKUP_KEY": key}
        environment = node.environment | keys
        models = node.settings.data_dir / "models" / "many"
        models.mkdir(parents=True)
        for number in range(FILES):
            (models / f"{number}.bin").write_bytes(random.randbytes(500))
        push = Push(node.port, shares)
        push.start()
        try:
            node.wait_for(lambda: len(push.acknowledged) >= 50)
            for _ in range(KILLS):
                pieces = count_of(place / "pieces")
                kill_in_the_middle(
                    environment, ["backup"], lambda pieces=pieces: count_of(place) > pieces + 20
                )
            store = BackupStore(FolderPlace(place), BackupKey.parse(key))
            assert (len(store.cut_off()), store.whole()) == (KILLS, [])
            acknowledged = dict(push.acknowledged)
            done = run(environment, "backup")
            assert done.returncode == 0, done.stderr
            assert push.is_running(), "everything had been sent before the backup ended"
        finally:
            push.stopped.set()
            push.join(PATIENCE_S)
        assert store.cut_off() == []
        assert list(verify_backup(store, store.manifest())) == []
    restored = Settings(data_dir=tmp_path / "other")
    other = {**environment, "MEDIVIEW_DATA_DIR": str(restored.data_dir)}
    for _ in range(KILLS):
        files = count_of(restored.data_dir)
        kill_in_the_middle(
            other, ["restore"], lambda files=files: 20 < count_of(restored.data_dir) != files
        )
        with pytest.raises(StorageUnavailable, match="has not ended"):
            upgrade(restored)
    done = run(other, "restore")
    assert done.returncode == 0, done.stderr
    assert_whole(restored, acknowledged, sent, batch)


def assert_whole(
    settings: Settings, acknowledged: Mapping[str, Sent], sent: Mapping[str, Sent], batch: Batch
) -> None:
    """All that was acknowledged before, and of what came meanwhile each wholly or not at all."""
    with open_storage(settings) as storage:
        found = storage.index.instances_of(batch.study_instance_uid)
        assert set(acknowledged) <= {one.sop_instance_uid for one in found}
        for one in found:
            part10 = storage.instances.read(one)
            data_set = part10[read_file_meta(part10).dataset_offset :]
            assert blake3(data_set).hexdigest() == sent[one.sop_instance_uid].digest


def kill_in_the_middle(
    environment: Mapping[str, str], command: list[str], is_middle: Callable[[], bool]
) -> None:
    process = ReadyPopen(
        [*ENDING_WITH_US, PROGRAM, *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE_S
    while not is_middle():
        assert process.poll() is None, f"mediview {command[0]} ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    process.wait(PATIENCE_S)


def run(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_program(
        [PROGRAM, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def count_of(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))
