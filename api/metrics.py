"""GET /metrics for Prometheus: counts and times, nothing about a patient."""

import shutil
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.deps import StorageDep
from storage.clock import utcnow
from storage.entities import JobState
from storage.opening import Storage

router = APIRouter(tags=["operation"])

_JOB_STATES: tuple[JobState, ...] = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")


class Metrics:
    """The counters of one application; each application has its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "mediview_http_requests",
            "HTTP requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "mediview_http_request_seconds",
            "Time to answer an HTTP request, in seconds.",
            ("method", "route"),
            registry=self.registry,
        )

    def request_done(self, method: str, route: str, status: int, seconds: float) -> None:
        known = method if method in _METHODS else "OTHER"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def watch(self, storage: Storage) -> None:
        """Also tell what the ledger holds, read at each scrape."""
        self.registry.register(_Ledger(storage))


_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class _Ledger(Collector):
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: registering must not read the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("mediview_jobs", "Jobs by state.", labels=["state"])
        for state in _JOB_STATES:
            jobs.add_metric([state], self._storage.jobs.list(state=state, limit=1)[1])
        yield jobs
        yield GaugeMetricFamily(
            "mediview_studies", "Studies held.", self._storage.index.studies(1, 0)[1]
        )
        yield GaugeMetricFamily(
            "mediview_deliveries_due",
            "Results whose next attempt is due.",
            self._storage.deliveries.due_count(utcnow()),
        )
        yield GaugeMetricFamily(
            "mediview_disk_free_bytes",
            "Free bytes where the data folder lies.",
            shutil.disk_usage(self._storage.settings.data_dir).free,
        )


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request, storage: StorageDep) -> Response:
    """All metrics in Prometheus' text format."""
    del storage
    registry: CollectorRegistry = request.app.state.metrics.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
