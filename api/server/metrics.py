"""GET /metrics for Prometheus: counts and times, nothing about a patient.

Where several processes serve, each keeps its counts in a file of its own, and
whichever is asked adds them up.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, get_args

from fastapi import Request, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from api.access.policy import INTEGRATORS, policy
from api.audit_rules import PUBLIC
from api.deps import StorageDep
from api.router_factory import new_router
from api.server.kept_metrics import KeptCollector
from api.server.stage_metrics import WorkCollector, WorkStorage
from storage.container.has import HasDamaged, HasDeliveries, HasIndex, HasJobs, HasSettings
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.core.entities import JobStatus
from storage.core.state_words import state_word
from storage.dimse.traffic import TRAFFIC_BOUNDS_S, read_traffic
from storage.integrity.scrub import scrub_state
from storage.model_registry.drift import Drift

router = new_router(tags=["operation"])

# prometheus_client knows the folder by this name.
_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_JOB_STATES: tuple[JobStatus, ...] = get_args(JobStatus)


@contextmanager
def shared_by_processes() -> Iterator[None]:
    """Let the processes that are forked within add up what they count."""
    # A name of its own: containers that share the data folder may have the same process ids.
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        os.environ[_FOLDER_VARIABLE] = folder
        alone = values.ValueClass
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            values.ValueClass = alone
            del os.environ[_FOLDER_VARIABLE]


class MetricsStorage(
    WorkStorage, HasSettings, HasIndex, HasJobs, HasDeliveries, HasDamaged, Protocol
):
    """What of the storage layer metrics are read from."""

    @property
    def drift(self) -> Drift: ...


class Metrics:
    """The counters of one application; each application has its own registry."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        self._folder = os.environ.get(_FOLDER_VARIABLE, "")
        self._held: list[Collector] = []
        self._requests = Counter(
            "mediview_http_requests",
            "HTTP requests answered.",
            ("method", "route", "status"),
            registry=self._own,
        )
        self._seconds = Histogram(
            "mediview_http_request_seconds",
            "Time to answer an HTTP request, in seconds.",
            ("method", "route"),
            registry=self._own,
        )

    def request_done(self, method: str, route: str, status: int, seconds: float) -> None:
        known = method if method in _METHODS else "OTHER"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def watch(self, storage: MetricsStorage) -> None:
        """Also tell what the ledger holds, read at each scrape."""
        self._held = [_Ledger(storage), *_of_work(storage)]

    def text(self, encode: Callable[[Collector], bytes] = generate_latest) -> bytes:
        """All of it, of all processes that serve together."""
        with as_node():
            return encode(self._registry())

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        if self._folder:
            MultiProcessCollector(registry, self._folder)  # type: ignore[no-untyped-call]
        else:
            registry.register(self._own)
        for collector in self._held:
            registry.register(collector)
        return registry


def _of_work(storage: MetricsStorage) -> list[Collector]:
    engine = storage.engine
    return [WorkCollector(storage), KeptCollector(engine), _Traffic(engine)]


_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class _Ledger(Collector):
    def __init__(self, storage: MetricsStorage) -> None:
        self._storage = storage

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: registering must not read the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("mediview_jobs", "Jobs by state.", labels=["state"])
        for state in _JOB_STATES:
            jobs.add_metric([state_word(state)], self._storage.jobs.list(status=state, limit=1)[1])
        yield jobs
        yield GaugeMetricFamily(
            "mediview_studies", "Stored studies.", self._storage.index.study_count()
        )
        yield GaugeMetricFamily(
            "mediview_deliveries_due",
            "Results whose next attempt is due.",
            self._storage.deliveries.due_count(utcnow()),
        )
        drift = GaugeMetricFamily(
            "mediview_model_drift",
            "Population stability index of each measure that has drifted.",
            labels=["pipeline", "scanner", "measure"],
        )
        for one in self._storage.drift.alerts():
            drift.add_metric([one.pipeline, one.scanner, one.measure], one.stability_index)
        yield drift
        damaged = GaugeMetricFamily(
            "mediview_damaged_instances",
            "Stored instances whose bytes are not those that arrived, by what is left of them.",
            labels=["copy"],
        )
        lost = self._storage.damaged.count(lost_only=True)
        damaged.add_metric(["none"], lost)
        damaged.add_metric(["another"], self._storage.damaged.count() - lost)
        yield damaged
        scrub = scrub_state(self._storage.engine)
        if scrub is not None:
            yield GaugeMetricFamily(
                "mediview_scrub_started_timestamp_seconds",
                "When the scrub began to read all that is stored.",
                scrub.started_at.timestamp(),
            )
            yield GaugeMetricFamily(
                "mediview_scrub_checked_bytes",
                "What it has compared with digests since.",
                scrub.checked_bytes,
            )
        yield GaugeMetricFamily(
            "mediview_disk_free_bytes",
            "Free bytes where the data folder lies.",
            shutil.disk_usage(self._storage.settings.data_dir).free,
        )


class _Traffic(Collector):
    """What went over DICOM associations, as every SCP process has recorded it in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: registering must not read the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        labels = ["operation", "peer", "outcome"]
        requests = CounterMetricFamily(
            "mediview_dimse_requests", "DIMSE requests and associations.", labels=labels
        )
        instances = CounterMetricFamily(
            "mediview_dimse_instances", "Instances received or sent.", labels=labels
        )
        sizes = CounterMetricFamily(
            "mediview_dimse_bytes", "Bytes of the instances received or sent.", labels=labels
        )
        seconds = HistogramMetricFamily(
            "mediview_dimse_seconds",
            "Time to serve a DIMSE request, or that an association lasted, in seconds.",
            labels=labels,
        )
        for key, one in sorted(read_traffic(self._engine).items()):
            requests.add_metric(key, one.requests)
            instances.add_metric(key, one.instances)
            sizes.add_metric(key, one.size_bytes)
            bounds = zip(map(str, TRAFFIC_BOUNDS_S), one.within, strict=True)
            buckets = [*bounds, ("+Inf", one.requests)]
            seconds.add_metric(key, buckets, one.seconds)
        yield from (requests, instances, sizes, seconds)


@router.get("/metrics", include_in_schema=False)
@policy(INTEGRATORS, "metrics:read", PUBLIC)
def metrics(request: Request, storage: StorageDep) -> Response:
    """All metrics in Prometheus' text format, or as OpenMetrics, which has room for exemplars."""
    del storage
    counted: Metrics = request.app.state.metrics
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(counted.text(encode), media_type=media_type)
