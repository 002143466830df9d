"""GET /health: each part of the node by name, and what to do where one does not work."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.access.principal import OptionalPrincipalDep
from api.deps import StorageDep
from api.payloads.health import Health, HealthPart
from api.routing import new_router
from dicom_node.peers import Peer
from dicom_node.scu import echo
from storage.clock import utcnow
from storage.errors import MediViewError
from storage.opening import Storage
from storage.settings import Settings, is_loopback

router = new_router(tags=["operation"])

# Without these the node takes nothing in; the others delay what it does with it.
NEEDED = frozenset({"database", "objects", "disk"})
_ALIVE_WITHIN = timedelta(seconds=30)
# Monitors ask often; an association for each of them would be noise to the SCP.
_DICOM_ASKED_EVERY_S = 5.0
_WORKERS = {
    "worker-jobs": "mediview worker --queue jobs",
    "worker-control": "mediview worker --queue control",
    "worker-language": "mediview worker --queue language",
    "beat": "mediview beat",
}
_GOOD = HealthPart(ok=True, detail="")


class HealthChecks:
    """The parts of one node, looked at anew for each request."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._settings = storage.settings
        self._lock = threading.Lock()
        self._dicom: HealthPart | None = None
        self._dicom_asked_at = 0.0

    def run(self) -> Health:
        checks: dict[str, Callable[[], HealthPart]] = {
            "database": self.database,
            "objects": self.objects,
            "broker": self.broker,
            "worker": self.worker,
            "dicom": self.dicom,
            "disk": self.disk,
        }
        parts = {name: _guarded(check) for name, check in checks.items()}
        return Health(
            status="ok" if all(part.ok for part in parts.values()) else "degraded",
            parts=parts,
            version=version("mediview"),
        )

    def database(self) -> HealthPart:
        try:
            with self._storage.engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM study WHERE 1 = 0"))
        except SQLAlchemyError:
            return _bad("The database does not answer. Check MEDIVIEW_DATABASE_URL.")
        return _GOOD

    def objects(self) -> HealthPart:
        self._storage.objects.check()
        return _GOOD

    def broker(self) -> HealthPart:
        return check_broker(self._settings)

    def worker(self) -> HealthPart:
        missing = [
            command for name, command in _WORKERS.items() if not is_alive(self._storage, name)
        ]
        if not missing:
            return _GOOD
        return _bad(f"Not running: {', '.join(missing)}. Start with `mediview up` or one by one.")

    def dicom(self) -> HealthPart:
        with self._lock:
            if (
                self._dicom is None
                or time.monotonic() - self._dicom_asked_at > _DICOM_ASKED_EVERY_S
            ):
                self._dicom = check_dicom(self._storage)
                self._dicom_asked_at = time.monotonic()
            return self._dicom

    def disk(self) -> HealthPart:
        return check_disk(self._settings)


def check_broker(settings: Settings) -> HealthPart:
    """Whether wake-ups could be sent. Without it work is delayed, never lost."""
    if settings.broker_url:
        from redis import Redis
        from redis.exceptions import RedisError

        try:
            with Redis.from_url(
                settings.broker_url, socket_connect_timeout=2, socket_timeout=2
            ) as client:
                client.ping()
        except (RedisError, OSError, ValueError):
            return _bad("The broker does not answer. Check MEDIVIEW_BROKER_URL.")
        return _GOOD
    folder = settings.data_dir / "broker"
    writable = _nearest_existing(folder)
    if not os.access(writable, os.W_OK | os.X_OK):
        return _bad(f"The broker's folder {folder} is not writable.")
    return _GOOD


def check_dicom(storage: Storage) -> HealthPart:
    """C-ECHO where the port is on this machine; else the SCP's sign of life."""
    settings = storage.settings
    if not is_loopback(settings.dicom_host):
        # Bound to every address or living in another container: its address is not known here.
        if is_alive(storage, "scp"):
            return _GOOD
        return _bad("The DICOM SCP has given no sign of life. Start it with `mediview scp`.")
    peer = Peer(settings.ae_title, settings.dicom_host, settings.dicom_port)
    answer = echo(peer, settings.ae_title)
    if answer.ok:
        return _GOOD
    return _bad(
        f"Nothing answers C-ECHO as {peer}. Start it with `mediview scp`;"
        " the port is MEDIVIEW_DICOM_PORT."
    )


def check_disk(settings: Settings) -> HealthPart:
    free_bytes = shutil.disk_usage(_nearest_existing(settings.data_dir)).free
    if free_bytes < settings.free_disk_mark_bytes:
        return _bad(
            f"{free_bytes // 2**20} MiB are free where {settings.data_dir} lies; the node takes"
            f" nothing below {settings.free_disk_mark_bytes // 2**20} MiB. Free disk space."
        )
    return _GOOD


def is_alive(storage: Storage, name: str) -> bool:
    """Whether a process gave a sign of life within the last half minute."""
    last = storage.heartbeats.last(name)
    return last is not None and utcnow() - last < _ALIVE_WITHIN


def get_checks(request: Request) -> HealthChecks:
    checks: HealthChecks = request.app.state.health
    return checks


@router.get(
    "/health",
    summary="Whether each part of the node works",
    responses={503: {"model": Health, "description": "A part that is needed is down."}},
)
@router.get(
    "/api/health",
    name="probe_health",
    summary="The same, for probes that reach /api alone",
    responses={503: {"model": Health, "description": "A part that is needed is down."}},
)
def health(
    response: Response,
    storage: StorageDep,
    checks: Annotated[HealthChecks, Depends(get_checks)],
    principal: OptionalPrincipalDep,
) -> Health:
    """`ok`, or `degraded` with the reason at each part; 503 when nothing can be taken in.

    Who has not signed in hears the status alone, without parts and version.
    """
    del storage
    found = checks.run()
    if any(not found.parts[name].ok for name in NEEDED):
        response.status_code = 503
    response.headers["Cache-Control"] = "no-store"
    return found if principal is not None else Health(status=found.status, parts={}, version="")


def _guarded(check: Callable[[], HealthPart]) -> HealthPart:
    try:
        return check()
    except MediViewError as error:
        return _bad(f"{error.message} {error.remedy}".strip())
    except (OSError, SQLAlchemyError) as error:
        return _bad(f"The check itself failed: {type(error).__name__}.")


def _bad(detail: str) -> HealthPart:
    return HealthPart(ok=False, detail=detail)


def _nearest_existing(path: Path) -> Path:
    absolute = path.absolute()
    return next(one for one in (absolute, *absolute.parents) if one.exists())
