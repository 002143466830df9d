"""What is looked at outside of this process: by /health, and by `mediview doctor`."""

import os
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from api.server.health_sentences import HealthCode, sentence
from api.server.schemas import HealthPart
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.peers import Peer
from dicom_node.scu import echo
from inference.access_groups.stored_rules import unreadable_rules
from inference.retention.outlook import disk_outlook
from storage.access_groups.repository import AccessGroups
from storage.core.clock import CLOCKS_AGREE_WITHIN_S, utcnow
from storage.db.clock_steps import last_step
from storage.hosts.repository import Hosts
from storage.integrity.repository import DamagedInstances
from storage.jobs.series_tries import SeriesTries
from storage.processes.heartbeats import Heartbeats
from storage.processes.process_roles import HL7
from storage.reconciliation.missing_volumes import is_bare
from storage.reconciliation.refused_rows import REMEDY as REFUSED_REMEDY
from storage.reconciliation.refused_rows import refused_in_words, refused_rows
from storage.retention.disk import DiskSamples
from storage.retention.repository import StudyRetention
from storage.settings import Settings, is_loopback
from storage.volumes.writer import VolumeWriter

GOOD = HealthPart(ok=True, detail="")
ECHO_TIMEOUTS = Timeouts(connect_s=5, acse_s=10, dimse_s=10, idle_s=10)
"""A receiver that hangs must not let a monitor wait for as long as a PACS may take."""

_REFUSED_LOOKED_AT = 1000
"""Monitors ask every few seconds; `mediview doctor` counts all."""
_ALIVE_WITHIN = timedelta(seconds=CLOCKS_AGREE_WITHIN_S)
_STEP_SHOWN_FOR = timedelta(hours=1)


def bad(detail: str) -> HealthPart:
    return HealthPart(ok=False, detail=detail)


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
            return bad(sentence("broker_silent"))
        return GOOD
    folder = settings.data_dir / "broker"
    writable = nearest_existing(folder)
    if not os.access(writable, os.W_OK | os.X_OK):
        return bad(sentence("broker_folder", folder=folder))
    return GOOD


def check_dicom(settings: Settings, heartbeats: Heartbeats) -> HealthPart:
    """C-ECHO where the port is on this machine; else the SCP's sign of life."""
    if not is_loopback(settings.dicom_host) or not settings.dicom_plain:
        # Bound to every address or living in another container: its address is not known here.
        # Over TLS alone it may not know this node's own certificate.
        if heartbeats.is_alive("scp", utcnow()):
            return GOOD
        return bad(sentence("dicom_silent"))
    peer = Peer(settings.ae_title, settings.dicom_host, settings.dicom_port)
    answer = echo(peer, settings.ae_title, ECHO_TIMEOUTS)
    if answer.ok:
        return GOOD
    return bad(sentence("dicom_refuses", error=answer.error))


def check_hl7(heartbeats: Heartbeats) -> HealthPart:
    """Of whichever host: orders are for all."""
    if heartbeats.is_alive(HL7.name, utcnow()):
        return GOOD
    return bad(sentence("hl7_silent", command=HL7.command))


def check_retention(
    settings: Settings, volumes: VolumeWriter, retention: StudyRetention, disk_samples: DiskSamples
) -> HealthPart:
    """Whether studies that should have left could, and what they wait for."""
    stuck = disk_outlook(settings, volumes, retention, disk_samples, utcnow()).stuck()
    return bad(stuck) if stuck else GOOD


def check_instances(damaged: DamagedInstances) -> HealthPart:
    """Whether every instance that was looked at has the bytes that arrived."""
    count = damaged.count(lost_only=True)
    if not count:
        return GOOD
    named = _named([one.sop_instance_uid for one in damaged.newest(3)], count)
    if count == 1:
        return bad(sentence("instance_lost", named=named))
    return bad(sentence("instances_lost", count=count, named=named))


def check_series_tries(series_tries: SeriesTries) -> HealthPart:
    """Whether series were set aside since the process that schedules ended over them."""
    count = series_tries.count()
    if not count:
        return GOOD
    series = [
        f"{one.series_instance_uid} of study {one.study_instance_uid}"
        for one in series_tries.newest(3)
    ]
    named = _named(series, count)
    if count == 1:
        return bad(sentence("one_series_set_aside", named=named))
    return bad(sentence("series_set_aside", count=count, named=named))


def warn_of_refused_rows(engine: Engine) -> HealthPart:
    """Which records in the volumes cannot be indexed; everything else goes on."""
    refused = refused_rows(engine, at_most=_REFUSED_LOOKED_AT)
    if not refused:
        return GOOD
    sentence = refused_in_words(refused)
    return HealthPart(ok=True, detail=f"{sentence[0].upper()}{sentence[1:]}. {REFUSED_REMEDY}")


def check_volumes(engine: Engine, volumes: Path, hosts: Hosts) -> HealthPart:
    """Whether the folder is the one in which the node's instances lie."""
    if is_bare(engine, volumes, hosts.is_elsewhere):
        return bad(sentence("volumes_missing", folder=volumes))
    return GOOD


def check_access_rules(access_groups: AccessGroups) -> HealthPart:
    """Whether the rule of each access group can be read."""
    names = unreadable_rules(access_groups.all())
    if not names:
        return GOOD
    return bad(sentence("access_rule_unreadable", names=", ".join(names)))


def check_clocks(heartbeats: Heartbeats, names: Iterable[str]) -> HealthPart:
    """Whether a process gave its last sign of life in what is the future here."""
    now = utcnow()
    ahead = {name: heartbeats.last(name) for name in names}
    for name, last in ahead.items():
        if last is not None and last - now >= _ALIVE_WITHIN:
            seconds = f"{(last - now).total_seconds():.0f}"
            return bad(sentence("clock_ahead", name=name, seconds=seconds))
    return GOOD


def check_clock(engine: Engine) -> HealthPart:
    """Whether the time of day was set by more than clocks may differ by, within the last hour."""
    step = last_step(engine)
    now = utcnow()
    if step is None or abs(now - step.at) > _STEP_SHOWN_FOR:
        return GOOD
    seconds = round(step.by.total_seconds())
    code: HealthCode = "clock_set_forward" if seconds > 0 else "clock_set_back"
    return bad(sentence(code, seconds=f"{abs(seconds):,}", when=f"{step.at:%Y-%m-%d %H:%M}"))


def _named(some: Sequence[str], count: int) -> str:
    return f"{', '.join(some)}{'' if count <= len(some) else ' and others'}"


def nearest_existing(path: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    absolute = path.absolute()
    return next(one for one in (absolute, *absolute.parents) if one.exists())
