"""Looks after a host's own data folder in each of its roles, where hosts have disks of their own.

The control worker keeps one host's folder in order (`storage.maintenance.housekeeping`). What other
hosts have received, and made, they copy to the bucket themselves, by one of their processes.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import Protocol

import structlog

from storage.audit import Audit
from storage.container import Storage
from storage.container.has import HasHosts, HasSettings
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.db.engine import make_engine
from storage.hosts.keys import forget_keys
from storage.maintenance.housekeeping import Housekeeper
from storage.settings import Settings

log = structlog.get_logger(__name__)

_EVERY_S = 0.5
_ENDS_WITHIN_S = 5.0


class LeavingStorage(HasSettings, HasHosts, Protocol):
    """What of the storage layer a host leaves with."""


@contextmanager
def keeping_own_folder(storage: Storage) -> Iterator[None]:
    """In a thread until the block ends; nothing where all roles share one data folder."""
    if not storage.settings.own_disks:
        yield
        return
    ending = threading.Event()
    housekeeper = Housekeeper(storage)

    def keep() -> None:
        while not ending.is_set():
            try:
                while housekeeper.round(utcnow(), folder_alone=True) and not ending.is_set():
                    pass
            except Exception as error:  # noqa: BLE001 - the edge of a thread: the next round may work
                log.error("own_folder_failed", error=type(error).__name__)
            ending.wait(_EVERY_S)

    thread = threading.Thread(target=keep, name="own-folder", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(_ENDS_WITHIN_S)
        _leave(storage)


@contextmanager
def leaving_in_order(storage: LeavingStorage) -> Iterator[None]:
    """For a role whose own clock keeps the folder in order: note its end, which nobody misses."""
    try:
        yield
    finally:
        _leave(storage)


def _leave(storage: LeavingStorage) -> None:
    if storage.settings.own_disks:
        # Without the database the host counts as away, which it is for the others.
        with suppress(MediViewError):
            storage.hosts.leave()


def forget_host_keys(
    settings: Settings, recorded: Callable[[Audit], AbstractContextManager[None]]
) -> None:
    """Let the host that starts next say which keys all need, `recorded` in the audit trail.

    Not by `open_storage`, which checks them. Raises StorageUnavailable.
    """
    engine = make_engine(settings.resolved_database_url)
    try:
        audit = Audit(engine, settings.data_dir, fail_closed=settings.audit_fail_closed)
        with closing(audit), recorded(audit):
            forget_keys(engine)
    finally:
        engine.dispose()
