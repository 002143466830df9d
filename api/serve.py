"""Run the HTTP side with uvicorn, and end it within seconds."""

import resource
import signal
import tempfile
from types import FrameType

import structlog
import uvicorn
from starlette.formparsers import MultiPartParser

from api.app import create_app
from storage.opening import open_storage
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Answers under way get this long; live streams end by themselves at once.
_GRACE_S = 5
_BACKLOG = 512
_SPOOL_FROM_BYTES = 64 * 1024
_OPEN_FILES = 8192


def make_server(settings: Settings) -> uvicorn.Server:
    """A server that is not yet running; its application knows when it is asked to stop."""
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            backlog=_BACKLOG,
            # Our own lines carry no query strings.
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=True,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=_GRACE_S,
            # What a proxy in front says of the client is not needed, so it is not trusted.
            proxy_headers=False,
        )
    )
    app.state.stopping = lambda: server.should_exit
    return server


def run_api(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Blocks; returns the exit status.

    Raises InvalidRequest when it may not listen there, StorageUnavailable when
    the storage cannot be opened.
    """
    settings.check_binding(settings.http_host, "The HTTP server")
    with open_storage(settings):
        # Told here in a sentence; within uvicorn it would be a stack trace.
        pass
    # Large forms are spooled to the disk that is watched, not to a /tmp in memory.
    spool = settings.data_dir / "tmp"
    spool.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(spool.absolute())
    # A form of a thousand slices must not lie in memory whole.
    MultiPartParser.spool_max_size = _SPOOL_FROM_BYTES
    _allow_open_files(_OPEN_FILES)
    server = make_server(settings)
    log.info("http_listening", host=settings.http_host, port=settings.http_port)

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        server.should_exit = True

    # uvicorn raises the signal again once it has ended; to have been asked is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run()
    log.info("http_stopped")
    return 0 if server.started else 1


def _allow_open_files(wanted: int) -> None:
    """Raise the soft limit of open files towards `wanted`, as far as the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
