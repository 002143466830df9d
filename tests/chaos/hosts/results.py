"""What a pipeline owes for each whole series: one result, at each host and at the PACS."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pydicom.uid import KeyObjectSelectionDocumentStorage

from tests.chaos.hosts.scans import PIPELINE, SLICES, Scan
from tests.services import OrthancServer

KINDS = ("SEG", "SR")
_AT_ONCE = 3
Ask = Callable[[str], Any]
"""A path of a host's API to what it answers."""


@dataclass
class Found:
    """Of one series at one host."""

    counted: dict[str, list[str]]
    """SOP Instance UIDs by kind, of the jobs that count."""
    withdrawn: set[str]
    """What was made of a part of the series, before the rest came, and is rejected."""
    states: Counter[str]


def found(ask: Ask, scan: Scan) -> Found:
    """The results of a series, as this host knows them."""
    jobs = ask(f"/api/jobs?study_instance_uid={scan.study_instance_uid}&pipeline={PIPELINE}")
    counted: dict[str, list[str]] = {kind: [] for kind in KINDS}
    withdrawn: set[str] = set()
    for job in jobs["items"]:
        for one in job["results"]:
            if job["state"] == "completed":
                counted.setdefault(one["kind"], []).append(one["sop_instance_uid"])
            else:
                withdrawn.add(one["sop_instance_uid"])
    return Found(counted, withdrawn, Counter(job["state"] for job in jobs["items"]))


def not_finished(ask: Ask, scans: Iterable[Scan]) -> list[Scan]:
    """Those without a result, or with a job that has not ended."""
    ended = {"completed": 1}
    waiting = []
    for scan in scans:
        states = found(ask, scan).states
        states.pop("superseded", None)
        if states != ended:
            waiting.append(scan)
    return waiting


def look(ask: Ask, scans: Iterable[Scan], pacs: Mapping[str, Counter[str]]) -> list[str]:
    """What is wrong at one host and at the PACS, in sentences. `pacs`: of `at_pacs`."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [
            one for some in pool.map(lambda scan: _look(ask, scan, pacs), scans) for one in some
        ]


def _look(ask: Ask, scan: Scan, pacs: Mapping[str, Counter[str]]) -> list[str]:
    study = scan.study_instance_uid
    result = found(ask, scan)
    if result.states["completed"] != 1 or result.states - Counter(
        {"completed": 1, "superseded": result.states["superseded"]}
    ):
        return [f"series of {study}: its jobs are {dict(result.states)}"]
    broken = []
    listed = ask(f"/dicom-web/studies/{study}/instances?limit=1000&includefield=00080016")
    rows = Counter(row["00080018"]["Value"][0] for row in listed or [])
    classes = {row["00080018"]["Value"][0]: row["00080016"]["Value"][0] for row in listed or []}
    if twice := [uid for uid, count in rows.items() if count > 1]:
        broken.append(f"study {study} lists {twice[0]} twice")
    sent = {one.sop_instance_uid for one in scan.slices}
    if len(sent & set(rows)) != SLICES:
        broken.append(f"study {study} lists {len(sent & set(rows))} of {SLICES} slices")
    standing = {uid for uids in result.counted.values() for uid in uids}
    for kind in KINDS:
        if len(result.counted[kind]) != 1:
            broken.append(f"series of {study} has {len(result.counted[kind])} {kind}")
    if standing - set(rows):
        broken.append(f"study {study} lacks a result, {min(standing - set(rows))}")
    others = set(rows) - sent - standing - result.withdrawn
    # Rejection notes of what was made of a part.
    others = {uid for uid in others if classes[uid] != KeyObjectSelectionDocumentStorage}
    if others and not result.states["superseded"]:
        broken.append(f"study {study} has {len(others)} that nobody sent: {classes[min(others)]}")
    elif others:
        # Of jobs that were superseded while they stored: they name a part of the slices.
        broken += [
            f"study {study}: {uid} is a second result of the whole series"
            for uid in others
            if _names(ask, study, uid) >= sent
        ]
    there = pacs.get(study, Counter())
    if standing - set(there):
        broken.append(f"the PACS lacks a result of {study}, {min(standing - set(there))}")
    if set(there) - set(rows):
        broken.append(f"the PACS has {len(set(there) - set(rows))} of {study} that no host lists")
    return broken


def _names(ask: Ask, study: str, uid: str) -> set[str]:
    """SOP Instance UIDs that a result refers to."""
    for row in ask(f"/dicom-web/studies/{study}/metadata") or []:
        if row["00080018"]["Value"][0] == uid:
            return set(_referenced(row))
    return set()


def _referenced(item: Mapping[str, Any]) -> Iterable[str]:
    """Values of Referenced SOP Instance UID (0008,1155), however deep."""
    for tag, element in item.items():
        for value in element.get("Value", []):
            if isinstance(value, dict) and "Alphabetic" not in value:
                yield from _referenced(value)
            elif tag == "00081155":
                yield value


def at_pacs(pacs: OrthancServer) -> dict[str, Counter[str]]:
    """SOP Instance UIDs by study."""
    studies = {
        one["ID"]: one["MainDicomTags"]["StudyInstanceUID"] for one in pacs.get("/studies?expand")
    }
    parents = {one["ID"]: studies[one["ParentStudy"]] for one in pacs.get("/series?expand")}
    there: dict[str, Counter[str]] = {}
    for one in pacs.get("/instances?expand"):
        uid = one["MainDicomTags"]["SOPInstanceUID"]
        there.setdefault(parents[one["ParentSeries"]], Counter())[uid] += 1
    return there
