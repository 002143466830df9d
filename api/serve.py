"""Run the HTTP side with uvicorn, in one or several processes, and end it within seconds."""

import asyncio
import ctypes
import os
import signal
import socket
import tempfile
import time
from email.utils import formatdate
from functools import partial
from types import FrameType
from typing import Any

import structlog
import uvicorn
from starlette.formparsers import MultiPartParser
from uvicorn.server import ServerState

from api.app import create_app
from api.server import metrics
from api.server.connection_counts import ConnectionCounts
from api.server.connection_limits import LimitedProtocol, limited
from api.server.websocket_limits import LimitedWebSocketProtocol
from api.server.zero_copy import ZeroCopyProtocol
from storage.container import open_storage
from storage.core.errors import InvalidRequest
from storage.core.open_files import allow_open_files
from storage.processes.descendants import begin_adopting
from storage.processes.forked import Processes, done_apart
from storage.processes.stop_requests import StopRequests, stop_signals
from storage.processes.waiting_for_database import wait_for_database
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Answers under way get this long; live streams end by themselves at once.
_GRACE_S = 5
_BACKLOG = 512
_MESSAGE_MAX_BYTES = 64 * 1024
_SPOOL_FROM_BYTES = 64 * 1024
_OPEN_FILES = 8192
_MOST_BY_DEFAULT = 8
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_MMAP_FROM_BYTES = 1024 * 1024
_ARENAS = 2


class _DatedState(ServerState):
    """Dates each answer when it is asked for; uvicorn itself wakes every second to do so."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__()
        self._config = config
        self._dated_at = -1
        self._dated: list[tuple[bytes, bytes]] = []

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        now = int(time.time())
        if now != self._dated_at:
            date = formatdate(now, usegmt=True).encode()
            self._dated = [(b"date", date), *self._config.encoded_headers]
            self._dated_at = now
        return self._dated

    @default_headers.setter
    def default_headers(self, headers: list[tuple[bytes, bytes]]) -> None:
        """What uvicorn sets; it is of that moment."""


class Server(uvicorn.Server):
    """uvicorn, which looks ten times a second whether it should end; this one is notified."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state = _DatedState(config)

    _loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        self._stopped = asyncio.Event()
        # Last: from here on a signal wakes the loop.
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._stopped.wait()

    def stop(self) -> None:
        """From a signal handler or any thread."""
        self.should_exit = True
        # Once it has ended there is nothing to wake.
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopped.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What uvicorn calls at a signal."""
        super().handle_exit(sig, frame)
        self.stop()


def make_server(settings: Settings) -> Server:
    """A server that is not yet running; its application knows when it is asked to stop."""
    app = create_app(settings)
    server = Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            backlog=_BACKLOG,
            http=limited(ZeroCopyProtocol, _connection_limits(settings)),
            # Our own lines carry no query strings.
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=True,
            timeout_keep_alive=30,
            ws=LimitedWebSocketProtocol,
            # Subscribers answer by a line.
            ws_max_size=_MESSAGE_MAX_BYTES,
            timeout_graceful_shutdown=_GRACE_S,
            # What a proxy in front says of the client is not needed, so it is not trusted.
            proxy_headers=False,
        )
    )
    app.state.stopping = lambda: server.should_exit
    return server


def _connection_limits(settings: Settings) -> ConnectionCounts[LimitedProtocol]:
    return ConnectionCounts(settings.connections_per_address, settings.trusted_proxies)


def run_api(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Blocks; returns the exit status.

    A database that is away is waited for. Raises InvalidRequest when it may not
    listen there, StorageUnavailable when the storage cannot be opened otherwise.
    """
    settings.check_http_binding()
    # A program that sees the port open may ask to stop before the serving processes heed signals.
    asked = StopRequests()
    with asked.counting_signals():
        # What it cannot do is stated here in a sentence; within uvicorn it would be a stack trace.
        if not done_apart("mediview api start", partial(_recover, settings)):
            if not wait_for_database(settings, asked):
                return 0
            _recover(settings)
        return _listen_and_serve(settings, asked)


def _recover(settings: Settings) -> None:
    with open_storage(settings) as storage:
        storage.recovery.run_at_start()


def _listen_and_serve(settings: Settings, asked: StopRequests) -> int:
    # Large forms are spooled to the disk that is watched, not to a /tmp in memory.
    spool = settings.data_dir / "tmp"
    spool.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(spool.absolute())
    # A form of a thousand slices must not lie in memory whole.
    MultiPartParser.spool_max_size = _SPOOL_FROM_BYTES
    allow_open_files(_OPEN_FILES)
    _give_memory_back()
    with _listen(settings.http_host, settings.http_port) as listener:
        port: int = listener.getsockname()[1]
        settings = settings.model_copy(update={"http_port": port})
        count = settings.http_processes or min(len(os.sched_getaffinity(0)), _MOST_BY_DEFAULT)
        log.info("http_listening", host=settings.http_host, port=port, processes=count)
        if count == 1:
            status = _serve(make_server(settings), listener, asked)
        else:
            with metrics.shared_by_processes():
                # Made before they are forked, so that they share its memory too.
                server = make_server(settings)
                # With what they would import, each of them, before it serves.
                server.config.load()
                server.config.get_loop_factory()

                def work(number: int) -> int:
                    app: Any = server.config.app
                    app.state.watches_health = number == 1
                    return _serve(server, listener)

                status = Processes("http", count, work, asked=asked).run()
    log.info("http_stopped")
    return status


def _serve(server: Server, listener: socket.socket, asked: StopRequests | None = None) -> int:
    """Serve in this process from a listening socket; returns the exit status.

    `asked` holds the signals that came before.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        server.stop()

    # uvicorn raises the signal again once it has ended; to have been asked is no failure.
    for number in stop_signals():
        signal.signal(number, stop)
    if asked is not None and asked.count:
        server.should_exit = True
    # A model that is verified or tried here leaves nothing behind.
    begin_adopting()
    server.run(sockets=[listener])
    return 0 if server.started else 1


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket that may be inherited. Raises InvalidRequest."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise InvalidRequest(
            f"The HTTP server cannot listen on {host}:{port}: {error.strerror or error}.",
            remedy="Stop what listens there, or set MEDIVIEW_HTTP_PORT to another port.",
        ) from error
    return listener


def _give_memory_back() -> None:
    """Have glibc return large buffers at once, and share what many threads allocate (mallopt(3)).

    By itself it raises the threshold with each large buffer that is freed, and keeps
    a heap for every thread; memory would then stay at the sum of the worst moments.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _MMAP_FROM_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _MMAP_FROM_BYTES)
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
