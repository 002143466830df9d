"""Instances that arrive while a study is deleted, and the index built again afterwards."""

from collections.abc import Callable

import pytest

from storage.container import Storage, open_storage
from storage.maintenance.problems import Problem
from storage.maintenance.reindexing.reindex import reindex
from storage.maintenance.verify import verify_storage
from tests.storage.deletion.test_deleting import STUDY, close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.reindexing.test_verify_reindex import emptied

UID = uid("instance")


def small(fill: int) -> bytes:
    return part10(PixelData=bytes([fill]) * 12)


def once_before(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, meanwhile: Callable[[], object]
) -> None:
    """Let something happen before the next call of a method."""
    method = getattr(owner, name)

    def wrapped(*arguments: object, **named: object) -> object:
        monkeypatch.setattr(owner, name, method)
        meanwhile()
        return method(*arguments, **named)

    monkeypatch.setattr(owner, name, wrapped)


def problems(storage: Storage) -> list[Problem]:
    close(storage)
    return list(verify_storage(storage.engine, storage.index, storage.objects, storage.volumes))


def rebuilt(storage: Storage, request: pytest.FixtureRequest) -> tuple[bytes | None, int]:
    """The instance and how many conflicts there are, once the index was built from the volumes."""
    close(storage)
    settings = emptied(storage.settings, request)
    reindex(settings, "volumes")
    with open_storage(settings) as other:
        found = other.index.stored_instances_of(STUDY)
        return (
            other.instances.read(found[0]) if found else None,
            len(other.conflicts.waiting()),
        )
