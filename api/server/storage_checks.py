"""The checks of `mediview doctor` about what is stored, and the room for it."""

from collections.abc import Iterator

from api.server.exposure_checks import Check
from api.server.health_checks import check_instances
from inference.retention.outlook import disk_outlook
from storage.container import Storage
from storage.core.clock import utcnow
from storage.integrity.scrub import scrub_state


def check_disk_outlook(storage: Storage) -> Iterator[Check]:
    outlook = disk_outlook(storage, utcnow())
    if warning := outlook.warning():
        remedy = "`mediview retention dry-run` shows which studies could leave."
        yield Check("disk space", "note", warning, remedy)
    if stuck := outlook.stuck():
        yield Check("retention", "fail", stuck, "See docs/retention.md.")


def check_unreadable(storage: Storage) -> Check:
    count = storage.unreadable.count()
    if not count:
        return Check("instances", "ok", "none was found that cannot be decoded")
    named = ", ".join(one.sop_instance_uid for one in storage.unreadable.newest(3))
    return Check(
        "instances",
        "note",
        f"{count} cannot be decoded and are left out of answers, {named} among them",
        "Look at them with dcmdump, and delete them or have them sent again.",
    )


def check_integrity(storage: Storage) -> Check:
    found = check_instances(storage)
    if not found.ok:
        return Check("integrity", "fail", found.detail)
    repairing = storage.damaged.count()
    if repairing:
        sentence = f"{repairing} damaged copies are about to be replaced by right ones"
        return Check("integrity", "note", sentence, "Check the disk; the node does the rest.")
    state = scrub_state(storage.engine)
    if state is None or not state.total_bytes:
        return Check("integrity", "ok", "nothing is known to be damaged")
    share = min(state.checked_bytes / state.total_bytes, 1.0)
    when = f"; last finished {state.finished_at:%Y-%m-%d %H:%M} UTC" if state.finished_at else ""
    return Check("integrity", "ok", f"nothing is damaged; {share:.0%} was read this time{when}")
