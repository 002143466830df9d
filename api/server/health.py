"""GET /health: each part of the node by name, and what to do where one does not work."""

import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Protocol

from fastapi import Depends, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from api.access.policy import ANYONE, policy
from api.access.principal import OptionalPrincipalDep
from api.audit_rules import PUBLIC
from api.deps import StorageDep
from api.router_factory import new_router
from api.server.checks.disk import (
    check_disk,
    check_disk_speed,
    index_probe,
    volumes_probe,
    warn_of_disk,
)
from api.server.checks.health import (
    GOOD,
    bad,
    check_access_rules,
    check_broker,
    check_clock,
    check_clocks,
    check_dicom,
    check_hl7,
    check_instances,
    check_retention,
    check_series_tries,
    check_volumes,
    warn_of_refused_rows,
)
from api.server.checks.hosts import check_hosts
from api.server.checks.index import IndexProbe, warn_of_dead_rows
from api.server.checks.jobs import check_jobs
from api.server.checks.model_servers import check_model_servers
from api.server.health_sentences import sentence
from api.server.schemas import Health, HealthPart
from storage.container.has import (
    HasAccessGroups,
    HasCircuitBreakers,
    HasComponents,
    HasDamaged,
    HasDiskSamples,
    HasEngine,
    HasHeartbeats,
    HasHosts,
    HasJobs,
    HasObjects,
    HasRetention,
    HasSeriesTries,
    HasSettings,
    HasVolumes,
)
from storage.core.clock import utcnow
from storage.core.errors import IndexDamaged, MediViewError
from storage.core.open_files import shortage
from storage.db.commits_wait import not_durable
from storage.db.schema import check_answers
from storage.db.sqlite_files.log_recovery import LOST_CHANGES_REMEDY, lost_changes
from storage.db.sqlite_files.replacement import index_path
from storage.processes.heartbeats import HANDLED
from storage.processes.process_roles import working_roles

router = new_router(tags=["operation"])

# Without these the node takes nothing in; the others delay what it does with it.
NEEDED = frozenset({"database", "objects", "disk"})
# Monitors ask often; an association for each of them would be noise to the SCP.
_DICOM_ASKED_EVERY_S = 5.0


class HealthStorage(
    HasSettings,
    HasEngine,
    HasObjects,
    HasVolumes,
    HasDamaged,
    HasJobs,
    HasSeriesTries,
    HasHeartbeats,
    HasHosts,
    HasComponents,
    HasCircuitBreakers,
    HasAccessGroups,
    HasRetention,
    HasDiskSamples,
    Protocol,
):
    """What of the storage layer is asked whether the node works."""


class HealthChecks:
    """The parts of one node, looked at again for each request."""

    def __init__(self, storage: HealthStorage) -> None:
        self._storage = storage
        self._settings = storage.settings
        self._lock = threading.Lock()
        self._probe = volumes_probe(storage.settings)
        self._index_probe = IndexProbe(storage.engine)
        self._index_disk = index_probe(storage.settings)
        self._dicom: HealthPart | None = None
        self._dicom_asked_at = 0.0

    def run(self) -> Health:
        checks: dict[str, Callable[[], HealthPart]] = {
            "database": self.database_and_history,
            "objects": self.objects,
            "broker": self.broker,
            "worker": self.worker,
            "dicom": self.dicom,
            "disk": self.disk,
            "disk_speed": self.disk_speed,
            "clock": self.clock,
            "retention": self.retention,
            "components": self.components,
            "instances": self.instances,
            "model_servers": self.model_servers,
            "access_rules": self.access_rules,
            "jobs": self.jobs,
            "open_files": self.open_files,
        }
        if self._settings.hl7_port:
            checks["hl7"] = self.hl7
        parts = {name: _guarded(check).with_codes() for name, check in checks.items()}
        return Health(
            status="ok" if all(part.ok for part in parts.values()) else "degraded",
            parts=parts,
            version=version("mediview"),
        )

    def takes_in(self) -> bool:
        """Whether the parts work without which nothing can be stored."""
        needed = (self.database, self.objects, self.disk)
        return all(_guarded(check).ok for check in needed)

    def database(self) -> HealthPart:
        """Whether it answers, and takes changes."""
        if self._index_disk is not None and (failure := self._index_disk.failure()):
            return bad(failure)
        try:
            check_answers(self._storage.engine)
        except IndexDamaged:
            raise
        except (MediViewError, SQLAlchemyError) as error:
            if isinstance(error, MediViewError) and index_path(self._settings) is not None:
                raise
            return bad(sentence("database_silent"))
        failure = self._index_probe.failure()
        return bad(failure) if failure else GOOD

    def database_and_history(self) -> HealthPart:
        """The database, and whether changes were or would be lost; it warns of dead rows."""
        part = self.database()
        if part.ok and (loses := not_durable(self._storage.engine)):
            return bad(loses)
        lost = lost_changes(path) if (path := index_path(self._settings)) else ""
        if part.ok and not lost:
            return warn_of_dead_rows(self._storage.engine)
        return bad(f"{lost} {LOST_CHANGES_REMEDY}") if part.ok else part

    def objects(self) -> HealthPart:
        self._storage.objects.check()
        return GOOD

    def broker(self) -> HealthPart:
        return check_broker(self._settings)

    def worker(self) -> HealthPart:
        roles = working_roles(self._settings)
        missing = [
            role.command
            for role in roles
            if not self._storage.heartbeats.is_alive(role.name, utcnow())
        ]
        if not missing:
            if self._storage.heartbeats.is_alive(HANDLED, utcnow()):
                return GOOD
            return bad(sentence("no_tick"))
        clocks = check_clocks(self._storage.heartbeats, [role.name for role in roles])
        if not clocks.ok:
            return clocks
        return bad(sentence("not_running", commands=", ".join(missing)))

    def dicom(self) -> HealthPart:
        with self._lock:
            if (
                self._dicom is None
                or time.monotonic() - self._dicom_asked_at > _DICOM_ASKED_EVERY_S
            ):
                self._dicom = check_dicom(self._storage.settings, self._storage.heartbeats)
                self._dicom_asked_at = time.monotonic()
            return self._dicom

    def hl7(self) -> HealthPart:
        return check_hl7(self._storage.heartbeats)

    def disk(self) -> HealthPart:
        found = check_disk(self._settings, self._probe)
        return (
            warn_of_disk(
                self._storage.settings,
                self._storage.volumes,
                self._storage.retention,
                self._storage.disk_samples,
            )
            if found.ok
            else found
        )

    def disk_speed(self) -> HealthPart:
        return check_disk_speed(self._probe)

    def clock(self) -> HealthPart:
        return check_clock(self._storage.engine)

    def retention(self) -> HealthPart:
        return check_retention(
            self._storage.settings,
            self._storage.volumes,
            self._storage.retention,
            self._storage.disk_samples,
        )

    def components(self) -> HealthPart:
        """What the self-tests found when the node started."""
        failed = self._storage.components.failed()
        if not failed:
            return GOOD
        sentences = (f"{one.name} on {host}: {one.detail} {one.remedy}" for host, one in failed)
        return bad(" ".join(sentences))

    def instances(self) -> HealthPart:
        """What was found damaged or lost, and has no right copy, or is not in the index."""
        storage = self._storage
        found = check_volumes(storage.engine, storage.volumes.folder, storage.hosts)
        found = check_hosts(storage.hosts) if found.ok else found
        found = check_instances(self._storage.damaged) if found.ok else found
        found = check_series_tries(self._storage.series_tries) if found.ok else found
        return warn_of_refused_rows(self._storage.engine) if found.ok else found

    def model_servers(self) -> HealthPart:
        return check_model_servers(self._storage.settings, self._storage.circuit_breakers)

    def access_rules(self) -> HealthPart:
        return check_access_rules(self._storage.access_groups)

    def jobs(self) -> HealthPart:
        return check_jobs(self._storage.settings, self._storage.jobs)

    def open_files(self) -> HealthPart:
        """Of this process; others say so in their logs, and the receiver by its rejections."""
        return bad(detail) if (detail := shortage()) else GOOD


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
@policy(ANYONE, "api:read", PUBLIC)
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
        return bad(f"{error.message} {error.remedy}".strip())
    except (OSError, SQLAlchemyError) as error:
        return bad(sentence("check_failed", error=type(error).__name__))
