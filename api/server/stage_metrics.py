"""Metrics of the stages of a study's way: how long they took, and what waits in them."""

import math
from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import Exemplar, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from storage.backup.last_backup import last_backup
from storage.container.has import (
    HasCircuitBreakers,
    HasEngine,
    HasHeartbeats,
    HasHosts,
    HasSettings,
)
from storage.core.clock import utcnow
from storage.processes.gpu_memory import GpuMemory, gpu_memory
from storage.processes.heartbeats import HANDLED
from storage.processes.process_roles import HL7, PROCESS_ROLES
from storage.settings import Settings
from storage.stage_times.examples import newest_examples
from storage.stage_times.repository import (
    STAGE_BOUNDS_S,
    StageKey,
    StageTimes,
    read_stage_times,
)
from storage.stage_times.waiting import awaiting_release, oldest_deliveries, oldest_waiting_jobs
from storage.traces.log_lines import TRACE_ID
from storage.traces.spans import TraceIds

# By stage: the metric, what it says, and what its subject is.
_STAGES = {
    "wait": ("job_wait", "From a job's making to its first start, in seconds.", "pipeline"),
    "job": ("job", "Time that a job ran, in seconds.", "pipeline"),
    "model_load": (
        "model_load",
        "Time of a job that went into loading models, in seconds.",
        "pipeline",
    ),
    "result": ("result", "From a series' last instance to its result, in seconds.", "pipeline"),
    "delivery": (
        "delivery",
        "From a result's making to the destination's proof that it holds it, in seconds.",
        "destination",
    ),
}


class WorkStorage(HasEngine, HasSettings, HasCircuitBreakers, HasHeartbeats, HasHosts, Protocol):
    """What of the storage layer metrics of work are read from."""


class WorkCollector(Collector):
    def __init__(self, storage: WorkStorage) -> None:
        self._storage = storage

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: registering must not read the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield from self._times()
        yield from self._waiting()
        yield from self._signs_of_life()
        yield from self._hosts()
        yield from self._gpus()
        backed_up_at = last_backup(self._storage.engine)
        if backed_up_at is not None:
            yield GaugeMetricFamily(
                "mediview_backup_timestamp_seconds",
                "When the last backup ended that lacked nothing which the node had lost.",
                backed_up_at.timestamp(),
            )

    def _times(self) -> Iterator[Metric]:
        found = read_stage_times(self._storage.engine)
        exemplars = self._exemplars()
        for stage, (name, text, subject) in _STAGES.items():
            labels = [subject, "outcome"] if stage == "job" else [subject]
            metric = HistogramMetricFamily(f"mediview_{name}_seconds", text, labels=labels)
            for key in sorted(one for one in found if one.stage == stage):
                times = found[key]
                buckets = with_exemplar(times, exemplars.get(key))
                metric.add_metric(_labels(key, labels), buckets, times.seconds)
            yield metric

    def _exemplars(self) -> dict[StageKey, Exemplar]:
        """By stage: the newest that it was measured at, by the trace of its study."""
        settings = self._storage.settings
        if not settings.traces_url:
            return {}
        ids = TraceIds(settings.data_dir)
        return {
            key: Exemplar(
                {TRACE_ID: ids.name_of_study(one.study_instance_uid)},
                one.seconds,
                one.at.timestamp(),
            )
            for key, one in newest_examples(self._storage.engine, utcnow()).items()
        }

    def _waiting(self) -> Iterator[Metric]:
        now = utcnow()
        jobs = GaugeMetricFamily(
            "mediview_oldest_waiting_job_seconds",
            "For how long the oldest job has waited that a worker could take.",
            labels=["queue", "pipeline"],
        )
        for of, since in sorted(oldest_waiting_jobs(self._storage.engine, now).items()):
            jobs.add_metric(of, max((now - since).total_seconds(), 0))
        yield jobs
        deliveries = GaugeMetricFamily(
            "mediview_oldest_delivery_seconds",
            "For how long the oldest instance has been on its way to a destination.",
            labels=["destination"],
        )
        for destination, since in sorted(oldest_deliveries(self._storage.engine).items()):
            deliveries.add_metric([destination], max((now - since).total_seconds(), 0))
        yield deliveries
        away = GaugeMetricFamily(
            "mediview_destination_out_of_reach_seconds",
            "For how long a destination has been out of reach.",
            labels=["destination"],
        )
        for breaker in self._storage.circuit_breakers.all():
            away.add_metric([breaker.destination], max((now - breaker.since).total_seconds(), 0))
        yield away
        yield GaugeMetricFamily(
            "mediview_deliveries_awaiting_release",
            "Results that a person has to release.",
            awaiting_release(self._storage.engine),
        )

    def _signs_of_life(self) -> Iterator[Metric]:
        now = utcnow()
        ages = GaugeMetricFamily(
            "mediview_sign_of_life_age_seconds",
            "How long ago a process gave its last sign of life; tick: the clock's last round.",
            labels=["process"],
        )
        for name in (*_named_roles(self._storage.settings), HANDLED):
            last = self._storage.heartbeats.last(name)
            if last is not None:
                ages.add_metric([name], max((now - last).total_seconds(), 0))
            elif name == HL7.name:
                # No study waits for it, so that nobody else would notice that it never came.
                ages.add_metric([name], math.inf)
        yield ages

    def _hosts(self) -> Iterator[Metric]:
        """Of several hosts with disks of their own; a host is named as `mediview hosts list` does.

        Signs of life of processes are those of any host: one that receives alone would be missed
        by nobody.
        """
        silence = GaugeMetricFamily(
            "mediview_host_silence_seconds",
            "How long ago a host gave its last sign of life; none of one that ended in order.",
            labels=["host"],
        )
        alone = GaugeMetricFamily(
            "mediview_host_instances_alone",
            "Instances that a host has, and neither the bucket nor another host.",
            labels=["host"],
        )
        waiting = GaugeMetricFamily(
            "mediview_host_oldest_alone_seconds",
            "How long ago the oldest of these was received.",
            labels=["host"],
        )
        free = GaugeMetricFamily(
            "mediview_host_disk_free_bytes",
            "Free bytes where the data folder of a host lies, at its last sign of life.",
            labels=["host"],
        )
        marks = GaugeMetricFamily(
            "mediview_host_disk_mark_bytes",
            "Free bytes below which a host receives nothing.",
            labels=["host"],
        )
        hosts, now = self._storage.hosts, utcnow()
        for one in hosts.all() if hosts.own_disks else ():
            if hosts.is_missed(one):
                silence.add_metric([str(one)], max(one.silent_for.total_seconds(), 0))
            alone.add_metric([str(one)], hosts.uncopied_count(one))
            if (since := hosts.uncopied_since(one)) is not None:
                waiting.add_metric([str(one)], max((now - since).total_seconds(), 0))
            if one.free_bytes is not None and one.free_disk_mark_bytes is not None:
                free.add_metric([str(one)], one.free_bytes)
                marks.add_metric([str(one)], one.free_disk_mark_bytes)
        yield from (silence, alone, waiting, free, marks)

    def _gpus(self) -> Iterator[Metric]:
        """Of the processes of each worker that compute on one.

        Without a label of the single process, of which each has a new one for ever.
        """
        labels = ["host", "process", "device", "name"]
        free = GaugeMetricFamily(
            "mediview_gpu_memory_free_bytes",
            "Memory of a GPU that a worker's jobs may use: what nobody has, and what its process"
            " has without using it. Of several processes that of the one with the least.",
            labels=labels,
        )
        total = GaugeMetricFamily(
            "mediview_gpu_memory_total_bytes", "Memory that a GPU has.", labels=labels
        )
        reserved = GaugeMetricFamily(
            "mediview_gpu_memory_reserved_bytes",
            "Memory of a GPU that a worker's processes have for their models and what they compute,"
            " used or not.",
            labels=labels,
        )
        of_workers: dict[tuple[str, str, str, str], list[GpuMemory]] = {}
        for one in gpu_memory(self._storage.engine, utcnow()):
            named = (one.host, one.process, str(one.memory.device), one.memory.name)
            of_workers.setdefault(named, []).append(one.memory)
        for named, found in of_workers.items():
            free.add_metric(named, min(one.free_bytes for one in found))
            total.add_metric(named, max(one.total_bytes for one in found))
            reserved.add_metric(named, sum(one.reserved_bytes for one in found))
        yield from (free, total, reserved)


Bucket = tuple[str, float] | tuple[str, float, Exemplar]


def with_exemplar(times: StageTimes, exemplar: Exemplar | None) -> list[Bucket]:
    """Buckets of a histogram; the exemplar stands in the one that it belongs to."""
    bounds = (*STAGE_BOUNDS_S, math.inf)
    counts = (*times.within, times.count)
    buckets: list[Bucket] = []
    below = -math.inf
    for bound, count in zip(bounds, counts, strict=True):
        name = "+Inf" if bound == math.inf else str(bound)
        if exemplar is not None and below < exemplar.value <= bound:
            buckets.append((name, count, exemplar))
        else:
            buckets.append((name, count))
        below = bound
    return buckets


def _named_roles(settings: Settings) -> Iterator[str]:
    """HL7 where a port is named: a site that has stopped to listen misses nobody."""
    for role in PROCESS_ROLES:
        if role.gives_signs_of_life and (role is not HL7 or settings.hl7_port):
            yield role.name


def _labels(key: StageKey, labels: list[str]) -> list[str]:
    return [key.subject, key.outcome][: len(labels)]
