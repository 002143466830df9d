"""Celery's filesystem transport, made safe for several processes.

Kombu's own writes a message in place, so a reader may take half of it and the
worker ends on the broken JSON; it also moves each message through the system's
temporary folder, which is often another file system and then copies. Here a
message appears whole by one rename and is taken by one rename beside it.
"""

import json
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

import structlog
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

from storage.processes.folder_watch import ARRIVED, FolderWatch

log = structlog.get_logger(__name__)

TRANSPORT = "inference.broker.file_broker:Transport"
_SUFFIX = ".msg"
# Celery looks whether it should stop between two waits, which would be of 2 s each.
_WAIT_S = 0.5
# Where signals end the wait there is nothing else to look for.
_WAIT_WOKEN_S = 60.0
# Nothing tells that a worker which had its hands full has room again.
_WAIT_WHILE_FULL_S = 0.1
_PARTIAL = ".part"
_TAKEN = ".taken"
# A file that a killed process left half written or half read is removed after this.
_STALE_S = 60.0


class Channel(filesystem.Channel):  # type: ignore[misc]  # kombu has no types
    """One folder; a message is `TIME_UUID.QUEUE.msg`.

    Each exchange has the one queue of its own name. Kombu keeps that in a file which it
    empties before it writes it, so that a process may find it empty; here nothing is kept.
    """

    def get_table(self, exchange: str) -> list[filesystem.exchange_queue_t]:
        return [filesystem.exchange_queue_t(exchange, "", exchange)]

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        if not exchange == routing_key == queue:
            raise ValueError(f"Queue {queue} is bound to exchange {exchange} by {routing_key}.")

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:
        # Wall-clock time, since the monotonic clock starts again with the machine.
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}"
        folder = Path(self.data_folder_out)
        partial = folder / f"{name}{_PARTIAL}"
        partial.write_bytes(dumps(payload).encode())
        partial.rename(folder / f"{name}{_SUFFIX}")

    def _get(self, queue: str) -> Any:
        folder = Path(self.data_folder_in)
        for name in self._waiting(queue):
            taken = folder / f"{name}{_TAKEN}"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue  # another consumer was faster
            try:
                return loads(taken.read_bytes().decode())
            except (UnicodeDecodeError, json.JSONDecodeError):
                # The ledger knows what was to be done; a broken message is only a lost wake-up.
                log.warning("broker_message_unreadable", queue=queue)
            finally:
                taken.unlink(missing_ok=True)
        raise Empty

    def _waiting(self, queue: str) -> list[str]:
        """Names of the messages of a queue, oldest first."""
        return sorted(
            name
            for name in os.listdir(self.data_folder_in)  # noqa: PTH208 - names alone, no stat
            if name.endswith(_SUFFIX) and name.partition(".")[2] == f"{queue}{_SUFFIX}"
        )

    def _size(self, queue: str) -> int:
        return len(self._waiting(queue))


class Transport(filesystem.Transport):  # type: ignore[misc]  # kombu has no types
    """Used by `broker_transport`; the URL stays `filesystem://`."""

    Channel = Channel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arrivals: FolderWatch | None = None

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Deliver one message, or raise TimeoutError; a message that arrives ends the wait.

        So does what can be read from the transport option `woken_by`, a descriptor; the wait may
        then be longer than `timeout`.
        """
        woken_by = self.client.transport_options.get("woken_by")
        if self._arrivals is None:
            self._arrivals = FolderWatch(
                Path(self.client.transport_options["data_folder_in"]), ARRIVED, woken_by
            )
        if self._delivered():
            return
        is_full = not all(channel.qos.can_consume() for channel in self.channels)
        # Celery waits once more between hearing that it shall stop and doing so.
        if woken_by is not None and not is_full and not self._arrivals.is_woken:
            self._arrivals.wait(_WAIT_WOKEN_S)
        else:
            wait_s = _WAIT_WHILE_FULL_S if is_full else _WAIT_S
            self._arrivals.wait(wait_s if timeout is None else min(timeout, wait_s))
        if not self._delivered():
            raise TimeoutError

    def close_connection(self, connection: Any) -> None:
        super().close_connection(connection)
        if self._arrivals is not None:
            self._arrivals.close()
            self._arrivals = None

    def _delivered(self) -> bool:
        try:
            self.cycle.get(self._deliver)
        except Empty:
            return False
        return True


def prepare_folder(folder: Path) -> None:
    """Make the broker's folder and sweep what killed processes left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    oldest = time.time() - _STALE_S
    for path in folder.iterdir():
        if path.name.endswith((_PARTIAL, _TAKEN)):
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
            except FileNotFoundError:
                continue
