"""What holds a study back until its series are complete."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from inference.delays.durations import at, count, span
from inference.delays.entities import Delay
from inference.delays.facts import StudyFacts
from storage.core.clock import CLOCKS_AGREE_WITHIN_S
from storage.core.entities import Series


def of_receiving(facts: StudyFacts) -> Iterator[Delay]:
    receiving = [one for one in facts.series if one.state == "RECEIVING"]
    if not receiving:
        return
    series = max(receiving, key=lambda one: one.last_instance_at)
    if facts.free_bytes < facts.settings.free_disk_mark_bytes:
        yield Delay(
            "disk_full",
            f"The disk of the data folder has {facts.free_bytes >> 20} MiB free, and nothing more"
            f" is taken in below {facts.settings.free_disk_mark_bytes >> 20} MiB: the study may be"
            " incomplete.",
            series.last_instance_at,
        )
    yield from control_worker_away(facts)
    missing = [one for one in receiving if _missing(facts, one)]
    if missing:
        number = sum(_missing(facts, one) for one in missing)
        until = max(_forced_at(facts, one) for one in missing)
        yield Delay(
            "instances_missing",
            f"{count(number, 'instance')} that the sender announced {_verb(number)} not arrived;"
            f" without them the series is complete at {at(until)}.",
            min(one.last_instance_at for one in missing),
            until,
        )
    quiet_at = series.last_instance_at + timedelta(seconds=facts.settings.series_quiet_s)
    if quiet_at <= facts.now:
        yield from _of_copies(facts, series)
        yield Delay(
            "receiving",
            f"Nothing has come since {at(series.last_instance_at)}; {_of(series)} is complete as"
            " soon as the control worker next looks for work.",
            series.first_instance_at,
        )
        return
    yield Delay(
        "receiving",
        f"It is still arriving: {_of(series)} is complete once nothing has come for"
        f" {facts.settings.series_quiet_s:g} s, at {at(quiet_at)} if nothing more comes.",
        series.first_instance_at,
        quiet_at,
    )


def _of_copies(facts: StudyFacts, series: Series) -> Iterator[Delay]:
    """Every host is to read it from the bucket, to which the one copies it that received it."""
    forced_at = series.last_instance_at + timedelta(seconds=facts.settings.series_forced_s)
    # That is no time at which it comes by itself.
    is_later = forced_at > facts.now
    forced = f" At {at(forced_at)} the series is complete without." if is_later else ""
    for host, number in facts.uncopied.items():
        held = count(number, "instance")
        if host is not None and not host.is_alive:
            yield Delay(
                "host_away",
                f"The host {host} has {held} that no other has, and gave no sign of life for"
                f" {span(host.silent_for)}: start it again; 'mediview hosts list' says more."
                f"{forced}",
                host.seen_at,
            )
    for host, number in facts.uncopied.items():
        where = "this host" if host is None else f"the host {host}"
        yield Delay(
            "copying",
            f"{count(number, 'instance')} {_verb(number)} not been copied to the bucket yet, where"
            f" every host reads: {where} does it, and 'mediview doctor' there says what it waits"
            f" for.{forced}",
            series.last_instance_at,
        )


def control_worker_away(facts: StudyFacts) -> Iterator[Delay]:
    """Nobody completes series, hands out jobs or sends results meanwhile."""
    last = facts.last_tick
    if last is not None and abs(facts.now - last) < timedelta(seconds=CLOCKS_AGREE_WITHIN_S):
        return
    known = "never" if last is None else f"not for {span(facts.now - last)}"
    yield Delay(
        "control_worker_away",
        f"The control worker has {known} looked for work: start 'mediview worker --queue control'"
        " and 'mediview beat'.",
        last,
    )


def _missing(facts: StudyFacts, series: Series) -> int:
    announced = facts.announced.get(series.series_instance_uid)
    return announced.missing_count if announced is not None else 0


def _forced_at(facts: StudyFacts, series: Series) -> datetime:
    since = series.completed_at or series.first_instance_at
    return since + timedelta(seconds=facts.settings.series_forced_s)


def _of(series: Series) -> str:
    number = "" if series.series_number is None else f" {series.series_number}"
    return f"series{number} ({series.modality}, {count(series.instance_count, 'instance')})"


def _verb(number: int) -> str:
    return "has" if number == 1 else "have"
