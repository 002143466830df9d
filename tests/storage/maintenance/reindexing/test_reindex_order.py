"""Of two contents under one UID the first received stays, also where the clock was set back."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, true
from structlog.testing import capture_logs

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.db.engine import reading, writing
from storage.dicom.digests import digest_of
from storage.dicom.part10 import read_header
from storage.ingest.instance_stream import SPILL_BYTES
from storage.integrity.bucket_copy import BucketCopy, not_uploaded
from storage.maintenance.reindexing.reindex import rebuild_from, reindex
from storage.maintenance.volume_rewriting import rewrite
from storage.objects.keys import object_key
from storage.reconciliation.reconcile import reconcile
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import volumes_in
from tests.storage.deletion.test_deleting import STUDY, close
from tests.storage.instances import part10
from tests.storage.maintenance.reindexing.test_verify_reindex import emptied

pytestmark = pytest.mark.slow_on_postgresql

Receive = Callable[[Storage, bytes, str], None]


def at_once(storage: Storage, content: bytes, source: str) -> None:
    storage.ingest.accept(content, source)


def in_pieces(storage: Storage, content: bytes, source: str) -> None:
    """As an instance that is too large for memory."""
    stream = storage.ingest.open_stream(source)
    stream.write(content)
    stream.finish()


def by_an_earlier_version(storage: Storage, content: bytes, source: str) -> None:
    """A record that says nothing of what was stored when it came."""
    header = read_header(content)
    storage.volumes.append(
        content,
        dataset_offset=header.dataset_offset,
        digest=digest_of(memoryview(content)[header.dataset_offset :]),
        source=source,
        origin="received",
    )


SetBack = Callable[[int], None]


@pytest.fixture
def set_back(monkeypatch: pytest.MonkeyPatch) -> SetBack:
    """Sets the clock of the receiver to so many days ago."""

    def set_back(days: int) -> None:
        for module in ("writer", "large_instance", "files"):
            monkeypatch.setattr(
                f"storage.volumes.{module}.utcnow", lambda: utcnow() - timedelta(days=days)
            )

    return set_back


def winner(storage: Storage) -> tuple[str, list[str]]:
    """Where what is stored came from, and what is kept aside."""
    with reading(storage.engine) as connection:
        aside = list(connection.execute(select(t.conflict.c.source)).scalars())
    (one,) = storage.index.instances_of(STUDY)
    return one.source, aside


def after_reindex(storage: Storage, request: pytest.FixtureRequest) -> tuple[str, list[str]]:
    close(storage)
    settings = emptied(storage.settings, request)
    reindex(settings, "volumes")
    with open_storage(settings) as rebuilt:
        return winner(rebuilt)


def content(source: str, receive: Receive) -> bytes:
    pixels = bytes(2 * SPILL_BYTES if receive is in_pieces else 12)
    return part10(PatientID=source, PixelData=pixels)


@pytest.mark.parametrize(
    ("receive", "in_one_volume"),
    [(at_once, False), (at_once, True), (in_pieces, False), (by_an_earlier_version, True)],
)
def test_the_first_stays_although_the_second_bears_an_earlier_time(
    storage: Storage,
    request: pytest.FixtureRequest,
    set_back: SetBack,
    receive: Receive,
    in_one_volume: bool,
) -> None:
    if receive is by_an_earlier_version:
        # Beyond a volume's beginning nothing but the time tells a copy from what arrived there.
        set_back(2)
        storage.ingest.accept(part10(study="other"), "other")
        set_back(0)
    receive(storage, content("first", receive), "first")
    if not in_one_volume:
        close(storage)
    set_back(1)
    receive(storage, content("second", receive), "second")
    assert after_reindex(storage, request) == ("first", ["second"])


def test_the_first_stays_when_compaction_has_moved_it_behind_the_second(
    storage: Storage, request: pytest.FixtureRequest, set_back: SetBack
) -> None:
    at_once(storage, content("first", at_once), "first")
    close(storage)
    set_back(1)
    at_once(storage, content("second", at_once), "second")
    close(storage)
    reader = VolumeReader(storage.volumes.folder)
    first = storage.index.instances_of(STUDY)[0].location.volume
    for path in sorted(volumes_in(storage.volumes.folder), key=lambda path: path.name == first):
        assert rewrite(storage.engine, storage.volumes, path, reader, utcnow())
        path.unlink()
    reader.close()
    assert winner(storage) == ("first", ["second"])
    assert after_reindex(storage, request) == ("first", ["second"])


def test_the_first_comes_first_when_the_rows_of_both_were_lost(
    storage: Storage, set_back: SetBack
) -> None:
    at_once(storage, content("first", at_once), "first")
    close(storage)
    set_back(1)
    at_once(storage, content("second", at_once), "second")
    close(storage)
    with writing(storage.engine) as connection:
        for table in (t.instance, t.conflict, t.volume):
            connection.execute(delete(table))
    with capture_logs() as logs:
        reconcile(storage.engine, storage.volumes.folder)
    assert winner(storage) == ("first", ["second"])
    assert [one["instances"] for one in logs if one["event"] == "index_rows_restored"] == [1]


def test_the_first_stays_when_an_earlier_version_has_moved_it_behind_the_second(
    storage: Storage, request: pytest.FixtureRequest, set_back: SetBack
) -> None:
    set_back(1)
    by_an_earlier_version(storage, content("first", at_once), "first")
    close(storage)
    reconcile(storage.engine, storage.volumes.folder)
    (first,) = volumes_in(storage.volumes.folder)
    set_back(0)
    by_an_earlier_version(storage, content("second", at_once), "second")
    reader = VolumeReader(storage.volumes.folder)
    assert rewrite(storage.engine, storage.volumes, first, reader, utcnow())
    first.unlink()
    reader.close()
    assert after_reindex(storage, request) == ("first", ["second"])


@pytest.mark.parametrize("where", ["an object", "a volume in the bucket"])
def test_the_first_stays_where_the_bucket_alone_has_it(
    storage: Storage, request: pytest.FixtureRequest, set_back: SetBack, where: str
) -> None:
    first = content("first", at_once)
    at_once(storage, first, "first")
    close(storage)
    (volume,) = volumes_in(storage.volumes.folder)
    set_back(1)
    at_once(storage, content("second", at_once), "second")
    close(storage)
    if where == "an object":
        storage.objects.put(object_key(read_header(first)), first)
    else:
        storage.objects.put(f"volumes/{volume.name}", volume.read_bytes())
    volume.unlink()
    settings = emptied(storage.settings, request)
    rebuild_from(settings, storage.objects)
    with open_storage(settings) as rebuilt:
        assert winner(rebuilt)[1] == ["second"]


def test_what_was_deleted_stays_so_where_the_bucket_alone_has_the_tombstone(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    at_once(storage, content("first", at_once), "first")
    close(storage)
    (first,) = volumes_in(storage.volumes.folder)
    storage.deletions.study(STUDY)
    close(storage)
    (volume,) = set(volumes_in(storage.volumes.folder)) - {first}
    storage.objects.put(f"volumes/{volume.name}", volume.read_bytes())
    volume.unlink()
    settings = emptied(storage.settings, request)
    assert rebuild_from(settings, storage.objects).instances == 0


def test_a_study_stays_that_of_who_came_first_in_whatever_order_its_objects_were_stored(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    for study in range(6):
        for instance, patient in enumerate(("first", "second", "second")):
            storage.ingest.accept(
                part10(study=str(study), instance=str(instance), PatientID=patient), patient
            )
    close(storage)
    with reading(storage.engine) as connection:
        waiting = not_uploaded(connection, 20, true())
    copying = BucketCopy(
        storage.engine, storage.instances, storage.objects, several_write_objects=False
    )
    for one in reversed(waiting):
        copying.copy(one)
    settings = emptied(storage.settings, request)
    assert reindex(settings, "bucket", storage.objects).instances == 18
    with open_storage(settings) as rebuilt:
        patients = rebuilt.index.patients_of([derive_uid("test", str(study)) for study in range(6)])
    assert [patient_id for _, patient_id in patients.values()] == ["first"] * 6
