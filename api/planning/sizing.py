"""From a day's load to cores, memory, disk, bandwidth and hosts."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from api.planning.costs import Costs
from api.planning.load import Load
from storage.core.errors import InvalidRequest

GIB = 1 << 30
_DAYS_PER_YEAR = 365


@dataclass(frozen=True)
class Site:
    """What there is, or what is wanted of it."""

    cores_per_host: int = 16
    memory_per_host_gib: int = 64
    spare_hosts: int = 1
    """Of the hosts so many may be away in the busiest hour."""
    utilisation_percent: float = 60
    """How much of the cores the busiest hour may take."""
    outage_hours: float = 12
    """How long the bucket may be away while the hosts go on receiving."""
    cached_days: float = 7
    """How long instances stay on local disks beside the bucket."""
    years: float = 10
    """How long they stay in the bucket, and their rows in the database."""

    def __post_init__(self) -> None:
        """Raises InvalidRequest, which names what cannot be."""
        for name, value, least, most in (
            ("cores of a host", self.cores_per_host, 1, 1024),
            ("GiB of memory of a host", self.memory_per_host_gib, 4, 16_384),
            ("spare hosts", self.spare_hosts, 0, 100),
            ("percent of the cores in use", self.utilisation_percent, 5, 95),
            ("hours without the bucket", self.outage_hours, 0, 720),
            ("days on local disks", self.cached_days, 0, 3650),
            ("years in the bucket", self.years, 0, 100),
        ):
            # Not nan either, which compares with nothing.
            if not least <= value <= most:
                raise InvalidRequest(
                    f"{value:g} {name} cannot be planned with.",
                    remedy=f"Name a number from {least:,} to {most:,}.",
                )


@dataclass(frozen=True)
class Plan:
    """What the busiest hour, and the years, need."""

    instances_per_day: float
    bytes_per_day: float
    peak_instances_per_s: float
    receiving_cores: float
    copying_cores: float
    deciding_cores: float
    serving_cores: float
    sending_cores: float
    pipeline_cores: float
    cores: float
    """All of them at the utilisation that is wanted."""
    pipeline_processes: int
    memory_bytes: float
    """Of all hosts without the spare ones; PostgreSQL, Redis and the page cache come on top."""
    hosts: int
    """With the spare ones."""
    local_disk_bytes_per_host: float
    """With the spare hosts away."""
    bucket_bytes: float
    database_bytes: float
    incoming_bits_per_s: float
    bucket_bits_per_s: float
    reading_bits_per_s: float
    sending_bits_per_s: float

    def payload(self) -> dict[str, Any]:
        """As one JSON object; units stand in the names."""
        return asdict(self)


def plan(load: Load, site: Site, costs: Costs) -> Plan:
    """The hosts that are alike, each of which receives, copies, decides, serves and computes."""
    peak = load.peak
    by_size = load.instances_by_size()
    instances, size_bytes = load.instances_per_day, load.bytes_per_day
    receiving = peak * sum(count * costs.receiving_cpu_s(size) for count, size in by_size)
    copying = peak * sum(count * costs.copying_cpu_s(size) for count, size in by_size)
    deciding = peak * instances * costs.deciding_cpu_s
    read, sent = load.read_percent / 100, load.sent_percent / 100
    serving = peak * instances * read * costs.serving_cpu_s
    sending = peak * instances * sent * costs.sending_cpu_s
    jobs = {
        name: peak * load.studies_per_day * percent / 100
        for name, percent in load.pipelines.items()
    }
    computing = sum(
        by_second * costs.pipeline(name).value * costs.pipeline(name).cores
        for name, by_second in jobs.items()
    )
    used = site.utilisation_percent / 100
    # A process has one job at a time; each keeps its models, and may be at the largest of them.
    processes = math.ceil(
        sum(rate * costs.pipeline(name).value for name, rate in jobs.items()) / used
    )
    largest = max(
        (costs.pipeline(name).peak_memory_bytes for name, rate in jobs.items() if rate), default=0
    )
    cores = (receiving + copying + deciding + serving + sending + computing) / used
    working = _hosts(cores, processes * largest, site, costs)
    bits = 8 * peak * size_bytes
    local = size_bytes * site.cached_days + peak * size_bytes * 3600 * site.outage_hours
    days = site.years * _DAYS_PER_YEAR
    return Plan(
        instances_per_day=instances,
        bytes_per_day=size_bytes,
        peak_instances_per_s=peak * instances,
        receiving_cores=receiving,
        copying_cores=copying,
        deciding_cores=deciding,
        serving_cores=serving,
        sending_cores=sending,
        pipeline_cores=computing,
        cores=cores,
        pipeline_processes=processes,
        memory_bytes=processes * largest + working * costs.host_memory_bytes,
        hosts=working + site.spare_hosts,
        local_disk_bytes_per_host=local / working,
        bucket_bytes=size_bytes * days,
        database_bytes=instances * costs.row_bytes * days,
        incoming_bits_per_s=bits,
        bucket_bits_per_s=bits,
        reading_bits_per_s=bits * read,
        sending_bits_per_s=bits * sent,
    )


def _hosts(cores: float, job_memory_bytes: float, site: Site, costs: Costs) -> int:
    """How many share the work without the spare ones. Raises InvalidRequest."""
    room = site.memory_per_host_gib * GIB - costs.host_memory_bytes
    if room <= 0:
        raise InvalidRequest(
            f"{site.memory_per_host_gib} GiB of memory hold no host.",
            remedy="Name hosts with more memory.",
        )
    return max(1, math.ceil(cores / site.cores_per_host), math.ceil(job_memory_bytes / room))
