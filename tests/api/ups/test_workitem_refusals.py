"""What of a workitem is refused, by which name and status."""

import pytest

from api.ups.body import parse_attributes
from storage.core.errors import LimitExceeded
from tests.api.client import ApiNode, is_problem
from tests.api.ups.worklist_client import (
    PREFIX,
    Json,
    Worklist,
    el,
    new_item,
)

_STRANGE_ITEMS: list[tuple[Json, str]] = [
    ({"t00741000": el("CS", "IN PROGRESS")}, "SCHEDULED"),
    ({"t00081195": el("UI", "2.25.5")}, "Transaction UID"),
    ({"t00741200": el("CS", "URGENT")}, "ScheduledProcedureStepPriority is 'URGENT'"),
    ({"t00404041": el("CS", "MAYBE")}, "InputReadinessState is 'MAYBE'"),
    (
        {"t00404005": el("DT", "tomorrow")},
        "The value 'tomorrow' of ScheduledProcedureStepStartDateTime (0040,4005)",
    ),
    ({"t00741002": el("SQ", {"00741004": el("DS", "5")})}, "ProcedureStepProgressInformation"),
    (
        {"t00741002": el("SQ", {}, {"00741004": el("DS", "abc")})},
        "'abc' of ProcedureStepProgressInformationSequence (0074,1002)[2]."
        "ProcedureStepProgress (0074,1004)",
    ),
    ({"t00741216": el("SQ", {"00404050": el("DT", "20240101")})}, "PerformedProcedureSequence"),
    ({"t00404021": el("SQ", {"0020000D": el("UI", "not.a.uid")})}, "StudyInstanceUID"),
    ({"t00100020": el("LO", "x" * 65)}, "The value of PatientID (0010,0020)"),
    ({"t00100020": el("LO", 5)}, "PatientID (0010,0020)"),
    ({"t00100020": {"vr": "LO", "BulkDataURI": "http://127.0.0.1/"}}, "PatientID (0010,0020)"),
    ({"t00100020": el("LO", "nul\0byte")}, "PatientID (0010,0020)"),
    ({"t00100020": {"vr": "??", "Value": ["1"]}}, "PatientID (0010,0020) is '??'"),
    ({"t00100030": el("DA", "19701399")}, "The value of PatientBirthDate (0010,0030)"),
    ({"tZZZZ": el("LO", "x")}, "'ZZZZ'"),
    ({"t00404021": el("SQ", "no item")}, "InputInformationSequence (0040,4021)"),
    ({"t00100010": el("PN", {"Alphabetic": 5})}, "PatientName (0010,0010)"),
]


def test_strange_items_are_refused_by_name(worklist: Worklist) -> None:
    for changes, named in _STRANGE_ITEMS:
        problem = is_problem(worklist.create(new_item(**changes)), 400, "invalid_request")
        assert named in problem["detail"], problem
        assert problem["remedy"]
        assert not any(one in str(problem) for one in ("xxxx", "19701399", "nul"))
    assert worklist.search() == []


_STRANGE_BODIES = (
    b"{",
    b"[]",
    b"[{},{}]",
    b"[1]",
    b'{"x": 1}',
    b'{"00100020": 1}',
    b"NaN",
    b'{"00100020": {"vr": "LO", "Value": ["\\ud800"]}}',
    b"[" * 9999,
)


def test_strange_bodies_are_refused(worklist: Worklist) -> None:
    for body in _STRANGE_BODIES:
        answer = worklist.http.post(f"{PREFIX}/workitems", content=body)
        is_problem(answer, 400, "invalid_request")


def test_other_media_types_and_uids_are_refused(worklist: Worklist) -> None:
    answer = worklist.http.post(
        f"{PREFIX}/workitems", content=b"<x/>", headers={"Content-Type": "application/dicom+xml"}
    )
    is_problem(answer, 415, "unsupported_media_type")
    uid = worklist.created(new_item(), "2.25.8")
    is_problem(worklist.create(new_item(), uid), 409, "uid_conflict")
    assert worklist.create(new_item(t00080018=el("UI", "2.25.9")), "2.25.10").status_code == 400
    assert worklist.create(new_item(), "AffectedSOPInstanceUID=2.25.11").status_code == 201
    assert worklist.create(new_item(), "no-uid").status_code == 400
    is_problem(worklist.http.get(f"{PREFIX}/workitems/abc"), 400, "validation_failed")
    for answer in (
        worklist.http.get(f"{PREFIX}/workitems/2.25.404"),
        worklist.update("2.25.404", new_item()),
        worklist.change("2.25.404", "IN PROGRESS", "2.25.5"),
        worklist.cancel("2.25.404"),
        worklist.cancel("1.2.3"),
    ):
        is_problem(answer, 404, "not_found")


def test_a_body_is_bounded_in_bytes_and_in_elements_and_an_item_is_looked_for_first(
    api: ApiNode,
) -> None:
    with pytest.raises(LimitExceeded, match="100000 braces"):
        parse_attributes(b'{"00404021":{"vr":"SQ","Value":[%s]}}' % b",".join([b"{}"] * 60_000))
    answer = api.client.post(f"{PREFIX}/workitems", content=b" " * (1024 * 1024 + 1))
    assert "1048576 bytes" in is_problem(answer, 413, "limit_exceeded")["detail"]
    for method, path in (("POST", ""), ("PUT", "/state"), ("POST", "/cancelrequest")):
        answer = api.client.request(
            method, f"{PREFIX}/workitems/2.25.404{path}", content=b'{"no": "data set"}'
        )
        is_problem(answer, 404, "not_found")
