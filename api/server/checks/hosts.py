"""Whether the hosts beside this one are there, and whether there may be any."""

from datetime import timedelta

from api.server.checks.health import GOOD, bad
from api.server.schemas import HealthPart
from storage.core.clock import utcnow
from storage.hosts.entities import SIGNED_WITHIN_S, Host
from storage.hosts.repository import Hosts

_COPIED_WITHIN = timedelta(minutes=10)


def check_hosts(hosts: Hosts) -> HealthPart:
    """Bad where one is away with what no other has, or is there and does not copy it to the bucket,
    stores where this one cannot read it, has a wrong clock, or refuses what it would receive for
    want of room."""
    if not hosts.own_disks:
        alive = ", ".join(str(one) for one in hosts.others() if one.is_alive)
        if not alive:
            return GOOD
        return bad(
            f"Processes on {alive} store into another data folder by the same database: what either"
            " receives the other cannot read. Let all use one data folder, or set"
            " MEDIVIEW_OWN_DISKS=true with a bucket."
        )
    wrong = [*_clocks(hosts), *_full(hosts), *_away(hosts), *_behind(hosts)]
    return bad(" ".join(wrong)) if wrong else GOOD


def _clocks(hosts: Hosts) -> list[str]:
    return [
        f"The clock of {one} {clock_of(one)}: {_what_a_clock_does(one)} Set its time (NTP), or that"
        " of the database's host."
        for one in hosts.all()
        if one.is_alive and not one.has_right_clock
    ]


def _full(hosts: Hosts) -> list[str]:
    """This host's own is the part `disk`."""
    return [
        f"The disk of {one} has {room_of(one)}: it receives nothing. Free disk space there."
        for one in hosts.others()
        if one.is_alive and one.is_full
    ]


def room_of(host: Host) -> str:
    """As `300 MiB free of the 512 that it needs`; empty where it is unknown."""
    if host.free_bytes is None or host.free_disk_mark_bytes is None:
        return ""
    free = f"{host.free_bytes >> 20:,} MiB free"
    return (
        f"{free} of the {host.free_disk_mark_bytes >> 20:,} that it needs" if host.is_full else free
    )


def _what_a_clock_does(host: Host) -> str:
    if host.is_signing_in_vain:
        return "a bucket refuses what it signs, so that no other host gets what it receives."
    return (
        f"a bucket refuses what is signed {SIGNED_WITHIN_S / 60:.0f} minutes off or more, and then"
        " no other host gets what it receives."
    )


def clock_of(host: Host) -> str:
    """As `is 2.0 days ahead of the database's`."""
    seconds = abs(host.clock_ahead_s)
    units = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
    unit = next((name for name, length_s in units.items() if seconds >= 2 * length_s), "seconds")
    where = "ahead of" if host.clock_ahead_s > 0 else "behind"
    return f"is {seconds / units[unit]:.1f} {unit} {where} the database's"


def _away(hosts: Hosts) -> list[str]:
    away = []
    for one in hosts.others():
        if not one.is_alive and (alone := hosts.alone(one)):
            away.append(
                f"{one} gave no sign of life since {one.seen_at:%Y-%m-%d %H:%M} UTC, and has"
                f" {alone} that no other host has."
            )
    if away:
        away.append(
            "Start it again, or mount its disk elsewhere; where the disk is lost,"
            " have them sent again, and forget it with 'mediview hosts remove'."
        )
    return away


def _behind(hosts: Hosts) -> list[str]:
    """One that receives alone answers no `/health` of its own."""
    now, behind = utcnow(), []
    for one in hosts.others():
        since = hosts.uncopied_since(one) if one.is_alive else None
        if since is not None and now - since > _COPIED_WITHIN:
            behind.append(
                f"{one} receives, and has had {hosts.alone(one)} that no other"
                f" host can read since {since:%Y-%m-%d %H:%M} UTC. 'mediview doctor' on that host"
                " says why it does not copy them to the bucket."
            )
    return behind
