"""What is looked at outside of this process: by /health, and by `mediview doctor`."""

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

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
            return bad("The broker does not answer. Check MEDIVIEW_BROKER_URL.")
        return GOOD
    folder = settings.data_dir / "broker"
    writable = nearest_existing(folder)
    if not os.access(writable, os.W_OK | os.X_OK):
        return bad(f"The broker's folder {folder} is not writable.")
    return GOOD


def check_dicom(settings: Settings, heartbeats: Heartbeats) -> HealthPart:
    """C-ECHO where the port is on this machine; else the SCP's sign of life."""
    if not is_loopback(settings.dicom_host) or not settings.dicom_plain:
        # Bound to every address or living in another container: its address is not known here.
        # Over TLS alone it may not know this node's own certificate.
        if heartbeats.is_alive("scp", utcnow()):
            return GOOD
        return bad("The DICOM SCP has given no sign of life. Start it with `mediview scp`.")
    peer = Peer(settings.ae_title, settings.dicom_host, settings.dicom_port)
    answer = echo(peer, settings.ae_title, ECHO_TIMEOUTS)
    if answer.ok:
        return GOOD
    return bad(
        f"{answer.error} Start it with `mediview scp`, or restart it where it hangs; the port is"
        " MEDIVIEW_DICOM_PORT. Where it rejects associations, end those that are open and idle, or"
        " raise MEDIVIEW_MAX_ASSOCIATIONS; where its log says open_files_used_up, raise"
        " LimitNOFILE of its service."
    )


def check_hl7(heartbeats: Heartbeats) -> HealthPart:
    """Of whichever host: orders are for all."""
    if heartbeats.is_alive(HL7.name, utcnow()):
        return GOOD
    return bad(
        "MEDIVIEW_HL7_PORT is set, and no HL7 listener has given a sign of life for half a minute:"
        f" no orders and no changes of patients come by HL7. Start it with `{HL7.command}`."
    )


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
    named = ", ".join(one.sop_instance_uid for one in damaged.newest(3))
    is_one = count == 1
    return bad(
        f"{count} stored {'instance is' if is_one else 'instances are'} damaged or lost:"
        f" {named}{'' if count <= 3 else ' and others'}. Have"
        f" {'it' if is_one else 'them'} sent to this node again, which repairs"
        f" {'it' if is_one else 'them'}; check the disk; `mediview storage verify` lists all."
    )


def check_series_tries(series_tries: SeriesTries) -> HealthPart:
    """Whether series were set aside since the process that schedules ended over them."""
    count = series_tries.count()
    if not count:
        return GOOD
    named = ", ".join(
        f"{one.series_instance_uid} of study {one.study_instance_uid}"
        for one in series_tries.newest(3)
    )
    return bad(
        f"{count} series {'is' if count == 1 else 'are'} set aside, since the process that decides"
        f" on series ended again and again while it looked at {'it' if count == 1 else 'them'}:"
        f" {named}{'' if count <= 3 else ' and others'}. Everything else goes on. Look at the"
        " instances with dcmdump, and delete the series or have it tried again with `mediview"
        " studies try-again`."
    )


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
        return bad(
            f"{volumes} holds no volume, though instances lie there alone: mount its disk and"
            " restart the node; where the disk is lost, restore a backup."
        )
    return GOOD


def check_access_rules(access_groups: AccessGroups) -> HealthPart:
    """Whether the rule of each access group can be read."""
    names = unreadable_rules(access_groups.all())
    if not names:
        return GOOD
    return bad(
        f"The rule of the access group {', '.join(names)} cannot be read: it gives the group no"
        " more studies, and what no other rule matches is seen by administrators alone. Write it"
        " again with `mediview access-groups change NAME --rule`."
    )


def check_clocks(heartbeats: Heartbeats, names: Iterable[str]) -> HealthPart:
    """Whether a process gave its last sign of life in what is the future here."""
    now = utcnow()
    ahead = {name: heartbeats.last(name) for name in names}
    for name, last in ahead.items():
        if last is not None and last - now >= _ALIVE_WITHIN:
            return bad(
                f"The last sign of life of {name} is {(last - now).total_seconds():.0f} s ahead of"
                " this clock: it was set back and the process has ended since, or the clocks of"
                " two machines differ. Synchronise them (NTP) and restart the process."
            )
    return GOOD


def check_clock(engine: Engine) -> HealthPart:
    """Whether the time of day was set by more than clocks may differ by, within the last hour."""
    step = last_step(engine)
    now = utcnow()
    if step is None or abs(now - step.at) > _STEP_SHOWN_FOR:
        return GOOD
    seconds = round(step.by.total_seconds())
    return bad(
        f"The system clock was set {'forward' if seconds > 0 else 'back'} by {abs(seconds):,} s at"
        f" {step.at:%Y-%m-%d %H:%M} UTC, by its new time, or the machine slept. Synchronise it"
        " (NTP): what has arrived, was signed or was recorded meanwhile bears the time that it had."
    )


def nearest_existing(path: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    absolute = path.absolute()
    return next(one for one in (absolute, *absolute.parents) if one.exists())
