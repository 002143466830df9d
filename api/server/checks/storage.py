"""The checks of `mediview doctor` about what is stored, and the room for it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from api.server.checks.disk import (
    check_disk,
    check_disk_speed,
    explain_write_error,
    volumes_probe,
)
from api.server.checks.exposure import Check
from api.server.checks.health import check_instances
from inference.retention.outlook import disk_outlook
from storage.audit import AuditRecord, Code
from storage.audit.query import AuditFilter, find_events
from storage.core.clock import utcnow
from storage.core.data_folder import private_folder
from storage.index.unreadable_instances import UnreadableInstances
from storage.ingest.generated import OCCUPIED
from storage.integrity.repository import DamagedInstances
from storage.integrity.scrub import scrub_state
from storage.maintenance.verify import COUNTER_REMEDY
from storage.reconciliation.refused_rows import REMEDY as REFUSED_REMEDY
from storage.reconciliation.refused_rows import refused_in_words, refused_rows
from storage.retention.disk import DiskSamples
from storage.retention.repository import StudyRetention
from storage.settings import Settings
from storage.volumes.deletion_counter import NAME, counter_damage
from storage.volumes.writer import VolumeWriter

_OCCUPIED_SHOWN_FOR = timedelta(days=30)


def check_data_dir(settings: Settings) -> Check:
    folder = settings.data_dir.absolute()
    try:
        private_folder.prepare(folder)
    except OSError as error:
        return Check(
            "data folder",
            "fail",
            explain_write_error(error, folder),
            "Or set MEDIVIEW_DATA_DIR to a folder that this user may write.",
        )
    if found := private_folder.open_entries(folder):
        return Check(
            "data folder",
            "fail",
            f"others of this machine may get at {len(found)} files and folders, such as {found[0]}",
            f"Run chmod -R go= {folder}, or restart the node, which does so.",
        )
    return Check("data folder", "ok", f"{folder}, closed to others")


def check_data_disk(settings: Settings) -> Iterator[Check]:
    probe = volumes_probe(settings)
    disk = check_disk(settings, probe)
    if not disk.ok:
        yield Check("disk", "fail", disk.detail)
        return
    yield Check("disk", "ok", "enough is free, and a file could be written")
    speed = check_disk_speed(probe)
    if not speed.ok:
        yield Check("disk speed", "fail", speed.detail)


def check_disk_outlook(
    settings: Settings, volumes: VolumeWriter, retention: StudyRetention, disk_samples: DiskSamples
) -> Iterator[Check]:
    outlook = disk_outlook(settings, volumes, retention, disk_samples, utcnow())
    if warning := outlook.warning():
        remedy = "`mediview retention dry-run` shows which studies could leave."
        yield Check("disk space", "note", warning, remedy)
    if near := outlook.quotas():
        yield Check("quotas", "note", near, "See quotas in docs/retention.md.")
    if stuck := outlook.stuck():
        yield Check("retention", "fail", stuck, "See docs/retention.md.")


def check_unreadable(unreadable: UnreadableInstances) -> Check:
    count = unreadable.count()
    if not count:
        return Check("instances", "ok", "none was found that cannot be decoded")
    named = ", ".join(one.sop_instance_uid for one in unreadable.newest(3))
    return Check(
        "instances",
        "note",
        f"{count} cannot be decoded and are left out of answers, {named} among them",
        "Look at them with dcmdump, and delete them or have them sent again.",
    )


def check_refused_rows(engine: Engine) -> Check:
    """Whether each record in the volumes could be indexed."""
    refused = refused_rows(engine)
    if not refused:
        return Check("index", "ok", "it takes every stored record")
    return Check("index", "note", refused_in_words(refused), REFUSED_REMEDY)


def check_occupied_uids(engine: Engine) -> Check:
    """Whether others sent something under a UID of what the node makes itself."""
    since = utcnow() - _OCCUPIED_SHOWN_FOR
    wanted = AuditFilter(since=since, code=Code.SECURITY_ALERT, text=OCCUPIED)
    found, count = find_events(engine, wanted, 3, 0)
    if not count:
        return Check("own UIDs", "ok", "nothing that others sent bears a UID of the node's results")
    named = ", ".join(
        f"{one.detail.get('sop_instance_uid', '')} ({one.detail.get('source', '')}{_kind_of(one)})"
        for one in found
    )
    return Check(
        "own UIDs",
        "note",
        f"{count} times within 30 days something that another system sent bore a UID of the node's"
        f" own results: {named}{'' if count <= 3 else ' and others'}. None of it left as a result",
        "Ask who sends under that name; MEDIVIEW_UNKNOWN_PEERS=reject takes known peers alone."
        " A PACS that changes what it archives sends changed copies.",
    )


def _kind_of(alert: AuditRecord) -> str:
    match alert.detail.get("content"):
        case "changed copy":
            return ", a changed copy of what the node made"
        case "withdrawn":
            return ", what the node made and withdrew"
    return ""


def check_integrity(engine: Engine, damaged: DamagedInstances, volumes: Path) -> Check:
    found = check_instances(damaged)
    if not found.ok:
        return Check("integrity", "fail", found.detail)
    if damage := counter_damage(volumes):
        sentence = f"the counter of deletions, {volumes / NAME}, {damage}"
        return Check("integrity", "fail", sentence, COUNTER_REMEDY)
    repairing = damaged.count()
    if repairing:
        sentence = f"{repairing} damaged copies are about to be replaced by right ones"
        return Check("integrity", "note", sentence, "Check the disk; the node does the rest.")
    state = scrub_state(engine)
    if state is None or not state.total_bytes:
        return Check("integrity", "ok", "nothing is known to be damaged")
    share = min(state.checked_bytes / state.total_bytes, 1.0)
    when = f"; last finished {state.finished_at:%Y-%m-%d %H:%M} UTC" if state.finished_at else ""
    return Check("integrity", "ok", f"nothing is damaged; {share:.0%} was read this time{when}")
