"""What is looked at outside of this process: by /health, and by `mediview doctor`."""

import os
import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from api.server.schemas import HealthPart
from dicom_node.peers import Peer
from dicom_node.scu import echo
from inference.access_groups.stored_rules import unreadable_rules
from inference.retention.outlook import disk_outlook
from storage.container import Storage
from storage.core.clock import CLOCKS_AGREE_WITHIN_S, utcnow
from storage.core.errors import MediViewError
from storage.settings import Settings, is_loopback

GOOD = HealthPart(ok=True, detail="")
_LEAST_FREE_BYTES = 4 << 20
_ALIVE_WITHIN = timedelta(seconds=CLOCKS_AGREE_WITHIN_S)


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
    writable = _nearest_existing(folder)
    if not os.access(writable, os.W_OK | os.X_OK):
        return bad(f"The broker's folder {folder} is not writable.")
    return GOOD


def check_dicom(storage: Storage) -> HealthPart:
    """C-ECHO where the port is on this machine; else the SCP's sign of life."""
    settings = storage.settings
    if not is_loopback(settings.dicom_host) or not settings.dicom_plain:
        # Bound to every address or living in another container: its address is not known here.
        # Over TLS alone it may not know this node's own certificate.
        if is_alive(storage, "scp"):
            return GOOD
        return bad("The DICOM SCP has given no sign of life. Start it with `mediview scp`.")
    peer = Peer(settings.ae_title, settings.dicom_host, settings.dicom_port)
    answer = echo(peer, settings.ae_title)
    if answer.ok:
        return GOOD
    return bad(
        f"Nothing answers C-ECHO as {peer}. Start it with `mediview scp`;"
        " the port is MEDIVIEW_DICOM_PORT."
    )


def check_disk(settings: Settings) -> HealthPart:
    free_bytes = shutil.disk_usage(_nearest_existing(settings.data_dir)).free
    if free_bytes < _LEAST_FREE_BYTES and free_bytes >= settings.free_disk_mark_bytes:
        # Whatever the mark is: the index and the audit trail must be written.
        return bad(
            f"{free_bytes >> 10} KiB are free where {settings.data_dir} lies, too few for the index"
            " and the audit trail. Free disk space."
        )
    if free_bytes < settings.free_disk_mark_bytes:
        return bad(
            f"{free_bytes // 2**20} MiB are free where {settings.data_dir} lies; the node takes"
            f" nothing below {settings.free_disk_mark_bytes // 2**20} MiB. Free disk space."
        )
    return GOOD


def warn_of_disk(storage: Storage) -> HealthPart:
    """When the disk will be full, and what retention can free, while nothing is refused yet."""
    try:
        return HealthPart(ok=True, detail=disk_outlook(storage, utcnow()).warning())
    except MediViewError:
        # The database has a part of its own.
        return GOOD


def check_retention(storage: Storage) -> HealthPart:
    """Whether studies that should have left could, and what they wait for."""
    stuck = disk_outlook(storage, utcnow()).stuck()
    return bad(stuck) if stuck else GOOD


def check_instances(storage: Storage) -> HealthPart:
    """Whether every instance that was looked at has the bytes that arrived."""
    count = storage.damaged.count(lost_only=True)
    if not count:
        return GOOD
    named = ", ".join(one.sop_instance_uid for one in storage.damaged.newest(3))
    is_one = count == 1
    return bad(
        f"{count} stored {'instance is' if is_one else 'instances are'} damaged or lost:"
        f" {named}{'' if count <= 3 else ' and others'}. Have"
        f" {'it' if is_one else 'them'} sent to this node again, which repairs"
        f" {'it' if is_one else 'them'}; check the disk; `mediview storage verify` lists all."
    )


def check_access_rules(storage: Storage) -> HealthPart:
    """Whether the rule of each access group can be read."""
    names = unreadable_rules(storage.access_groups.all())
    if not names:
        return GOOD
    return bad(
        f"The rule of the access group {', '.join(names)} cannot be read: it gives the group no"
        " more studies, and what no other rule matches is seen by administrators alone. Write it"
        " again with `mediview access-groups change NAME --rule`."
    )


def is_alive(storage: Storage, name: str) -> bool:
    """Whether a process gave a sign of life within the last half minute.

    One of the future is none: the clock was set back since, or it is another machine's.
    """
    last = storage.heartbeats.last(name)
    return last is not None and abs(utcnow() - last) < _ALIVE_WITHIN


def check_clocks(storage: Storage, names: Iterable[str]) -> HealthPart:
    """Whether a process gave its last sign of life in what is the future here."""
    now = utcnow()
    ahead = {name: storage.heartbeats.last(name) for name in names}
    for name, last in ahead.items():
        if last is not None and last - now >= _ALIVE_WITHIN:
            return bad(
                f"The last sign of life of {name} is {(last - now).total_seconds():.0f} s ahead of"
                " this clock: it was set back and the process has ended since, or the clocks of"
                " two machines differ. Synchronise them (NTP) and restart the process."
            )
    return GOOD


def _nearest_existing(path: Path) -> Path:
    absolute = path.absolute()
    return next(one for one in (absolute, *absolute.parents) if one.exists())
