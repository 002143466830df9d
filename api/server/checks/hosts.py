"""Whether the hosts beside this one are there, and whether there may be any."""

from api.server.checks.health import GOOD, bad
from api.server.schemas import HealthPart
from storage.core.clock import utcnow
from storage.processes.hosts import Hosts


def check_hosts(hosts: Hosts) -> HealthPart:
    """Bad where one is away with what no other has, or stores where this one cannot read it."""
    now = utcnow()
    others = hosts.others()
    if not hosts.own_disks:
        alive = ", ".join(one.name for one in others if one.is_alive(now))
        if not alive:
            return GOOD
        return bad(
            f"Processes on {alive} store into another data folder by the same database: what either"
            " receives the other cannot read. Let all use one data folder, or set"
            " MEDIVIEW_OWN_DISKS=true with a bucket."
        )
    away = []
    for one in others:
        if not one.is_alive(now) and (count := hosts.uncopied_count(one)):
            away.append(
                f"{one.name} gave no sign of life since {one.seen_at:%Y-%m-%d %H:%M} UTC, and has"
                f" {count} instances that no other host has."
            )
    if not away:
        return GOOD
    return bad(
        f"{' '.join(away)} Start it again, or mount its disk elsewhere; where the disk is lost,"
        " have them sent again, and forget it with 'mediview hosts remove'."
    )
