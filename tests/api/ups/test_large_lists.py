"""Lists of workitems of which each has very many values: bounded, and said."""

import time
from typing import Any

import pytest

from dicom_node.ups import list_room
from storage.ups import search as list_search
from tests.api.ups.worklist_client import PREFIX, Worklist, el, new_item

NAMES = 20_000
KEY = "00101001"


@pytest.fixture
def large(worklist: Worklist) -> Worklist:
    """Three of 600 KB with many names, and a small one, the oldest."""
    assert worklist.create(new_item(), "2.25.1").status_code == 201
    for number in (2, 3, 4):
        names = el("PN", *({"Alphabetic": f"A{one}"} for one in range(NAMES)))
        assert worklist.create(new_item(t00101001=names), f"2.25.{number}").status_code == 201
    return worklist


def listed(worklist: Worklist, query: str) -> tuple[int, str, list[str]]:
    answer = worklist.http.get(f"{PREFIX}/workitems?{query}")
    uids = [one["00080018"]["Value"][0] for one in answer.json()] if answer.content else []
    return answer.status_code, answer.headers.get("Warning", ""), uids


def test_a_list_ends_where_its_bytes_do_and_goes_on_by_its_offset(
    large: Worklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty of 835 KB were read whole by each list."""
    monkeypatch.setattr(list_room, "MOST_ANSWER_BYTES", 1_300_000)
    status, warning, uids = listed(large, "includefield=all")
    assert (status, uids) == (206, ["2.25.4", "2.25.3"])
    assert "higher offset" in warning
    status, warning, uids = listed(large, "includefield=all&offset=2")
    assert (status, warning, uids) == (200, "", ["2.25.2", "2.25.1"])
    xml = large.http.get(
        f"{PREFIX}/workitems?includefield=all",
        headers={"Accept": 'multipart/related; type="application/dicom+xml"'},
    )
    assert xml.status_code == 206
    assert xml.content.count(b"<NativeDicomModel") == 2


def test_values_that_are_compared_are_bounded(
    large: Worklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key on fifty items of 45,000 names took more than a minute of the API."""
    monkeypatch.setattr(list_room, "MOST_MATCHED_VALUES", NAMES + 10)
    began_s = time.thread_time()
    status, warning, uids = listed(large, f"{KEY}=A77")
    assert (status, uids) == (206, ["2.25.4"])
    assert "not compared" in warning
    assert "ProcedureStepState" in warning
    assert time.thread_time() - began_s < 3
    # Keys on other attributes compare little.
    assert listed(large, "PatientID=Q-4711")[0] == 200
    assert len(listed(large, "PatientName=quern*")[2]) == 4
    assert listed(large, f"{KEY}=A77&SOPInstanceUID=2.25.2")[2] == ["2.25.2"]


def test_one_list_of_large_items_is_read_after_the_other(
    large: Worklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_room, "_LARGE_BYTES", 1_000_000)
    monkeypatch.setattr(list_room, "_TURN_S", 0.1)
    with list_room._large:
        busy = large.http.get(f"{PREFIX}/workitems?includefield=all")
        assert busy.status_code == 429
        assert "another list" in busy.text.lower()
        assert busy.json()["remedy"]
        # Small ones do not wait.
        assert listed(large, "limit=10")[0] == 200
    assert listed(large, "includefield=all")[0] == 200
    assert not list_room._large.locked()


def test_large_items_are_read_a_few_at_a_time(
    large: Worklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_search, "_PAGE_BYTES", 700_000)
    assert listed(large, "")[2] == ["2.25.4", "2.25.3", "2.25.2", "2.25.1"]
    rows: Any = [{"sop_instance_uid": str(n), "size_bytes": 600_000} for n in range(3)]
    assert list(list_search._groups(iter(rows))) == [["0"], ["1"], ["2"]]
