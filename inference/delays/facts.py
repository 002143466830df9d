"""What the node knows of a study and of itself, read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from inference.broker.celery_config import GPU_QUEUE, JOBS_QUEUE
from inference.routing.service import of_kind
from inference.rules.file import current_rules
from inference.rules.routing_rule import RoutingRule
from storage.container.has import (
    HasAcceptanceDecisions,
    HasAccessGroups,
    HasCircuitBreakers,
    HasDeliveries,
    HasEngine,
    HasExpectations,
    HasHeartbeats,
    HasHosts,
    HasIndex,
    HasJobs,
    HasPeers,
    HasRejectionNotes,
    HasRouting,
    HasSettings,
    HasVolumes,
)
from storage.core.entities import Decision, Delivery, Job, Series
from storage.core.errors import InvalidRequest
from storage.deliveries.circuit_breaker import OpenBreaker
from storage.deliveries.listing import DeliveryFilter, list_deliveries
from storage.hosts.entities import Host
from storage.index.expected_instances import Announced
from storage.processes.heartbeats import HANDLED
from storage.processes.process_roles import worker_name
from storage.rejection_notes.repository import IgnoredNote
from storage.routing.repository import Route
from storage.settings import Settings

# Who waits behind more is informed that they are more.
JOBS_LOOKED_AT = 1000
_CANCELLED_LOOKED_AT = 1000


@dataclass(frozen=True)
class StudyFacts:
    now: datetime
    settings: Settings
    series: list[Series]
    """Those that were received."""
    announced: Mapping[str, Announced]
    """By SeriesInstanceUID: what still arrives and was announced."""
    decisions: list[Decision]
    jobs: list[Job]
    """Of each series and pipeline the newest."""
    due_jobs: list[Job]
    """Of all studies, in the order in which workers take them."""
    deliveries: list[Delivery]
    """Of results."""
    routes: list[Route]
    """On which received instances go on."""
    study_rules_asked_at: datetime | None
    """When rules that send whole studies are asked about it."""
    study_rules: Sequence[RoutingRule]
    cancelled: list[Delivery]
    """Those that will not be sent, of results and of received instances."""
    ignored_notes: list[IgnoredNote]
    """Rejection notes whose senders may not reject."""
    due_deliveries: int
    breakers: Mapping[str, OpenBreaker]
    destinations: frozenset[str]
    """Names of peers that get results."""
    peers: frozenset[str]
    """Names of all of them."""
    last_tick: datetime | None
    """When the control worker last looked for work."""
    alive: frozenset[str]
    """Queues whose workers gave a sign of life."""
    free_bytes: int
    uncopied: Mapping[Host | None, int]
    """How many instances one host has alone, of several with disks of their own; None: this one."""
    groups_enforced: bool
    groups: frozenset[str]


class StudyFactStorage(
    HasSettings,
    HasEngine,
    HasIndex,
    HasVolumes,
    HasExpectations,
    HasJobs,
    HasAcceptanceDecisions,
    HasDeliveries,
    HasCircuitBreakers,
    HasPeers,
    HasRejectionNotes,
    HasRouting,
    HasHeartbeats,
    HasHosts,
    HasAccessGroups,
    Protocol,
):
    """What of the storage layer says how far a study is."""


def read_facts(storage: StudyFactStorage, study_instance_uid: str, now: datetime) -> StudyFacts:
    """Raises NotFound, StorageUnavailable."""
    storage.index.study(study_instance_uid)
    heartbeats = storage.heartbeats
    rules = _study_rules(storage.settings)
    return StudyFacts(
        now=now,
        settings=storage.settings,
        series=[
            one for one in storage.index.series_of(study_instance_uid) if one.origin != "generated"
        ],
        announced={
            one.series.series_instance_uid: one
            for one in storage.expectations.of_receiving()
            if one.series.study_instance_uid == study_instance_uid
        },
        decisions=storage.acceptance_decisions.of_study(study_instance_uid),
        jobs=_newest(storage.jobs.of_studies([study_instance_uid])[study_instance_uid]),
        due_jobs=storage.jobs.due(now, JOBS_LOOKED_AT),
        deliveries=[
            one
            for one in storage.deliveries.of_studies([study_instance_uid])[study_instance_uid]
            if one.cause == "RESULT"
        ],
        routes=storage.routing.routes_of(study_instance_uid),
        study_rules_asked_at=storage.routing.study_due_at(study_instance_uid) if rules else None,
        study_rules=rules,
        cancelled=list_deliveries(
            storage.engine,
            DeliveryFilter(study_instance_uid=study_instance_uid, state="CANCELLED"),
            _CANCELLED_LOOKED_AT,
            0,
        )[0],
        ignored_notes=storage.rejection_notes.ignored(study_instance_uid),
        due_deliveries=storage.deliveries.due_count(now),
        breakers={one.destination: one for one in storage.circuit_breakers.all()},
        destinations=frozenset(one.name for one in storage.peers.destinations()),
        peers=frozenset(one.name for one in storage.peers.all()),
        last_tick=heartbeats.last(HANDLED),
        alive=frozenset(
            queue
            for queue in (JOBS_QUEUE, GPU_QUEUE)
            if heartbeats.is_alive(worker_name(queue), now)
        ),
        free_bytes=storage.volumes.free_bytes(),
        uncopied=storage.hosts.uncopied_of_study(study_instance_uid),
        groups_enforced=storage.access_groups.state().is_enforced,
        groups=frozenset(storage.access_groups.of_study(study_instance_uid)),
    )


def _newest(jobs: list[Job]) -> list[Job]:
    newest: dict[tuple[str, str], Job] = {}
    for job in sorted(jobs, key=lambda one: one.created_at):
        newest[job.series_instance_uid, job.pipeline] = job
    return list(newest.values())


def _study_rules(settings: Settings) -> Sequence[RoutingRule]:
    try:
        return of_kind(current_rules(settings), "study").routing
    except InvalidRequest:
        # They are wrong now, which is named otherwise.
        return ()
