"""Storage with damaged instances, and what repairs it."""

from datetime import timedelta

import pytest

from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.integrity.repair import Repair
from storage.integrity.scrub import Scrub, scrub_state
from tests.storage.deletion.test_deleting import close, uid
from tests.storage.maintenance.checked_storage import fill

WITH_BUCKET = pytest.mark.parametrize("storage_settings", ["postgresql+s3"], indirect=True)


def one(storage: Storage, name: str = "1") -> Instance:
    return storage.index.instance(uid(name))


def filled(storage: Storage, count: int = 4) -> None:
    fill(storage, count)
    close(storage)


def repaired(storage: Storage) -> int:
    whole = storage.engine, storage.volumes, storage.objects, storage.damaged
    return Repair(*whole).run()


def scrub_of(storage: Storage, days: float = 1.0) -> Scrub:
    return Scrub(storage.engine, storage.volumes, storage.objects, storage.damaged, days)


def all_of_it(storage: Storage) -> None:
    """One round of the scrub, in as many steps as it takes."""
    scrub = scrub_of(storage)
    scrub.tick(utcnow())
    later = utcnow() + timedelta(days=1.1)
    for _ in range(50):
        scrub.tick(later)
        state = scrub_state(storage.engine)
        if state is not None and state.finished_at is not None:
            return
    raise AssertionError("the scrub does not come to an end")
