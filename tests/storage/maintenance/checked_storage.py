"""A storage with instances, what is wrong with it, and a way to damage it."""

from storage.container import Storage
from storage.maintenance.problems import Problem
from storage.maintenance.verify import verify_storage
from tests.storage.deletion.test_deleting import uid
from tests.storage.instances import part10


def fill(storage: Storage, count: int = 4) -> None:
    for number in range(count):
        storage.ingest.accept(part10(instance=str(number)), "dimse:A")


def problems_of(storage: Storage) -> dict[str, Problem]:
    return {
        problem.kind: problem
        for problem in verify_storage(
            storage.engine, storage.index, storage.objects, storage.volumes
        )
    }


def flip(storage: Storage, instance: str, position: int) -> None:
    location = storage.index.instance(uid(instance)).location
    path = storage.volumes.folder / location.volume
    content = bytearray(path.read_bytes())
    content[location.offset + position] ^= 1
    path.write_bytes(content)
