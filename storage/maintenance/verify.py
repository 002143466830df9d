"""Check that everything that the index names is there and unchanged, and say what to do if not."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from sqlalchemy import Engine

from storage.index.repository import Index
from storage.maintenance.conflicts.check import check_conflicts
from storage.maintenance.problems import Problem, ProblemKind
from storage.maintenance.row_check import check_rows
from storage.maintenance.volume_check import check_volume
from storage.objects.store import ObjectStore
from storage.reconciliation.moved_rows import moved_to
from storage.volumes.deletion_counter import NAME, counter_damage
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import volumes_in
from storage.volumes.writer import VolumeWriter

_PLACE_PROBLEMS: tuple[ProblemKind, ...] = ("record_missing", "object_missing", "object_size")
COUNTER_REMEDY = "The next start of the node writes it again, as does 'mediview storage repair'."
_MOVE = (
    "Another volume has the instance: 'mediview storage verify --repair' lets the index name it"
    " there."
)

Tell = Callable[[tuple[int, int]], None]
"""Called with how many bytes of volumes were looked at, of how many."""


def verify_storage(
    engine: Engine,
    index: Index,
    objects: ObjectStore,
    volumes: VolumeWriter,
    tell: Tell = lambda _: None,
    *,
    read_objects: bool = False,
    is_elsewhere: Callable[[str], bool] = lambda _volume: False,
) -> Iterator[Problem]:
    """Read every record and ask for the size of every object; safe beside a node at work.

    `read_objects`: fetch each object, too, and compare the instances in it with their digests.
    Raises StorageUnavailable where database or bucket do not answer.
    """
    folder = volumes.folder
    if damage := counter_damage(folder):
        yield Problem("counter_damaged", f"{NAME}: {damage}", "", COUNTER_REMEDY)
    paths = volumes_in(folder)
    total = sum(path.stat().st_size for path in paths if path.exists())
    done = 0
    in_others: set[str] = set()
    reader = VolumeReader(folder)
    try:
        for path in paths:
            try:
                size_bytes = path.stat().st_size
                yield from check_volume(engine, index, objects, path, reader)
                in_others |= moved_to(engine, path)
            except FileNotFoundError:
                continue  # compacted or dropped meanwhile
            done += size_bytes
            tell((done, total))
        local = {path.name for path in paths}
        read_by = reader if read_objects else None
        found = check_rows(engine, index, objects, volumes, local, read_by, is_elsewhere)
        for problem in found:
            is_there = problem.sop_instance_uid in in_others
            is_moved = is_there and problem.kind in _PLACE_PROBLEMS
            yield replace(problem, kind="record_moved", remedy=_MOVE) if is_moved else problem
        yield from check_conflicts(
            engine, objects, lambda name: name in local or (folder / name).exists(), is_elsewhere
        )
    finally:
        reader.close()
