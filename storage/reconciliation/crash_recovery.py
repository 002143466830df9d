"""A database server that crashed may have lost the newest rows of instances: index them again.

Those rows alone are committed without waiting for the disk (`storage.db.engine`), because their
records are durable in the volumes. So before an instance is acknowledged, it is asked here whether
the server behind its connections is still the one that the folder was reconciled with.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine, event, text

from storage.core.data_folder.file_owner import give_to_owner
from storage.core.errors import MediViewError, StorageUnavailable
from storage.db.engine import reading
from storage.reconciliation.deletion_counter import ensure_counter
from storage.reconciliation.reconcile import reconcile
from storage.volumes.deletion_counter import Generation, Numbers
from storage.volumes.durable_names import make_folder, sync_folder
from storage.volumes.files import translated_os_errors

log = structlog.get_logger(__name__)

_LOCK_NAME = "reconcile.lock"
_IDENTITY_NAME = "reconciled-with"

# The start of the postmaster is not enough: after the crash of one backend the same postmaster
# recovers and goes on. Statistics begin again with each recovery (PostgreSQL's manual, 28.2).
_IDENTITY = (
    "SELECT concat_ws('/',"
    " (SELECT oid FROM pg_database WHERE datname = current_database()),"
    " extract(epoch FROM pg_postmaster_start_time()),"
    " (SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter))"
)


class CrashRecovery:
    """One for each engine that instances are indexed through. Safe for threads and processes."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        numbers: Numbers | None = None,
        is_elsewhere: Callable[[str], bool] = lambda _volume: False,
        learn_deletions: Callable[[], object] | None = None,
    ) -> None:
        """`numbers`: where hosts with disks of their own count deletions; `is_elsewhere` says
        which volumes are theirs; `learn_deletions` carries out what they have deleted, and a
        database that was put back does not know."""
        self._engine = engine
        self._folder = folder
        self._numbers = numbers
        self._is_elsewhere = is_elsewhere
        self._learn_deletions = learn_deletions
        self.watches = engine.dialect.name == "postgresql"
        """Whether rows may be lost at all while processes run: of SQLite with the machine alone."""
        self._seen = ""
        self._unknown = {""} if self.watches else set()
        """Servers that connections were made to since, of which the last is not known yet."""
        self._lock = threading.Lock()
        self._is_counter_checked = False
        if self.watches:
            event.listen(engine, "connect", self._look)

    @property
    def is_due(self) -> bool:
        """Whether a connection was made to a server that this process doesn't know yet.

        No connection outlives a crash, so a process that has just written something
        and finds nothing due wrote it to the server that all before him wrote to.
        """
        return bool(self._unknown)

    def run_if_due(self) -> bool:
        """Index what a crash may have taken; whether this process should forget row ids.

        Raises StorageUnavailable, StorageFull; then it is due still.
        """
        if not self._unknown:
            return False
        self._run(always=False, thorough=False)
        return True

    def run(self, *, thorough: bool = False) -> int:
        """Index what has no row, whether or not there was a crash; how many there were.

        Volumes that a living process writes are looked at after a crash alone, and those that
        rows name and are not there with `thorough` (`reconcile`).
        Raises StorageUnavailable, StorageFull.
        """
        return self._run(always=True, thorough=thorough)

    def run_at_start(self) -> None:
        """As `run`, of a process that must start on a full or read-only disk as well."""
        try:
            self.run()
        except MediViewError as error:
            # What a crash took is indexed before the next acknowledgement, the rest later.
            log.warning("not_reconciled_at_start", error=error.message, remedy=error.remedy)

    def _run(self, *, always: bool, thorough: bool) -> int:
        with self._lock, self._alone():
            return self._reconcile(always=always, thorough=thorough)

    def _reconcile(self, *, always: bool, thorough: bool) -> int:
        # Older than the one that answers now; one of a crash from here on stays unknown.
        older = self._unknown.copy()
        identity = self._ask() if self.watches else ""
        is_other = identity != self._known()
        restored = 0
        if is_other:
            self._learn()
        if self._numbers is not None or not self._is_counter_checked:
            ensure_counter(self._engine, self._folder, self._numbers)
            self._is_counter_checked = True
        if is_other or always:
            restored = reconcile(
                self._engine,
                self._folder,
                open_too=is_other,
                thorough=thorough or is_other,
                is_elsewhere=self._is_elsewhere,
            )
        if is_other:
            log.info("database_server_changed", restored=restored)
            self._note(identity)
        self._seen = identity
        self._unknown -= older | {identity}
        return restored

    def _learn(self) -> None:
        """Before records are indexed that were deleted. Raises StorageUnavailable, StorageFull."""
        if self._learn_deletions is None or self._numbers is None:
            return
        try:
            self._learn_deletions()
        except StorageUnavailable as error:
            # A server that was just started again knows them all, and receiving goes on.
            counter = Generation(self._folder)
            try:
                with translated_os_errors(self._folder):
                    is_older = counter.current() > self._numbers.newest()
            finally:
                counter.close()
            if is_older:
                raise
            log.warning("deletions_not_learned", error=error.message, remedy=error.remedy)

    @property
    def server(self) -> str:
        """Which database server this process knows; another one may know less."""
        return self._seen

    def _ask(self) -> str:
        with reading(self._engine) as connection:
            return str(connection.execute(text(_IDENTITY)).scalar_one())

    def _look(self, driver: Any, _record: Any) -> None:
        """Of each new connection, before it is used."""
        from psycopg import Error

        identity = ""
        # One that breaks at once is found broken when it is used.
        with suppress(Error):
            with driver.cursor() as cursor:
                cursor.execute(_IDENTITY)
                (identity,) = cursor.fetchone()
            driver.rollback()
        if identity != self._seen or not identity:
            self._unknown.add(identity)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process of this machine reconciles; others wait, and then find it done."""
        with translated_os_errors(self._folder):
            make_folder(self._folder)
            fd = os.open(self._folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            give_to_owner(fd, self._folder)
        try:
            with translated_os_errors(self._folder):
                fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _known(self) -> str:
        """The server that the folder was reconciled with last; empty with SQLite."""
        try:
            with translated_os_errors(self._folder):
                # Whatever damaged bytes say is another server, and then all is looked at.
                return (self._folder / _IDENTITY_NAME).read_text("ascii", errors="replace")
        except Exception as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return ""
            raise

    def _note(self, identity: str) -> None:
        path = self._folder / _IDENTITY_NAME
        with translated_os_errors(self._folder):
            partial = path.with_suffix(".part")
            partial.write_text(identity, encoding="ascii")
            partial.replace(path)
            sync_folder(self._folder)
