"""Index rows of the receiving path: a batch in one transaction.

`insert_instance` says what a row means; this module makes it fast. Statements are
compiled once, and series that were seen before cost no look-up.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from storage.core.errors import InvalidInstance, MediViewError, StorageUnavailable
from storage.db.driver_errors import is_clash, is_data_refused
from storage.db.engine import translated
from storage.dicom.part10 import Header
from storage.index.driver.digest_lookup import DigestLookup
from storage.index.driver.insert_statements import Placed, SeriesGone, statements_for
from storage.index.driver.write_connection import Execute, WriteConnection, WriteConnectionBroken
from storage.index.insert_instance import (
    NewInstance,
    Outcome,
    find_known,
    find_or_add_series,
    insert_instances,
    note_if_generated,
)

_CACHED_SERIES = 4096
_FRESH_INSTANCES = 20_000
_ATTEMPTS = 5
# What the drivers raise themselves of values that the database has no form for.
_NO_VALUES = (UnicodeEncodeError, OverflowError)

log = structlog.get_logger(__name__)

SeriesKey = tuple[str, str]


@dataclass
class _CachedSeries:
    series_id: int
    study_id: int
    fresh: set[str] | None = field(default_factory=set)
    """UIDs of a series that this process began; None when others may be in the index."""


class _KnownElsewhere(Exception):
    """An instance that may begin a series is in the index, perhaps in another study.

    Its series must not be begun then: it would stay empty, and so might its study.
    """


class Indexer:
    """Writes index rows for one process. Safe for threads."""

    def __init__(
        self,
        engine: Engine,
        recover: Callable[[], bool] | None = None,
        *,
        waits: bool = False,
    ) -> None:
        """`recover` indexes what a crash of the database server took; True where it took any.

        Without it such rows stay lost, which happens on PostgreSQL alone, and not where each
        commit `waits` for the server's disk.
        """
        self._engine = engine
        self._recover_rows = recover
        self._statements = statements_for(engine, waits=waits)
        self._connection = WriteConnection(engine)
        self._lookup = DigestLookup(engine)
        self._commit_lock = threading.Lock()
        self._series: OrderedDict[SeriesKey, _CachedSeries] = OrderedDict()

    def known_digest(self, header: Header) -> str | None:
        """The digest under which the instance is indexed already, or None."""
        cached = self._series.get(_key(header))
        if cached is not None and cached.fresh is not None:
            uid = header.sop_instance_uid
            # The same UID in another series is noticed when the row is written.
            if uid not in cached.fresh:
                return None
        return self._lookup.digest_of(header.sop_instance_uid)

    def write(self, batch: Sequence[NewInstance]) -> list[Outcome | MediViewError]:
        """Write the rows in one transaction, committed on return; what became of each.

        The error is StorageUnavailable or StorageFull; InvalidInstance of what no database takes.
        """
        with self._commit_lock:
            return self._commit(batch) if batch else []

    def _commit(self, batch: Sequence[NewInstance]) -> list[Outcome | MediViewError]:
        try:
            with translated():
                if self._recover_rows is not None:
                    self._recover(self._recover_rows)
                outcomes = self._write_or_each(batch)
                # The first connection to a server that came back may have been this one's.
                if self._recover_rows is not None:
                    self._recover(self._recover_rows)
        except MediViewError as error:
            return [error] * len(batch)
        return outcomes

    def _recover(self, recover: Callable[[], bool]) -> None:
        if recover():
            # A server that lost its last transactions gives their ids again.
            self._series.clear()

    def _write_or_each(self, batch: Sequence[NewInstance]) -> list[Outcome | MediViewError]:
        try:
            return self._write(batch)
        except _KnownElsewhere:
            return [self._commit_one(new) for new in batch]
        except (DBAPIError, SeriesGone, StorageUnavailable, *_NO_VALUES) as error:
            if not _concerns_rows(error):
                raise
            # A cached series was deleted meanwhile, one row cannot be written, or
            # another process was in the way: forget what is cached and let each
            # stand for itself.
            self._series.clear()
            return [self._commit_one(new) for new in batch]

    def _commit_one(self, new: NewInstance) -> Outcome | MediViewError:
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                with translated():
                    return insert_instances(self._engine, [new])[0]
            except (DBAPIError, MediViewError, *_NO_VALUES) as error:
                if attempts_left and is_clash(error):
                    continue
                is_refused = is_data_refused(error)
                if isinstance(error, MediViewError) and not is_refused:
                    return error
                # A row that the database does not take is this instance's matter alone.
                cause = error.orig if isinstance(error, DBAPIError) else error
                log.error("index_row_refused", error=type(cause).__name__)
                if is_refused:
                    return InvalidInstance(
                        "The index does not take what the header of this instance says.",
                        remedy="Look at its header: a value of it is too long, or not valid.",
                    )
                break
        return StorageUnavailable(
            "The index does not take the row of this instance.",
            remedy="Send it again; if that fails too, look at its header.",
        )

    def close(self) -> None:
        """Close the kept connections."""
        with self._commit_lock:
            self._connection.close()
        self._lookup.close()

    def _write(self, batch: Sequence[NewInstance]) -> list[Outcome | MediViewError]:
        known = [self._series.get(_key(new.header)) for new in batch]
        series = [one for one in known if one is not None]
        # What the node made is noted beyond its row, in one transaction with it.
        made = [new for new in batch if new.origin == "generated"]
        if len(series) == len(batch) and not made:
            try:
                with self._connection.writing() as execute:
                    are_new = self._write_rows(execute, batch, series)
                return self._outcomes(batch, series, are_new)
            except WriteConnectionBroken as error:
                log.debug("index_lane_broken", error=type(error.__cause__).__name__)
        with (
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            series = [self._cached_series(connection, new) for new in batch]
            are_new = self._write_rows(connection.exec_driver_sql, batch, series)
            for new, is_new in zip(batch, are_new, strict=True) if made else ():
                if is_new:
                    note_if_generated(connection, new)
        return self._outcomes(batch, series, are_new)

    def _write_rows(
        self, execute: Execute, batch: Sequence[NewInstance], series: list[_CachedSeries]
    ) -> list[bool]:
        """Write what is new; what of the batch was."""
        placed = [
            Placed(new, cached.series_id, cached.study_id)
            for new, cached in zip(batch, series, strict=True)
        ]
        return self._statements.write(execute, placed)

    def _outcomes(
        self, batch: Sequence[NewInstance], series: list[_CachedSeries], are_new: list[bool]
    ) -> list[Outcome | MediViewError]:
        """Also tells duplicates from conflicts among those that were indexed before."""
        for new, cached in zip(batch, series, strict=True):
            self._remember(new, cached)
        return [
            "stored" if is_new else self._commit_one(new)
            for new, is_new in zip(batch, are_new, strict=True)
        ]

    def _cached_series(self, connection: Connection, new: NewInstance) -> _CachedSeries:
        key = _key(new.header)
        cached = self._series.get(key)
        if cached is None:
            if find_known(connection, new.header.sop_instance_uid) is not None:
                raise _KnownElsewhere
            study_id, series_id, added = find_or_add_series(connection, new)
            cached = _CachedSeries(series_id, study_id, set() if added else None)
        return cached

    def _remember(self, new: NewInstance, cached: _CachedSeries) -> None:
        if cached.fresh is not None:
            cached.fresh.add(new.header.sop_instance_uid)
            if len(cached.fresh) > _FRESH_INSTANCES:
                cached.fresh = None
        self._series[_key(new.header)] = cached
        while len(self._series) > _CACHED_SERIES:
            self._series.popitem(last=False)


def _concerns_rows(error: Exception) -> bool:
    return isinstance(error, SeriesGone) or is_data_refused(error) or is_clash(error)


def _key(header: Header) -> SeriesKey:
    return header.study_instance_uid, header.series_instance_uid
