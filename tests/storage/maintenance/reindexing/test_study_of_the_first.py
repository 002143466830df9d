"""A study stays that of the patient who came first, in whichever volume that lies."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from storage import tables as t
from storage.access_groups.decisions import AccessDecisions
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.db.engine import reading, writing
from storage.dicom.digests import digest_of
from storage.dicom.part10 import read_header
from storage.maintenance.object_upload import upload_instances
from storage.maintenance.reindexing.reindex import rebuild_from, reindex
from storage.reconciliation.reconcile import reconcile
from storage.volumes.scan import volumes_in
from tests.storage.deletion.test_deleting import close
from tests.storage.instances import part10
from tests.storage.maintenance.reindexing.test_verify_reindex import emptied

pytestmark = pytest.mark.slow_on_postgresql

STUDY = derive_uid("test", "S")
OWNER = {"PatientID": "OWNER", "PatientName": "Owner^Olga", "AccessionNumber": "1"}
INTRUDER = {"PatientID": "INTRUDER", "PatientName": "Intruder^Ivan", "AccessionNumber": "2"}


@pytest.fixture
def strangers(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """The process that serves strangers: its volume was begun an hour before all others."""
    with open_storage(storage.settings) as other:
        with monkeypatch.context() as earlier:
            earlier.setattr("storage.volumes.files.utcnow", lambda: utcnow() - timedelta(hours=1))
            other.ingest.accept(part10(study="of a stranger"), "dimse:STRANGER")
        yield other


@pytest.fixture
def joined(storage: Storage, strangers: Storage) -> Storage:
    """The owner's study, and then one instance of another patient in it, by a stranger."""
    storage.ingest.accept(part10(study="S", **OWNER), "dimse:CT1")
    strangers.ingest.accept(part10(study="S", series="evil", **INTRUDER), "dimse:STRANGER")
    begun_first, *_ = sorted(volumes_in(storage.volumes.folder))
    assert b"STRANGER" in begun_first.read_bytes()
    assert whose(storage) == ("Owner^Olga", "OWNER", "dimse:CT1")
    close(strangers)
    close(storage)
    return storage


def whose(storage: Storage) -> tuple[str, str, str]:
    """The patient of the study, and who sent what decides who sees it."""
    ((name, patient_id),) = storage.index.patients_of([STUDY]).values()
    first = AccessDecisions(storage.engine).first_instance(STUDY)
    assert first is not None
    return name, patient_id, first.source


def test_after_a_rebuild_from_volumes(joined: Storage, request: pytest.FixtureRequest) -> None:
    settings = emptied(joined.settings, request)
    assert reindex(settings, "volumes").instances == 3
    with open_storage(settings) as rebuilt:
        assert whose(rebuilt) == ("Owner^Olga", "OWNER", "dimse:CT1")


def test_after_a_rebuild_from_volumes_in_the_bucket(
    joined: Storage, request: pytest.FixtureRequest
) -> None:
    for path in volumes_in(joined.volumes.folder):
        joined.objects.put(f"volumes/{path.name}", path.read_bytes())
        path.unlink()
    settings = emptied(joined.settings, request)
    assert reindex(settings, "bucket", joined.objects).instances == 3
    with open_storage(settings) as rebuilt:
        assert whose(rebuilt) == ("Owner^Olga", "OWNER", "dimse:CT1")


def test_after_a_rebuild_where_the_first_is_in_the_bucket_alone(
    joined: Storage, request: pytest.FixtureRequest
) -> None:
    assert upload_instances(joined.engine, joined.instances, joined.objects, 10) == 3
    of_owner = next(path for path in volumes_in(joined.volumes.folder) if holds(path, b"CT1"))
    of_owner.unlink()
    settings = emptied(joined.settings, request)
    assert rebuild_from(settings, joined.objects).instances == 3
    with open_storage(settings) as rebuilt:
        assert whose(rebuilt) == ("Owner^Olga", "OWNER", "dimse:CT1")


def test_after_a_rebuild_from_objects_alone_senders_and_results_are_known(
    joined: Storage, request: pytest.FixtureRequest
) -> None:
    joined.ingest.accept(part10(study="S", series="result", **OWNER), "result:1", "generated")
    close(joined)
    before = senders(joined)
    assert upload_instances(joined.engine, joined.instances, joined.objects, 10) == 4
    settings = emptied(joined.settings, request)
    assert reindex(settings, "bucket", joined.objects).instances == 4
    with open_storage(settings) as rebuilt:
        assert senders(rebuilt) == before
        assert whose(rebuilt) == ("Owner^Olga", "OWNER", "dimse:CT1")


def senders(storage: Storage) -> list[Any]:
    """Who sent what by which way, and when; and what the node made."""
    c = t.instance.c
    wanted = (c.sop_instance_uid, c.source, c.called_ae_title, c.peer_address, c.received_at)
    with reading(storage.engine) as connection:
        rows = connection.execute(
            select(*wanted, t.series.c.origin)
            .join(t.series, c.series_fk == t.series.c.id)
            .order_by(c.sop_instance_uid)
        )
        return [tuple(row) for row in rows]


def holds(path: Path, words: bytes) -> bool:
    return words in path.read_bytes()


def test_after_a_start_with_an_older_database(joined: Storage) -> None:
    with writing(joined.engine) as connection:
        for table in (t.instance, t.series, t.study, t.patient, t.volume):
            connection.execute(delete(table))
    assert reconcile(joined.engine, joined.volumes.folder) == 3
    assert whose(joined) == ("Owner^Olga", "OWNER", "dimse:CT1")


@pytest.fixture
def race(storage: Storage, strangers: Storage) -> Storage:
    """Ten UIDs under which two contents came at the same moment, the owner's first: neither record
    says that another was there."""
    for number in range(10):
        uid = derive_uid("test", "S", "series", str(number))
        for sender, study, patient in ((storage, "S", OWNER), (strangers, "EVIL", INTRUDER)):
            content = part10(study=study, instance=str(number), SOPInstanceUID=uid, **patient)
            received_without_a_look(sender, content)
    close(strangers)
    close(storage)
    return storage


def received_without_a_look(storage: Storage, content: bytes) -> None:
    header = read_header(content)
    storage.volumes.append(
        content,
        dataset_offset=header.dataset_offset,
        digest=digest_of(memoryview(content)[header.dataset_offset :]),
        source="race",
        origin="received",
    )


def of_the_race(storage: Storage) -> tuple[set[str], int, list[str]]:
    """Whose the instances of the race are, how many lie in the owner's study, and all studies."""
    with reading(storage.engine) as connection:
        studies = list(connection.execute(select(t.study.c.study_instance_uid)).scalars())
    instances = storage.index.instances_of(STUDY)
    contents = [storage.instances.read(one) for one in instances]
    patients = {"OWNER" if b"OWNER" in one else "INTRUDER" for one in contents}
    return patients, len(instances), sorted(studies)


EXPECTED = ({"OWNER"}, 10, sorted((STUDY, derive_uid("test", "of a stranger"))))


def test_contents_that_came_at_once_go_to_the_first_in_a_rebuild(
    race: Storage, request: pytest.FixtureRequest
) -> None:
    settings = emptied(race.settings, request)
    done = reindex(settings, "volumes")
    assert (done.instances, done.conflicts) == (11, 10)
    with open_storage(settings) as rebuilt:
        assert of_the_race(rebuilt) == EXPECTED


def test_contents_that_came_at_once_go_to_the_first_at_a_start(race: Storage) -> None:
    with writing(race.engine) as connection:
        for table in (t.conflict, t.instance, t.series, t.study, t.patient, t.volume):
            connection.execute(delete(table))
    reconcile(race.engine, race.volumes.folder)
    assert of_the_race(race) == EXPECTED
    with reading(race.engine) as connection:
        assert len(connection.execute(select(t.conflict.c.id)).all()) == 10
