"""What was deleted stays deleted, whatever breaks; what comes again is there again."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Location
from storage.core.errors import NotFound
from storage.core.findings import Code, Finding
from storage.core.uids import derive_uid
from storage.db.engine import reading, writing
from storage.deletion.service import bury
from storage.dicom.part10 import read_header
from storage.index.insert_instance import NewInstance, insert_instances
from storage.index.tombstones import Deleted, Tombstone
from storage.maintenance.object_upload import upload_instances
from storage.objects.keys import object_key
from storage.reconciliation.reconcile import reconcile
from storage.settings import Settings, load_settings
from tests.migrated import upgrade
from tests.storage.deadlock import deadlocked, deadlocks
from tests.storage.instances import part10

STUDY = derive_uid("test", "study")
SERIES = derive_uid("test", "study", "series")


def uid(instance: str, series: str = "series", study: str = "study") -> str:
    return derive_uid("test", study, series, instance)


def fill(storage: Storage) -> None:
    for series in ("series", "other"):
        for number in range(3):
            storage.ingest.accept(part10(series=series, instance=str(number)), "stow")


def rows(storage: Storage) -> dict[str, int]:
    with reading(storage.engine) as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in t.metadata.tables.items()
        }


def close(storage: Storage) -> None:
    storage.volumes.close()
    storage.instances._volumes.close()


def test_a_study_goes_with_its_patient_its_objects_and_all_that_was_worked_out(
    storage: Storage,
) -> None:
    fill(storage)
    storage.ingest.accept(part10(instance="0", PatientID="P2"), "stow")
    job, _ = storage.jobs.schedule("p", "1", STUDY, SERIES, "f")
    storage.acceptance_decisions.record(
        Decision(STUDY, SERIES, "p", "1", "f", True, "", job.job_id, utcnow())
    )
    instances = storage.index.instances_of(STUDY)
    storage.deliveries.enqueue("pacs", instances, job.job_id)
    storage.findings.replace_for_job(job.job_id, [finding(job.job_id)])
    upload_instances(storage.engine, storage.instances, storage.objects, limit=10)
    keys = [object_key(one) for one in instances]
    storage.objects.put(f"metadata/v1/{STUDY}/{SERIES}.gz", b"x")

    gone = storage.deletions.study(STUDY)
    assert (gone.instance_count, gone.size_bytes) == (6, sum(i.size_bytes for i in instances))
    left = rows(storage)
    kept = {"tombstone", "uncopied_deletion", "event", "gone_work_item"}
    kept |= {"access_group", "access_state"}
    assert {name for name, count in left.items() if count} == kept
    assert storage.events.since(0)[-1].payload["change"] == "study_deleted"
    assert storage.deletions.purge() == 6
    assert not any(storage.objects.exists(key) for key in keys)
    assert list(storage.objects.list("metadata/")) == []
    with pytest.raises(NotFound):
        storage.deletions.study(STUDY)
    with pytest.raises(NotFound):
        storage.index.instance(uid("0"))


def finding(job_id: str) -> Finding:
    return Finding(
        "f1", job_id, STUDY, SERIES, "p", "1", "x", Code("1", "99X", "x"), 1.0, None, None,
        "t", derive_uid("t"), None, utcnow(),
    )  # fmt: skip


def test_a_series_and_an_instance_go_alone_and_the_rest_completes_again(storage: Storage) -> None:
    fill(storage)
    for series in storage.index.series_of(STUDY):
        storage.index.mark_complete(series, utcnow())
    storage.deletions.series(STUDY, derive_uid("test", "study", "other"))
    (series,) = storage.index.series_of(STUDY)
    assert (series.series_instance_uid, series.state) == (SERIES, "COMPLETE")
    storage.deletions.instance(uid("1"))
    (series,) = storage.index.series_of(STUDY)
    assert (series.state, series.instance_count) == ("RECEIVING", 2)
    storage.deletions.instance(uid("0"))
    storage.deletions.instance(uid("2"))
    with pytest.raises(NotFound):
        storage.index.study(STUDY)


def test_a_restart_brings_nothing_back_that_was_deleted(storage: Storage) -> None:
    fill(storage)
    storage.deletions.instance(uid("1"))
    close(storage)
    assert reconcile(storage.engine, storage.volumes.folder) == 0
    assert storage.index.study(STUDY).instance_count == 5
    again = storage.ingest.accept(part10(instance="1"), "stow")
    assert again.outcome == "stored"
    # A power cut takes its row; its record is younger than the tombstone.
    with writing(storage.engine) as connection:
        connection.execute(t.instance.delete().where(t.instance.c.sop_instance_uid == uid("1")))
    close(storage)
    assert reconcile(storage.engine, storage.volumes.folder) == 1
    instance = storage.index.instance(uid("1"))
    assert storage.instances.read(instance) == part10(instance="1")


def test_a_clock_that_was_set_back_loses_no_instance(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(storage)
    storage.deletions.study(STUDY)
    past = utcnow().replace(year=2001)
    monkeypatch.setattr("storage.volumes.writer.utcnow", lambda: past)
    storage.ingest.accept(part10(instance="1"), "stow")
    with writing(storage.engine) as connection:
        connection.execute(t.instance.delete())
    close(storage)
    assert reconcile(storage.engine, storage.volumes.folder) == 1
    assert storage.index.instance(uid("1")).received_at == past


def test_a_crash_after_the_tombstone_leaves_a_deletion_that_the_next_start_ends(
    storage: Storage,
) -> None:
    fill(storage)
    instances = storage.index.instances_of(STUDY)
    tombstone = Tombstone(
        STUDY,
        utcnow(),
        storage.volumes.generation.advance(),
        tuple(Deleted(i.sop_instance_uid, i.series_instance_uid, i.received_at) for i in instances),
    )
    storage.volumes.append_records([tombstone.record()])
    close(storage)
    assert storage.index.study(STUDY).instance_count == 6
    reconcile(storage.engine, storage.volumes.folder)
    with pytest.raises(NotFound):
        storage.index.study(STUDY)
    assert storage.deletions.purge() == 6


def test_a_crash_before_the_bucket_was_cleared_leaves_that_for_later(storage: Storage) -> None:
    fill(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, limit=10)
    storage.deletions.study(STUDY)
    storage.ingest.accept(part10(instance="1"), "stow")
    assert upload_instances(storage.engine, storage.instances, storage.objects, limit=10) == 0, (
        "the old object of the same name has to go first"
    )
    assert storage.deletions.purge() == 6
    assert upload_instances(storage.engine, storage.instances, storage.objects, limit=10) == 1
    assert storage.deletions.purge() == 0
    (key,) = storage.objects.list("dicom/")
    assert storage.objects.get(key) == part10(instance="1")


def test_another_process_that_remembers_the_series_goes_on(storage: Storage) -> None:
    with open_storage(storage.settings) as scp:
        scp.ingest.accept(part10(instance="1"), "dimse:A")
        storage.deletions.study(STUDY)
        assert scp.ingest.accept(part10(instance="1"), "dimse:A").outcome == "stored"
        assert scp.ingest.accept(part10(instance="2"), "dimse:A").outcome == "stored"
        assert storage.index.study(STUDY).instance_count == 2


def test_ids_that_are_given_out_again_never_mix_patients(storage: Storage) -> None:
    """SQLite gives the ids of deleted rows to the next ones."""
    with open_storage(storage.settings) as scp:
        scp.ingest.accept(part10(instance="1"), "dimse:A")
        storage.deletions.study(STUDY)
        storage.ingest.accept(part10(study="elsewhere", PatientID="P2"), "stow")
        scp.ingest.accept(part10(instance="2"), "dimse:A")
        assert storage.index.instance(uid("2")).study_instance_uid == STUDY
        other = storage.index.study(derive_uid("test", "elsewhere"))
        assert (other.patient_id, other.instance_count) == ("P2", 1)


@pytest.fixture(scope="module")
def sqlite_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(data_dir=tmp_path_factory.mktemp("data"))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from("rdcx"), st.integers(0, 3)), max_size=14))
@pytest.mark.slow
def test_whatever_the_order_the_rebuilt_index_holds_what_the_living_one_held(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """r: receive, d: delete, c: close the volume, x: lose all rows and reconcile."""
    configuration = load_settings(data_dir=tmp_path_factory.mktemp("data"))
    upgrade(configuration)
    held: set[int] = set()
    with open_storage(configuration) as storage:
        for step, number in [*steps, ("x", 0)]:
            if step == "r":
                storage.ingest.accept(part10(instance=str(number)), "stow")
                held.add(number)
            elif step == "d" and number in held:
                storage.deletions.instance(uid(str(number)))
                held.discard(number)
            elif step == "c":
                close(storage)
            elif step == "x":
                close(storage)
                lose_index(storage)
                reconcile(storage.engine, storage.volumes.folder)
                found = {one.sop_instance_uid for one in storage.index.instances_of(STUDY)}
                assert found == {uid(str(number)) for number in held}


def lose_index(storage: Storage) -> None:
    with writing(storage.engine) as connection:
        for table in ("instance", "conflict", "series", "study", "patient", "tombstone", "volume"):
            connection.execute(t.metadata.tables[table].delete())


def test_a_deletion_that_meets_a_deadlock_goes_on(postgres_engine: Engine) -> None:
    instance = NewInstance(
        read_header(part10()), Location("volume", 0, 1), "d", "stow", "received", utcnow()
    )
    insert_instances(postgres_engine, [instance])
    gone = Deleted(uid("instance"), SERIES, instance.received_at)
    tombstone = Tombstone(STUDY, utcnow(), 1, (gone,))
    assert deadlocked(postgres_engine, lambda: bury(postgres_engine, tombstone)) == 1
    # On a busy machine the one that tries again may meet it a second time.
    assert deadlocks(postgres_engine) >= 1
