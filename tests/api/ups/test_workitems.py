"""Workitems of others: created, claimed, updated, ended and found, by the standard's rules."""

from concurrent.futures import ThreadPoolExecutor

import httpx
from pydicom.dataset import Dataset
from pynetdicom.sop_class import UnifiedProcedureStepPush

from tests.api.client import ApiNode, is_problem
from tests.api.ups.worklist_client import (
    PREFIX,
    STATE,
    TRANSACTION,
    Worklist,
    code,
    el,
    new_item,
    performed,
)

_CANCELLATION = {
    "00741002": el(
        "SQ",
        {
            "00404052": el("DT", "20240131084100"),
            "0074100E": el("SQ", code("110513", "DCM", "Discontinued for unspecified reason")),
        },
    )
}


def _warned(answer: httpx.Response, status: int, sentence: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Warning"].startswith("299 http://127.0.0.1:")
    assert answer.headers["Warning"].endswith(f'/dicom-web "{sentence}"')


def test_an_item_is_created_claimed_performed_and_completed(stored_api: ApiNode) -> None:
    worklist = Worklist(stored_api.client, stored_api.url)
    answer = worklist.create(new_item(), "2.25.1001")
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith("/dicom-web/workitems/2.25.1001")
    assert "Warning" not in answer.headers

    item = worklist.get("2.25.1001")
    read = Dataset.from_json(item)
    assert read.SOPClassUID == UnifiedProcedureStepPush
    assert read.PatientName == "Quernhammer^Adalbert"
    assert read.ProcedureStepState == "SCHEDULED"
    assert read.ScheduledProcedureStepModificationDateTime

    assert worklist.change("2.25.1001", "IN PROGRESS", "2.25.5").status_code == 200
    claimed = worklist.get("2.25.1001")
    assert claimed[STATE]["Value"] == ["IN PROGRESS"]
    assert TRANSACTION not in claimed, "it is the owner's lock"

    progress = {"00741002": el("SQ", {"00741004": el("DS", 40)})}
    assert worklist.update("2.25.1001", progress, "2.25.5").status_code == 200
    _warned(
        worklist.change("2.25.1001", "COMPLETED", "2.25.5"),
        409,
        "The submitted request is inconsistent with the state of the UPS Instance.",
    )
    in_body = {**performed(), TRANSACTION: el("UI", "2.25.5")}
    assert worklist.update("2.25.1001", in_body).status_code == 200
    assert worklist.change("2.25.1001", "COMPLETED", "2.25.5").status_code == 200
    done = worklist.get("2.25.1001")
    assert done[STATE]["Value"] == ["COMPLETED"]
    assert done["00741002"]["Value"][0]["00741004"]["Value"] == [40]
    _warned(
        worklist.change("2.25.1001", "COMPLETED", "2.25.5"),
        200,
        "The UPS is already in the requested state of COMPLETED.",
    )
    _warned(
        worklist.update("2.25.1001", progress, "2.25.5"),
        400,
        "The submitted request is inconsistent with the current state of the Workitem.",
    )
    _warned(worklist.cancel("2.25.1001"), 409, "The UPS is already COMPLETED.")


def test_only_the_owner_changes_a_claimed_item(worklist: Worklist) -> None:
    uid = worklist.created(new_item())
    _warned(worklist.change(uid, "IN PROGRESS", ""), 400, "The Transaction UID is missing.")
    assert worklist.change(uid, "IN PROGRESS", "2.25.5").status_code == 200
    _warned(
        worklist.change(uid, "IN PROGRESS", "2.25.6"),
        409,
        "The submitted request is inconsistent with the state of the UPS Instance.",
    )
    label = {"00741204": el("LO", "Another label")}
    _warned(worklist.update(uid, label), 400, "The Transaction UID is missing.")
    _warned(worklist.update(uid, label, "2.25.6"), 400, "The Transaction UID is incorrect.")
    _warned(worklist.change(uid, "CANCELED", "2.25.6"), 400, "The Transaction UID is incorrect.")
    assert worklist.update(uid, label, "2.25.5").status_code == 200
    assert worklist.get(uid)["00741204"]["Value"] == ["Another label"]


def test_canceling_ones_own_needs_when_and_why(worklist: Worklist) -> None:
    uid = worklist.created(new_item())
    assert worklist.change(uid, "CANCELED", "2.25.5").status_code == 409, "nobody has claimed it"
    worklist.change(uid, "IN PROGRESS", "2.25.5")
    refused = is_problem(worklist.change(uid, "CANCELED", "2.25.5"), 409, "work_item_refused")
    assert "ProcedureStepDiscontinuationReasonCodeSequence" in refused["detail"]
    assert worklist.update(uid, _CANCELLATION, "2.25.5").status_code == 200
    assert worklist.change(uid, "CANCELED", "2.25.5").status_code == 200
    _warned(
        worklist.change(uid, "CANCELED", "2.25.5"),
        200,
        "The UPS is already in the requested state of CANCELED.",
    )
    assert worklist.change(uid, "SCHEDULED", "2.25.5").status_code == 409
    _warned(worklist.cancel(uid), 202, "The UPS is already in the requested state of CANCELED.")


def test_two_claim_at_once_and_one_gets_it(stored_api: ApiNode) -> None:
    worklist = Worklist(stored_api.client, stored_api.url)
    uid = worklist.created(new_item())

    def claim(number: int) -> int:
        with httpx.Client(base_url=stored_api.url) as http:
            return Worklist(http, "").change(uid, "IN PROGRESS", f"2.25.{number}").status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(claim, range(10, 18)))
    assert sorted(answers) == [200] + 7 * [409]


def test_what_nobody_has_claimed_is_canceled_on_request(worklist: Worklist) -> None:
    uid = worklist.created(new_item())
    details = {
        "00741238": el("LT", "The patient has left."),
        "0074100E": el("SQ", code("110500", "DCM", "Doctor canceled procedure")),
        "0074100C": el("LO", "Ward 7"),
    }
    assert worklist.cancel(uid, details).status_code == 202
    item = worklist.get(uid)
    progress = item["00741002"]["Value"][0]
    assert item[STATE]["Value"] == ["CANCELED"]
    assert progress["00741238"]["Value"] == ["The patient has left."]
    assert progress["0074100E"]["Value"][0]["00080100"]["Value"] == ["110500"]
    assert progress["00741008"]["Value"][0]["0074100C"]["Value"] == ["Ward 7"]
    assert "00404052" in progress


def test_a_performer_that_nobody_can_reach_is_not_asked(worklist: Worklist) -> None:
    uid = worklist.created(new_item())
    worklist.change(uid, "IN PROGRESS", "2.25.5")
    _warned(worklist.cancel(uid), 409, "The performer cannot be contacted.")
    worklist.subscribe(uid, "PERFORMER")
    assert worklist.cancel(uid).status_code == 202
    assert worklist.state(uid) == "IN PROGRESS", "the performer decides"


def test_what_is_missing_at_creation_is_added_or_refused(worklist: Worklist) -> None:
    lean = {tag: new_item()[tag] for tag in ("00404005", "00404041", STATE, "00741200", "00741204")}
    answer = worklist.create(lean)
    _warned(answer, 201, "The Workitem was created with modifications.")
    item = worklist.get(answer.headers["Location"].rpartition("/")[2])
    assert item["00741202"]["Value"] == ["MediViewAI"]
    assert item["00404021"] == {"vr": "SQ"}
    for tag in lean:
        refused = worklist.create({one: value for one, value in lean.items() if one != tag})
        is_problem(refused, 400, "invalid_request")


def test_an_update_leaves_alone_what_is_not_its_own(worklist: Worklist) -> None:
    uid = worklist.created(new_item())
    for changes in (
        {STATE: el("CS", "COMPLETED")},
        {"00100020": el("LO", "other")},
        performed(),
    ):
        assert worklist.update(uid, changes).status_code == 400
    same = worklist.get(uid)
    same["00741200"] = el("CS", "HIGH")
    assert worklist.update(uid, same).status_code == 200, "as it stands, with one change"
    assert worklist.get(uid)["00741200"]["Value"] == ["HIGH"]
    _warned(
        worklist.update(uid, {"00741200": el("CS", "LOW")}, "2.25.5"),
        409,
        "The target URI did not reference a claimed Workitem.",
    )


def test_items_are_found_by_their_attributes(stored_api: ApiNode) -> None:
    worklist = Worklist(stored_api.client, stored_api.url)
    first = worklist.created(new_item("2.25.1"))
    second = worklist.created(
        new_item(
            "2.25.2",
            t00100010=el("PN", {"Alphabetic": "Müller^Änne"}),
            t00100020=el("LO", "M-1"),
            t00741200=el("CS", "HIGH"),
            t00404005=el("DT", "20250601120000"),
            t00404025=el("SQ", code("CT2", "99LOCAL", "CT two")),
        )
    )
    third = worklist.created(new_item("2.25.3"))
    worklist.change(third, "IN PROGRESS", "2.25.5")
    assert worklist.uids() == [third, second, first], "the newest first"
    for query, wanted in {
        "PatientID=M-1": [second],
        "PatientName=müller*": [second],
        "00741200=HIGH": [second],
        "ProcedureStepState=IN%20PROGRESS": [third],
        "ProcedureStepState=SCHEDULED&PatientID=Q-4711": [first],
        "ScheduledProcedureStepStartDateTime=20250101-20251231": [second],
        "ScheduledStationNameCodeSequence.CodeValue=CT2": [second],
        "00404025.00080100=CT2": [second],
        "StudyInstanceUID=2.25.2,2.25.1": [second, first],
        "ReferencedRequestSequence.StudyInstanceUID=2.25.3": [third],
        f"SOPInstanceUID={first}": [first],
        "WorklistLabel=W?rk": [third, second, first],
        "PatientID=nobody": [],
    }.items():
        assert worklist.uids(query) == wanted, query


def test_what_is_returned_and_in_which_pages(worklist: Worklist) -> None:
    for number in range(5):
        worklist.created(new_item(f"2.25.{number}"), f"2.25.10{number}")
    worklist.change("2.25.100", "IN PROGRESS", "2.25.5")
    worklist.update("2.25.100", performed(), "2.25.5")
    page = worklist.http.get(f"{PREFIX}/workitems?limit=2&offset=1")
    assert page.status_code == 206
    assert "There are additional results" in page.headers["Warning"]
    assert [one["00080018"]["Value"][0] for one in page.json()] == ["2.25.103", "2.25.102"]
    assert worklist.http.get(f"{PREFIX}/workitems?limit=2&offset=3").status_code == 200
    assert worklist.http.get(f"{PREFIX}/workitems?offset=5").status_code == 204
    (plain,) = worklist.search("SOPInstanceUID=2.25.100")
    assert "00741216" not in plain
    assert plain["0040A370"]["Value"][0]["0020000D"]["Value"] == ["2.25.0"]
    for field in ("UnifiedProcedureStepPerformedProcedureSequence", "00741216", "all"):
        (more,) = worklist.search(f"SOPInstanceUID=2.25.100&includefield={field}")
        assert more["00741216"]["Value"]
    assert worklist.http.get(f"{PREFIX}/workitems?Nonsense=1").status_code == 400
    xml = worklist.http.get(
        f"{PREFIX}/workitems/2.25.100",
        headers={"Accept": 'multipart/related; type="application/dicom+xml"'},
    )
    assert b'keyword="ProcedureStepState"' in xml.content
