"""What is wrong is named with its remedy; a lost index is rebuilt from what remains."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.errors import InvalidRequest
from storage.core.uids import derive_uid
from storage.db.engine import reading, writing
from storage.deletion.copies_in_bucket import copy_deletions
from storage.maintenance.conflicts.copies import copy_conflicts, remove_left_copies
from storage.maintenance.object_upload import upload_instances, upload_volume
from storage.maintenance.reindexing.reindex import reindex
from storage.maintenance.statistics import statistics
from storage.settings import Settings
from storage.volumes.scan import volumes_in
from tests.migrated import upgrade
from tests.ready_processes import run
from tests.storage.deletion.test_deleting import STUDY, close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.checked_storage import fill, problems_of

pytestmark = pytest.mark.slow_on_postgresql

ROOT = Path(__file__).parents[4]


def snapshot(storage: Storage) -> tuple[Any, ...]:
    """What must be as before, however the database was lost."""
    with reading(storage.engine) as connection:
        columns = [c for c in t.instance.columns if c.name not in ("id", "series_fk", "object_key")]
        instances = connection.execute(select(*columns).order_by("sop_instance_uid")).all()
        conflicts = connection.execute(
            select(t.conflict.c.sop_instance_uid, t.conflict.c.digest).order_by("digest")
        ).all()
        series = connection.execute(
            select(t.series.c.series_instance_uid,
                   t.series.c.origin).order_by("series_instance_uid")
        ).all()  # fmt: skip
    return instances, conflicts, series


def emptied(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    if not settings.database_url:
        return settings.model_copy(
            update={"database_url": f"sqlite:///{settings.data_dir.absolute()}/new.sqlite3"}
        )
    server = request.getfixturevalue("postgres_server")
    return settings.model_copy(update={"database_url": server.migrated_database()})


def test_the_index_is_rebuilt_from_the_volumes_alone(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    fill(storage)
    storage.ingest.accept(part10(instance="2", PatientID="P2"), "stow")
    close(storage)
    storage.deletions.instance(uid("0"))
    storage.deletions.instance(uid("1"))
    storage.ingest.accept(part10(instance="1", PatientID="P3"), "stow")
    storage.ingest.accept(part10(series="result"), "result:1", "generated")
    close(storage)
    before = snapshot(storage)
    with pytest.raises(InvalidRequest, match="empty"):
        reindex(storage.settings, "volumes")
    # Whatever their names say about the order.
    for path in volumes_in(storage.volumes.folder):
        path.rename(path.with_name(f"{random.randrange(10**9)}.mvv"))
    settings = emptied(storage.settings, request)
    stated: list[tuple[int, int]] = []
    done = reindex(settings, "volumes", tell=lambda *state: stated.append(state))
    assert (done.instances, done.conflicts, done.deleted) == (4, 1, 2)
    assert stated[-1][0] == stated[-1][1]
    upgrade(settings)
    with open_storage(settings) as rebuilt:
        assert strip_places(snapshot(rebuilt)) == strip_places(before)
        assert problems_of(rebuilt) == {}
        content = rebuilt.instances.read(rebuilt.index.instance(uid("1")))
        assert content == part10(instance="1", PatientID="P3")


def strip_places(found: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [c.name for c in t.instance.columns if c.name not in ("id", "series_fk", "object_key")]
    volume = names.index("volume")
    return ([tuple(row[:volume]) for row in found[0]], *found[1:])


@pytest.mark.parametrize("layout", ["instances", "volumes"])
def test_the_index_is_rebuilt_from_the_bucket_alone(
    storage: Storage, request: pytest.FixtureRequest, layout: str
) -> None:
    fill(storage)
    close(storage)
    if layout == "instances":
        upload_instances(storage.engine, storage.instances, storage.objects, 10)
        storage.deletions.instance(uid("0"))
        storage.deletions.purge()
    else:
        storage.deletions.instance(uid("0"))
        close(storage)
        upload_volume(storage.engine, storage.volumes.folder, storage.objects)
        for path in volumes_in(storage.volumes.folder):
            storage.objects.put(f"volumes/{path.name}", path.read_bytes())
    for path in volumes_in(storage.volumes.folder):
        path.unlink()
    settings = emptied(storage.settings, request)
    done = reindex(settings, "bucket", storage.objects)
    assert done.instances == 3
    with open_storage(settings) as rebuilt:
        for number in "123":
            one = rebuilt.index.instance(uid(number))
            assert rebuilt.instances.read(one) == part10(instance=number)
            assert one.source == "dimse:A"
        assert problems_of(rebuilt) == {}


def test_what_waits_for_a_decision_is_rebuilt_from_the_bucket_alone(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    fill(storage)
    for name in ("first", "second"):
        storage.ingest.accept(part10(instance="1", PatientComments=name), "dimse:LATE")
    folder = storage.volumes.folder
    copy_conflicts(storage.engine, folder, storage.objects, 10)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    first, second = sorted(storage.conflicts.page(10, 0)[0], key=lambda one: one.conflict_id)
    storage.conflicts.discard(first.conflict_id)
    copy_deletions(storage.engine, storage.objects)
    close(storage)
    for path in volumes_in(folder):
        path.unlink()

    settings = emptied(storage.settings, request)
    done = reindex(settings, "bucket", storage.objects)

    assert (done.conflicts, done.deleted, done.refused) == (1, 1, 0)
    with open_storage(settings) as rebuilt:
        (waiting,), _ = rebuilt.conflicts.page(10, 0)
        assert (waiting.digest, waiting.source) == (second.digest, "dimse:LATE")
        assert waiting.received_at == second.received_at
        seen = b"".join(rebuilt.conflicts.pieces(waiting))
        assert seen == part10(instance="1", PatientComments="second")
        assert remove_left_copies(rebuilt.engine, rebuilt.objects) == 1
        assert list(rebuilt.objects.list("conflicts/")) == [waiting.location.object_key]


def test_of_two_with_one_uid_the_first_received_wins_in_any_order_of_volumes(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    storage.ingest.accept(part10(), "first")
    close(storage)
    storage.ingest.accept(part10(PatientID="P2"), "second")
    close(storage)
    first, second = sorted(
        volumes_in(storage.volumes.folder),
        key=lambda path: path.name != storage.index.instances_of(STUDY)[0].location.volume,
    )
    first.rename(first.with_name("2.mvv"))
    second.rename(second.with_name("1.mvv"))
    settings = emptied(storage.settings, request)
    reindex(settings, "volumes")
    with open_storage(settings) as rebuilt:
        (one,) = rebuilt.index.instances_of(STUDY)
        assert one.source == "first"
        assert rebuilt.instances.read(one) == part10()
        with reading(rebuilt.engine) as connection:
            (conflict,) = connection.execute(select(t.conflict)).all()
        assert (conflict.volume, conflict.source) == ("1.mvv", "second")


def mediview(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "MEDIVIEW_DATA_DIR": str(settings.data_dir.absolute()),
        "MEDIVIEW_VOLUME_GRACE_S": "0",
        "NO_COLOR": "1",
    }
    return run(
        [sys.executable, "-m", "api.cli", "storage", *arguments],
        check=False, capture_output=True, text=True, env=environment, cwd=ROOT,
    )  # fmt: skip


@pytest.mark.slow
def test_the_commands_say_what_they_did_and_end_as_they_should(tmp_path: Path) -> None:
    from storage.settings import load_settings

    settings = load_settings(data_dir=tmp_path / "data")
    upgrade(settings)
    with open_storage(settings) as storage:
        for number in range(20):
            dated = part10(instance=str(number), StudyDate="20240131", Rows=100, Columns=500,
                           PixelData=bytes(100_000))  # fmt: skip
            storage.ingest.accept(dated, "stow")
    assert mediview(settings, "verify").returncode == 0
    counted = json.loads(mediview(settings, "stats", "--json").stdout)
    assert (counted["studies"], counted["instances"], counted["volumes"]) == (1, 20, 1)
    assert "instances" in mediview(settings, "stats").stdout
    exported = mediview(settings, "export", STUDY, "--to", str(tmp_path / "x.zip"))
    assert exported.returncode == 0
    assert "StudyTime" in exported.stderr
    series = derive_uid("test", "study", "series")
    deleted = mediview(settings, "delete", STUDY, "--series", series, "--yes")
    assert "20 instances deleted" in deleted.stdout
    assert "1 volumes rewritten" in mediview(settings, "compact").stdout
    assert json.loads(mediview(settings, "stats", "--json").stdout)["volume_bytes"] < 10_000
    refused = mediview(settings, "export", STUDY, "--to", str(tmp_path / "y"))
    assert refused.returncode == 1
    assert "holds no study" in refused.stderr
    (settings.data_dir / "index.sqlite3").rename(tmp_path / "away")
    rebuilt = mediview(settings, "reindex")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert "0 instances indexed" in rebuilt.stdout


def test_statistics_tell_live_from_dead(storage: Storage) -> None:
    fill(storage)
    storage.deletions.instance(uid("0"))
    found = statistics(storage.settings, storage.engine, storage.volumes)
    assert (found.instances, found.tombstones, found.open_volumes) == (3, 1, 1)
    assert found.dead_bytes > 0
    with writing(storage.engine) as connection:
        connection.execute(update(t.instance).values(object_key="x"))
    assert statistics(storage.settings, storage.engine, storage.volumes).waiting_for_bucket == 0
