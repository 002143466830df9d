"""What the counting of results notices, and what it lets pass."""

from collections import Counter
from typing import Any

import pytest

from tests.chaos.hosts.results import look, not_finished
from tests.chaos.hosts.scans import Scan

SCAN = Scan.make(7)
STUDY = SCAN.study_instance_uid
SLICES = [one.sop_instance_uid for one in SCAN.slices]
MR, SEG, SR, KO = "1.2.840.10008.5.1.4.1.1.4", "1.66.4", "1.88.33", "1.2.840.10008.5.1.4.1.1.88.59"


def job(state: str = "completed", **results: str) -> dict[str, Any]:
    made = [{"kind": kind, "sop_instance_uid": uid} for kind, uid in results.items()]
    return {"state": state, "results": made}


class Host:
    """Answers of one host, and what the PACS has."""

    def __init__(self) -> None:
        self.jobs = [job(SEG="seg", SR="sr")]
        self.rows = [(uid, MR) for uid in SLICES] + [("seg", SEG), ("sr", SR)]
        self.names: dict[str, list[str]] = {}
        self.pacs = {STUDY: Counter(uid for uid, _ in self.rows)}

    def ask(self, path: str) -> Any:
        if path.startswith("/api/jobs?"):
            return {"items": self.jobs}
        return [
            {
                "00080018": {"Value": [uid]},
                "00080016": {"Value": [sop_class]},
                "00081115": {
                    "Value": [{"00081155": {"Value": [name]}} for name in self.names.get(uid, [])]
                },
            }
            for uid, sop_class in self.rows
        ]

    def broken(self) -> list[str]:
        return look(self.ask, [SCAN], self.pacs)


def test_one_result_of_each_kind_everywhere_is_right() -> None:
    host = Host()
    assert host.broken() == []
    assert not_finished(host.ask, [SCAN]) == []


def test_a_result_of_a_part_of_the_slices_may_be_withdrawn() -> None:
    host = Host()
    host.jobs.append(job("superseded", SEG="seg-of-part"))
    host.rows += [("seg-of-part", SEG), ("note", KO), ("sr-of-part", SR)]
    host.names["sr-of-part"] = SLICES[:5]
    assert host.broken() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda host: host.jobs.clear(), "its jobs are {}"),
        (lambda host: host.jobs.append(job(SEG="other", SR="x")), "its jobs are {'completed': 2}"),
        (lambda host: host.jobs.append(job("failed")), "'failed': 1"),
        (lambda host: host.rows.remove(("sr", SR)), "lacks a result, sr"),
        (lambda host: host.rows.append(("seg", SEG)), "lists seg twice"),
        (lambda host: host.rows.append(("more", SEG)), "1 that nobody sent"),
        (lambda host: host.rows.pop(0), "lists 7 of 8 slices"),
        (lambda host: host.pacs[STUDY].pop("seg"), "the PACS lacks a result"),
        (lambda host: host.pacs[STUDY].update(["more"]), "that no host lists"),
    ],
)
def test_what_is_lost_or_doubled_is_noticed(change: Any, says: str) -> None:
    host = Host()
    change(host)
    assert says in " ".join(host.broken())


def test_a_second_result_of_the_whole_series_is_noticed() -> None:
    host = Host()
    host.jobs.append(job("superseded"))
    host.rows.append(("again", SEG))
    host.names["again"] = SLICES
    assert "again is a second result" in " ".join(host.broken())
