"""A connection of the driver's own, kept beside SQLAlchemy's pool."""

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.pool import PoolProxiedConnection

from storage.db.engine import close_with


class KeptConnection:
    """Of who holds `in_use`, but for `close`; `prepare` is called with each new one.

    It is closed with the engine.
    """

    def __init__(self, engine: Engine, prepare: Callable[[Any], None]) -> None:
        self.in_use = threading.Lock()
        self._engine = engine
        self._prepare = prepare
        self._connection: PoolProxiedConnection | None = None
        self._driver: Any = None
        close_with(engine, self)

    def opened(self) -> Any:
        """The driver's connection. Raises what the driver and SQLAlchemy raise."""
        if self._connection is None:
            self._connection = self._engine.raw_connection()
            self._driver = self._connection.driver_connection
            self._prepare(self._driver)
        return self._driver

    def close(self) -> None:
        """Unless it is in use: who uses a broken one discards it."""
        if self.in_use.acquire(blocking=False):
            try:
                self.discard()
            finally:
                self.in_use.release()

    def discard(self) -> None:
        """It isn't as the pool's are, and may be broken."""
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            connection.invalidate()
