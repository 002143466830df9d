"""Killed in the middle of deleting, a node has each study whole or not at all."""

import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from storage.container import Storage, open_storage
from storage.core.errors import NotFound
from storage.core.uids import derive_uid
from storage.maintenance.object_upload import upload_instances
from storage.maintenance.reindexing.reindex import reindex
from storage.settings import load_settings
from storage.volumes.scan import volumes_in
from tests.migrated import upgrade
from tests.ready_processes import ReadyPopen
from tests.storage.instances import part10

pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]


DELETE_ALL = """
import sys
from storage.container import open_storage
from storage.settings import load_settings
with open_storage(load_settings(data_dir=sys.argv[1])) as storage:
    studies = sys.stdin.read().split()
    print("begun", flush=True)
    for study_instance_uid in studies:
        storage.deletions.study(study_instance_uid)
        print(study_instance_uid, flush=True)
        storage.deletions.purge()
"""


@pytest.mark.slow
def test_kill_9_in_the_middle_of_deleting_leaves_each_study_whole_or_gone(tmp_path: Path) -> None:
    for round_number in range(4):
        settings = load_settings(data_dir=tmp_path / str(round_number))
        upgrade(settings)
        studies = [derive_uid("test", str(n)) for n in range(60)]
        with open_storage(settings) as storage:
            for number in range(len(studies)):
                for name in ("1", "2", "3"):
                    storage.ingest.accept(part10(study=str(number), instance=name), "stow")
            upload_instances(storage.engine, storage.instances, storage.objects, 1000)
        process = ReadyPopen(
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
        output = process.stdout.read().decode().split()
        process.stdout.close()
        process.wait()

        upgrade(settings)
        with open_storage(settings) as storage:
            storage.deletions.purge(10_000)
            gone = set(studies) - kept_whole(storage, studies)
            assert {line for line in output if line in studies} <= gone
            assert len(gone) <= len(output) + 1
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
