"""What was kept of the headers of studies that were deleted, where their deletion left it.

A deletion removes it at its end, which a process that is killed does not reach, nor one for which
the bucket is away; and who was just answering with such a study may write it again.
"""

import time
from collections.abc import Iterator
from itertools import islice

import structlog
from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.errors import MediViewError
from storage.db.engine import reading
from storage.db.portions import in_portions
from storage.deletion.service import METADATA
from storage.objects.filesystem import ObjectStore

log = structlog.get_logger(__name__)

_KEYS_AT_ONCE = 1000
_EVERY_S = 86_400.0


class DerivedObjects:
    """Goes through those of metadata once a day, some at a time.

    No others: a bucket may hold what is not the node's.
    """

    def __init__(self, engine: Engine, objects: ObjectStore) -> None:
        self._engine = engine
        self._objects = objects
        self._keys: Iterator[str] | None = None
        self._next_s = 0.0

    def remove_some(self) -> int:
        """Look at the next ones; how many went. Raises StorageUnavailable."""
        if self._keys is None:
            if time.monotonic() < self._next_s:
                return 0
            self._next_s = time.monotonic() + _EVERY_S
            self._keys = iter(self._objects.list(METADATA))
        try:
            keys = list(islice(self._keys, _KEYS_AT_ONCE))
            removed = self._remove(keys)
        except MediViewError:
            # A listing that broke off cannot go on: from the beginning, with the next round.
            self._keys, self._next_s = None, 0.0
            raise
        if len(keys) < _KEYS_AT_ONCE:
            self._keys = None
        return removed

    def _remove(self, keys: list[str]) -> int:
        study_of = {key: key.removeprefix(METADATA).partition("/")[0] for key in keys}
        known: set[str] = set()
        with reading(self._engine) as connection:
            for portion in in_portions(sorted(set(study_of.values()))):
                known.update(
                    connection.scalars(
                        select(t.study.c.study_instance_uid).where(
                            t.study.c.study_instance_uid.in_(portion)
                        )
                    )
                )
        left = [key for key, study in study_of.items() if study not in known]
        for key in left:
            self._objects.delete(key)
        if left:
            log.info("derived_objects_removed", count=len(left))
        return len(left)
