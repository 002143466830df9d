"""Counting what an SCP does, by operation and peer; see `storage.dimse.traffic`."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Engine

from dicom_node.network.command_set import Command, CommandSet
from dicom_node.status import CANCEL, is_stored
from storage.core.errors import MediViewError
from storage.dimse.traffic import UNKNOWN_PEER, Traffic, TrafficKey, add_traffic

log = structlog.get_logger(__name__)

_EVERY_S = 5.0
_ASSOCIATION = "association"


class TrafficCounter:
    """What this process counted since it last updated the database. Safe for threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counted: dict[TrafficKey, Traffic] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._has_counted = threading.Event()
        self._thread = threading.Thread(target=self._tell_forever, name="traffic", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tell what is left; without a database it is lost."""
        self._stopping.set()
        self._has_counted.set()
        if self._thread.is_alive():
            self._thread.join()

    def add(
        self,
        operation: str,
        peer: str,
        outcome: str,
        seconds: float,
        instances: int = 0,
        size_bytes: int = 0,
    ) -> None:
        key = TrafficKey(operation, peer, outcome)
        with self._lock:
            one = self._counted.get(key)
            if one is None:
                one = self._counted[key] = Traffic()
            one.add(seconds, instances, size_bytes)
        if not self._has_counted.is_set():
            self._has_counted.set()

    def _tell_forever(self) -> None:
        # Asked before each wait: what `stop` has set, a `_tell` at the same time has cleared.
        while not self._stopping.is_set():
            self._has_counted.wait()
            if not self._stopping.wait(_EVERY_S):
                self._tell()
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            self._has_counted.clear()
            counted, self._counted = self._counted, {}
        try:
            add_traffic(self._engine, counted)
        except MediViewError as error:
            log.debug("traffic_not_recorded", code=error.code)
            with self._lock:
                self._has_counted.set()
                fresh, self._counted = self._counted, counted
            for key, one in fresh.items():
                self._merge(key, one)

    def _merge(self, key: TrafficKey, one: Traffic) -> None:
        with self._lock:
            held = self._counted.setdefault(key, Traffic())
            held.requests += one.requests
            held.instances += one.instances
            held.size_bytes += one.size_bytes
            held.seconds += one.seconds
            held.within = [sum(both) for both in zip(held.within, one.within, strict=True)]


class AssociationTraffic:
    """The counts of one association; `peer` is known once it is admitted."""

    def __init__(self, counter: TrafficCounter) -> None:
        self._counter = counter
        self.peer = UNKNOWN_PEER
        self.status = 0
        """Of the request at hand, as its service says."""
        self.instances = 0
        self.size_bytes = 0
        """Sent for the request at hand."""
        self.rejected = False
        self.is_own_check = False
        """Whether the node itself looks if it answers, which is no traffic: what is counted is
        written down, and would keep an idle node awake."""

    @contextmanager
    def association(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            outcome = "rejected" if self.rejected else "accepted"
            self._add(_ASSOCIATION, self.peer, outcome, time.monotonic() - started)

    @contextmanager
    def request(self, operation: str) -> Iterator[None]:
        self.status = self.instances = self.size_bytes = 0
        started = time.monotonic()
        try:
            yield
        finally:
            self._add(
                operation,
                self.peer,
                outcome_of(self.status),
                time.monotonic() - started,
                self.instances,
                self.size_bytes,
            )

    def _add(
        self,
        operation: str,
        peer: str,
        outcome: str,
        seconds: float,
        instances: int = 0,
        size_bytes: int = 0,
    ) -> None:
        if not self.is_own_check:
            self._counter.add(operation, peer, outcome, seconds, instances, size_bytes)

    def sent(self, size_bytes: int) -> None:
        """An instance went out for the request at hand, or to where it asked."""
        self.instances += 1
        self.size_bytes += size_bytes

    def stored(self, status: int, seconds: float, size_bytes: int) -> None:
        """One C-STORE, from its last byte to its answer."""
        kept = is_stored(status)
        self._counter.add("C-STORE", self.peer, outcome_of(status), seconds, int(kept), size_bytes)


def operation_of(command: CommandSet) -> str:
    """`C-FIND` and the like."""
    try:
        return Command(command.command_field).name.removesuffix("_RQ").replace("_", "-")
    except ValueError:
        return "other"


def outcome_of(status: int) -> str:
    if status == CANCEL:
        return "cancelled"
    if not status:
        return "success"
    return "warning" if is_stored(status) else "failure"
