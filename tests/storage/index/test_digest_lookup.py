"""What another process has indexed is known for each instance that comes, whatever happened to
the connection that is kept to ask.
"""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import update

from storage import tables as t
from storage.container import Storage
from storage.core.callers.visibility import EVERYONE, Visibility, limited_to
from storage.core.uids import derive_uid
from storage.db.engine import writing
from storage.dicom.part10 import read_header
from storage.index.driver.digest_lookup import DigestLookup
from tests.storage.instances import part10

UID = read_header(part10("a", "1", "0")).sop_instance_uid
UNSEEN = Visibility("peer:ct1", (EVERYONE,), sees_unmatched=False)


@pytest.fixture
def lookup(storage: Storage) -> Iterator[DigestLookup]:
    lookup = DigestLookup(storage.engine)
    assert lookup.digest_of(UID) is None
    yield lookup
    lookup.close()


def test_what_was_committed_since_is_seen(storage: Storage, lookup: DigestLookup) -> None:
    storage.ingest.accept(part10("a", "1", "0"), "stow")
    first = lookup.digest_of(UID)
    assert first == storage.index.instance(UID).digest
    with writing(storage.engine) as connection:
        connection.execute(update(t.instance).values(digest="0" * 64))
    assert lookup.digest_of(UID) == "0" * 64
    assert lookup.digest_of(derive_uid("test", "a", "1", "1")) is None


def test_it_goes_on_after_its_connection_broke(storage: Storage, lookup: DigestLookup) -> None:
    storage.ingest.accept(part10("a", "1", "0"), "stow")
    driver = lookup.kept.opened()
    driver.close()
    for _ in range(2):
        assert lookup.digest_of(UID) == storage.index.instance(UID).digest
    assert lookup.kept.opened() is not driver


def test_several_ask_at_once(storage: Storage, lookup: DigestLookup) -> None:
    storage.ingest.accept(part10("a", "1", "0"), "stow")
    found: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: found.extend(lookup.digest_of(UID) for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {storage.index.instance(UID).digest}
    assert len(found) == 200


def test_who_may_not_see_a_study_does_not_learn_of_it(
    storage: Storage, lookup: DigestLookup
) -> None:
    storage.ingest.accept(part10("a", "1", "0"), "stow")
    with limited_to(UNSEEN):
        assert lookup.digest_of(UID) is None
