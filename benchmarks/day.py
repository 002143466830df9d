"""A working day of a hospital of 1,000 beds at ten times its speed: does a node keep its levels?

    python -m benchmarks.day [--from-hour 10 --hours 0.5] [--speed 10] [--studies-per-day 1000]

`mediview up` on a data folder of its own with SQLite; DCMTK's storescp as the PACS that gets the
results. Studies come by the curve of a day (`benchmarks/support/hospital_day.py`), with the mix of
modalities and the counts of instances that `mediview plan` reckons with (`api/planning/load.py`),
each over an association of its own. Instances are small: neither bandwidth nor the time of a model
is tried. Two tiny networks stand for the pipelines, on as many studies as those would have; what
the real ones would take is printed. The whole day takes 2.4 hours; the default is half an hour of
the day from 10 o'clock on, the busiest, in 3 minutes.
"""

import argparse
import math
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pydicom
from pydicom.uid import ExplicitVRLittleEndian

from api.planning.costs import measured_costs
from api.planning.load import MODALITIES, USUAL_MIX, Load, parse_shares
from benchmarks.support.day_node import PACS_KINDS, DayNode, day_node
from benchmarks.support.figures import Surroundings
from benchmarks.support.hospital_day import PEAK_HOUR, PIPELINES, Arrival, arrivals
from benchmarks.support.small_studies import SOP_CLASSES, study, study_uid
from tests.faults.raw_peer import RawPeer, Rejected, context

STAT_RESULT_WITHIN_S = 60.0
ROUTINE_RESULT_WITHIN_S = 300.0
"""From the last instance to the result at the PACS, for 95 of 100 studies."""
ANSWER_WITHIN_S = 1.0
"""Of an instance, for 99 of 100."""
QUEUE_GROWS_BY = 2
"""Jobs that wait in the last quarter, at the median, may be so many more than in the one before."""
_KEPT = {True: "yes", False: "**no**", None: "not tried"}
_AT_ONCE = 24
_LOOK_S = 2.0
_ANSWER_LIMIT_S = 60.0


@dataclass
class Replayed:
    """What senders saw."""

    answered_s: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    last_at_s: dict[str, float] = field(default_factory=dict)
    """Study Instance UID to the time (`time.time`) of its last answer."""
    late_s: list[float] = field(default_factory=list)
    """How much later than planned each study began, as its sender was busy."""
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Queue:
    """Jobs that wait or run, every two seconds while studies come."""

    open_jobs: list[int] = field(default_factory=list)

    def watch(self, node: DayNode, ended: threading.Event) -> None:
        with httpx.Client(base_url=node.url, timeout=_ANSWER_LIMIT_S) as client:
            while not ended.wait(_LOOK_S):
                self.open_jobs.append(open_jobs(client))

    def quarter(self, number: int) -> float:
        """The median of the first (0) to the last (3) quarter of the time."""
        size = max(1, len(self.open_jobs) // 4)
        part = self.open_jobs[number * size :] if number == 3 else None
        return statistics.median(part or self.open_jobs[number * size :][:size] or [0])


def open_jobs(client: httpx.Client) -> int:
    return sum(
        int(client.get("/api/jobs", params={"state": state, "limit": 1}).json()["total"])
        for state in ("scheduled", "in_progress")
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--studies-per-day", type=int, default=1000)
    parser.add_argument("--mix", default=USUAL_MIX)
    parser.add_argument("--pipelines", default="brain-volume=8,lung-density=15")
    parser.add_argument("--from-hour", type=float, default=PEAK_HOUR)
    parser.add_argument("--hours", type=float, default=0.5)
    parser.add_argument("--speed", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    around = Surroundings()
    load = Load(
        studies_per_day=options.studies_per_day,
        mix=parse_shares(options.mix, tuple(MODALITIES), "modality"),
        pipelines=parse_shares(options.pipelines, tuple(PIPELINES.values()), "pipeline"),
        peak_hour_percent=12,
        read_percent=0,
        sent_percent=0,
    )
    coming = arrivals(
        load,
        from_hour=options.from_hour,
        hours=options.hours,
        speed=options.speed,
        rng=random.Random(options.seed),  # noqa: S311 - the same day again
    )
    print(
        f"{around.at}, commit {around.commit}, {around.cores} cores, load {around.load_before:.1f}"
    )
    _announce(coming, options)
    with tempfile.TemporaryDirectory(prefix="bench-day-") as name, day_node(Path(name)) as node:
        replayed, queue, lasted_s = _replay(node, coming)
        results_at_s = _results(node, coming)
        at_pacs = node.pacs_files()
    kept = _report(coming, replayed, queue, results_at_s, lasted_s)
    print(f"load after {os.getloadavg()[0]:.1f}, {at_pacs} objects at the PACS")
    return 0 if kept else 1


def _announce(coming: Sequence[Arrival], options: argparse.Namespace) -> None:
    by_modality = Counter(one.modality for one in coming)
    instances = sum(sum(one.series) for one in coming)
    seconds = options.hours * 3600 / options.speed
    print(
        f"{options.hours:g} h from {options.from_hour:g} o'clock in {seconds:.0f} s:"
        f" {len(coming)} studies, {instances} instances ({instances / seconds:.0f} a second),"
        f" {dict(by_modality)}, {sum(one.is_stat for one in coming)} STAT,"
        f" {sum(one.is_for_pipeline for one in coming)} for a pipeline",
        flush=True,
    )
    wanted = Counter(PIPELINES[one.modality] for one in coming if one.is_for_pipeline)
    for pipeline, count in wanted.items():
        cost = measured_costs().pipeline(pipeline)
        print(
            f"the real {pipeline} would compute {count * cost.value:.0f} s on {cost.cores} cores"
            f" ({count} jobs of {cost.value} s)"
        )


def _replay(node: DayNode, coming: Sequence[Arrival]) -> tuple[Replayed, Queue, float]:
    replayed, queue, ended = Replayed(), Queue(), threading.Event()
    watching = threading.Thread(target=queue.watch, args=(node, ended))
    watching.start()
    begun_s = time.monotonic()
    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            sent = [
                pool.submit(_send, node, one, number, begun_s, replayed)
                for number, one in enumerate(coming, 1)
            ]
        for one in sent:
            one.result()
    finally:
        ended.set()
        watching.join()
    return replayed, queue, time.monotonic() - begun_s


def _send(node: DayNode, arrival: Arrival, number: int, begun_s: float, to: Replayed) -> None:
    """One study; what is refused is counted and sent again until it is taken."""
    time.sleep(max(0.0, begun_s + arrival.after_s - time.monotonic()))
    late_s = time.monotonic() - begun_s - arrival.after_s
    sop_class = SOP_CLASSES[arrival.modality]
    waiting = [(uid, data) for _, uid, data in study(arrival, number)]
    waiting.reverse()
    answered_s: list[float] = []
    refused: Counter[str] = Counter()
    while waiting:
        try:
            with RawPeer(node.port, limit_s=_ANSWER_LIMIT_S) as peer:
                wanted = [context(1, sop_class, [ExplicitVRLittleEndian])]
                peer.associate(wanted, calling=arrival.modality.encode())
                while waiting:
                    uid, data = waiting[-1]
                    before = time.perf_counter()
                    status = peer.store(uid, data, sop_class_uid=sop_class)
                    answered_s.append(time.perf_counter() - before)
                    if status:
                        refused[f"{status:#06x}"] += 1
                        time.sleep(0.2)
                        continue
                    waiting.pop()
                peer.release()
        except (OSError, Rejected) as error:
            refused[type(error).__name__] += 1
            time.sleep(0.2)
    with to.lock:
        to.answered_s += answered_s
        to.refused += refused
        to.late_s.append(late_s)
        to.last_at_s[study_uid(number)] = time.time()


def _results(node: DayNode, coming: Sequence[Arrival]) -> dict[str, float]:
    """Study Instance UID to the time at which the last of its results lay at the PACS; studies
    that have none within the time for routine ones are missing."""
    wanted = {study_uid(n) for n, one in enumerate(coming, 1) if one.is_for_pipeline}
    until_s = time.monotonic() + ROUTINE_RESULT_WITHIN_S
    at_s: dict[str, dict[str, float]] = {}
    seen: set[Path] = set()
    while time.monotonic() < until_s:
        for path in set(node.pacs.folder.iterdir()) - seen:
            if time.time() - path.stat().st_mtime < 1:
                continue  # may be written still
            seen.add(path)
            header: Any = pydicom.dcmread(path, stop_before_pixels=True)
            kinds = at_s.setdefault(str(header.StudyInstanceUID), {})
            kinds[str(header.Modality)] = path.stat().st_mtime
        found = {uid for uid, kinds in at_s.items() if kinds.keys() >= PACS_KINDS}
        if found >= wanted:
            break
        time.sleep(_LOOK_S)
    return {
        uid: max(kinds[kind] for kind in PACS_KINDS)
        for uid, kinds in at_s.items()
        if kinds.keys() >= PACS_KINDS
    }


def _report(
    coming: Sequence[Arrival],
    replayed: Replayed,
    queue: Queue,
    results_at_s: dict[str, float],
    lasted_s: float,
) -> bool:
    levels: list[tuple[str, str, bool | None]] = []
    refused = dict(replayed.refused)
    levels.append(("instances refused", f"{sum(refused.values())} {refused or ''}", not refused))
    slow_s = percentile(replayed.answered_s, 99)
    levels.append(
        (
            f"answer to an instance, 99 of 100 within {ANSWER_WITHIN_S:g} s",
            f"{slow_s * 1000:.0f} ms (median {percentile(replayed.answered_s, 50) * 1000:.1f} ms)",
            slow_s <= ANSWER_WITHIN_S,
        )
    )
    for is_stat, what, within_s in (
        (True, "STAT", STAT_RESULT_WITHIN_S),
        (False, "routine", ROUTINE_RESULT_WITHIN_S),
    ):
        uids = [
            study_uid(number)
            for number, one in enumerate(coming, 1)
            if one.is_for_pipeline and one.is_stat is is_stat
        ]
        took_s = [results_at_s.get(uid, math.inf) - replayed.last_at_s[uid] for uid in uids]
        slow_s = percentile(took_s, 95)
        levels.append(
            (
                f"last instance to result at the PACS, {what}, 95 of 100 within {within_s:g} s",
                f"{slow_s:.1f} s (median {percentile(took_s, 50):.1f} s, {len(uids)} studies)",
                slow_s <= within_s if uids else None,
            )
        )
    medians = [queue.quarter(number) for number in range(4)]
    levels.append(
        (
            f"jobs that wait or run, median of the last quarter at most {QUEUE_GROWS_BY} above"
            " that of the one before",
            " ".join(f"{one:g}" for one in medians),
            medians[3] <= medians[2] + QUEUE_GROWS_BY,
        )
    )
    late_s = max(replayed.late_s, default=0.0)
    print(f"all sent after {lasted_s:.0f} s; a study began {late_s:.1f} s late at most")
    print("| service level | measured | kept |\n|---|---|---|")
    for name, measured, is_kept in levels:
        print(f"| {name} | {measured} | {_KEPT[is_kept]} |")
    return all(is_kept is not False for _, _, is_kept in levels)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


if __name__ == "__main__":
    sys.exit(main())
