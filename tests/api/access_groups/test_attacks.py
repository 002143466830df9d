"""Ways around the groups, by what a user of one group may send or guess."""

import re
from collections.abc import Iterator
from copy import deepcopy

import httpx
import pytest
from pydicom.dataset import Dataset

from inference.access_groups.service import apply_rules
from storage.access_groups.entities import Member
from storage.access_groups.former_groups import note_departure
from storage.core.callers.visibility import EVERYONE
from storage.core.clock import utcnow
from storage.db.engine import writing
from tests.api.access_groups.two_groups import NORTH, SOUTH, TwoHospitals, two_hospitals
from tests.api.client import is_problem, part10, png
from tests.inference.rejection_notes.notes import hide_rejected, images, note_over


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHospitals]:
    """A node of their own: they leave studies behind."""
    with two_hospitals(tmp_path_factory.mktemp("attacked")) as made:
        yield made


@pytest.fixture
def program(hospitals: TwoHospitals, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """Of North, and it may write."""
    with hospitals.key(re.sub(r"\W", " ", request.node.name)[:70], "integrator", NORTH) as client:
        yield client


def stowed(
    client: httpx.Client, dataset: Dataset, path: str = "/dicom-web/studies"
) -> httpx.Response:
    boundary = "edge"
    body = b"".join(
        (
            f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode(),
            part10(dataset),
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    return client.post(
        path,
        content=body,
        headers={
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Accept": "application/dicom+json",
        },
    )


def into(hospitals: TwoHospitals, sop_instance_uid: str) -> Dataset:
    """An instance of North's making that says it belongs to South's study."""
    made = deepcopy(hospitals.south.instances[0])
    made.SeriesInstanceUID = sop_instance_uid + ".1"
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = sop_instance_uid
    made.InstitutionName = "Hospital N"
    return made


def test_nobody_adds_to_a_study_that_it_does_not_see(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    study = hospitals.south.study_instance_uid
    made = into(hospitals, "2.25.40001")
    answer = stowed(program, made, f"/dicom-web/studies/{study}")
    assert answer.status_code == 409, answer.text
    (failed,) = answer.json()["00081198"]["Value"]
    assert failed["00081197"]["Value"] == [0x0124]
    assert "may not add to the study" in answer.headers["Warning"]
    uploaded = program.post("/api/analyze", files={"files": ("a.dcm", part10(made))})
    refused = is_problem(uploaded, 422, "nothing_usable")
    assert "may not add to the study" in refused["detail"]
    for one in (answer, uploaded):
        assert "Südermann" not in one.text


def test_an_instance_that_is_sent_into_a_study_opens_it_to_nobody(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    """A modality of another group is not refused."""
    study = hospitals.south.study_instance_uid
    hospitals.storage.ingest.accept(part10(into(hospitals, "2.25.40001")), "dimse:CTN")
    hospitals.storage.access_groups.give_unmatched_to("everyone")  # all rules are applied again
    apply_rules(hospitals.storage, utcnow(), budget_s=60)
    assert hospitals.storage.access_groups.of_study(study) == {SOUTH: "rule"}
    assert program.get(f"/api/studies/{study}").status_code == 404
    assert program.get("/dicom-web/instances", params={"SOPInstanceUID": "2.25.40001"}).json() == []


def test_a_file_does_not_say_by_itself_who_sent_it(hospitals: TwoHospitals) -> None:
    made = into(hospitals, "2.25.40002")
    made.StudyInstanceUID = "2.25.40003"
    made.file_meta.SendingApplicationEntityTitle = "CTN"
    hospitals.storage.ingest.accept(part10(made), "stow")
    apply_rules(hospitals.storage, utcnow(), budget_s=60)
    assert hospitals.storage.access_groups.of_study("2.25.40003") == {"everyone": "unmatched"}


def test_a_study_is_hidden_until_the_rules_have_decided(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    made = into(hospitals, "2.25.40004")
    made.StudyInstanceUID = "2.25.40005"
    hospitals.storage.ingest.accept(part10(made), "dimse:CTN")
    assert program.get("/api/studies/2.25.40005").status_code == 404
    apply_rules(hospitals.storage, utcnow(), budget_s=60)
    assert program.get("/api/studies/2.25.40005").status_code == 200


def test_an_order_that_takes_a_studys_uid_opens_neither(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    """Who knows the UID of a scheduled study may post an order of its own under it."""
    theirs = {
        "patient_name": "Ordered^Olga",
        "patient_id": "S-99",
        "study_instance_uid": "2.25.40006",
        "scheduled_procedure_step_sequence": [
            {
                "modality": "CT",
                "scheduled_station_ae_title": "CTX",
                "scheduled_procedure_step_start_date": "2026-06-02",
                "scheduled_procedure_step_start_time": "09:00:00",
                "scheduled_procedure_step_id": "1",
            }
        ],
    }
    storage = hospitals.storage
    storage.access_groups.give_unmatched_to("administrators")
    try:
        with hospitals.node.with_key("their orders", "admin") as admin:
            assert admin.post("/api/worklist", json=theirs).status_code == 201
        mine = {**theirs, "patient_name": "Mine^Mia", "patient_id": "N-1"}
        (step,) = theirs["scheduled_procedure_step_sequence"]
        assert isinstance(step, dict)
        mine["scheduled_procedure_step_sequence"] = [step | {"scheduled_station_ae_title": "CTN"}]
        program.post("/api/worklist", json=mine)
        apply_rules(storage, utcnow(), budget_s=60)
        listed = program.get("/api/worklist").text
        assert "Ordered^Olga" not in listed
    finally:
        storage.access_groups.give_unmatched_to("everyone")
        apply_rules(storage, utcnow(), budget_s=60)


def test_an_earlier_study_that_not_everybody_sees_is_compared_with_nothing(
    hospitals: TwoHospitals,
) -> None:
    """Results of North's study must not carry what South's measured of the same patient."""
    storage, south = hospitals.storage, hospitals.south
    later = into(hospitals, "2.25.40007")
    later.StudyInstanceUID, later.StudyDate = "2.25.40008", "20260201"
    storage.ingest.accept(part10(later), "dimse:CTN")
    apply_rules(storage, utcnow(), budget_s=60)
    assert storage.patient_studies.before("2.25.40008") == []
    storage.access_groups.assign(NORTH, south.study_instance_uid)
    assert storage.patient_studies.before("2.25.40008") == [south.study_instance_uid]
    storage.access_groups.unassign(NORTH, south.study_instance_uid)
    assert storage.patient_studies.before("2.25.40008") == []


def test_a_similar_report_and_a_search_show_none_of_another_group(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    found = program.get("/api/search", params={"q": "volume of the brain"})
    assert found.status_code in (200, 503)
    assert hospitals.south.study_instance_uid not in found.text
    report = hospitals.north.ids["report_id"]
    alike = program.get(f"/api/reports/{report}/similar")
    assert hospitals.south.ids["report_id"] not in alike.text


def test_a_question_is_taken_from_and_answered_to_whoever_asks_it(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    study = hospitals.north.study_instance_uid
    asked = [
        program.post(path, json=question, headers={"Prefer": "respond-async"})
        for path, question in (
            ("/api/deid/text", {"text": "Nora came on Monday."}),
            ("/api/vqa", {"question": "How large is it?", "study_instance_uid": study}),
        )
    ]
    assert [one.status_code for one in asked] == [202, 202]
    with hospitals.key("south questions", "integrator", SOUTH) as theirs:
        for one in asked:
            path = f"/api/answers/{one.json()['job_id']}"
            assert program.get(path).status_code == 202
            assert theirs.get(path).status_code == 404


def test_counts_are_those_of_the_group(hospitals: TwoHospitals, program: httpx.Client) -> None:
    """A number that grows with the other hospital's studies would tell of them."""
    for path in ("/api/studies", "/api/jobs", "/api/reports", "/api/deliveries"):
        page = program.get(path, params={"limit": 1}).json()
        everything = program.get(path, params={"limit": 500}).json()
        assert page["total"] == len(everything["items"]), path
    for path in ("/fhir/ImagingStudy", "/fhir/Observation"):
        page = program.get(path, params={"_summary": "count"}).json()
        everything = program.get(path).json()
        assert page["total"] == len(everything.get("entry", [])), path


def test_uploads_and_their_pictures_are_those_of_whoever_made_them(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    wanted = {"filename": "a.png", "content_type": "image/png", "size_bytes": 10}
    with hospitals.key("south uploads", "integrator", SOUTH) as theirs:
        upload_id = theirs.post("/api/uploads/presign", json=wanted).json()["upload_id"]
        assert theirs.get(f"/api/uploads/{upload_id}").status_code == 200
    assert program.get(f"/api/uploads/{upload_id}").status_code == 404
    assert program.delete(f"/api/uploads/{upload_id}").status_code == 404
    started = program.post("/api/analyze/start", json={"upload_id": upload_id})
    assert started.status_code == 404


def test_the_same_bytes_again_are_answered_alike(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    """Which instances a study has is not to be found out by sending one."""
    known = stowed(program, hospitals.south.instances[0])
    new = stowed(program, into(hospitals, "2.25.40009"))
    assert known.status_code == new.status_code == 409
    assert known.headers["Warning"] == new.headers["Warning"]
    assert set(known.json()) == set(new.json())


def test_what_somebody_uploads_is_worked_on_where_its_groups_see_it(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    """At once, without the worker having applied the rules; a study of another group not at all."""
    mine = into(hospitals, "2.25.40011")
    mine.StudyInstanceUID = "2.25.40012"
    theirs = into(hospitals, "2.25.40013")
    theirs.SeriesInstanceUID = hospitals.south.ids["series_instance_uid"]
    answers = [
        program.post("/api/analyze", files={"files": ("a.dcm", part10(one))}).json()
        for one in (mine, theirs)
    ]
    assert [one["code"] for one in answers] == ["no_pipeline_accepts", "nothing_usable"]
    assert answers[0]["decisions"]
    assert "decisions" not in answers[1], "they would tell of South's series"
    assert program.get("/api/studies/2.25.40012").status_code == 200


def test_a_picture_and_its_jobs_belong_to_whoever_sent_it(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    sent = program.post("/api/analyze", files={"files": ("a.png", png(), "image/png")})
    assert sent.status_code in (200, 422, 503, 504), sent.text
    with hospitals.key("south pictures", "integrator", SOUTH) as theirs:
        jobs = theirs.get("/api/jobs").json()["items"]
        assert {job["study_instance_uid"] for job in jobs} == {hospitals.south.study_instance_uid}


def test_the_job_of_a_question_is_found_by_its_study_for_who_asked_alone(
    hospitals: TwoHospitals,
) -> None:
    study = hospitals.south.study_instance_uid
    question = {"study_instance_uid": study, "question": "What is the brain volume?"}
    of_study = f"/api/jobs?study_instance_uid={study}&pipeline=vqa"
    with hospitals.key("south asks", "radiologist", SOUTH) as asker:
        asked = asker.post("/api/vqa", json=question, headers={"Prefer": "wait=0"}).json()
        (found,) = asker.get(of_study).json()["items"]
    assert (found["job_id"], found["study_instance_uid"]) == (asked["job_id"], study)
    with hospitals.key("north listens", "radiologist", NORTH) as other:
        assert other.get(of_study).json()["items"] == []
        is_problem(other.get(f"/api/jobs/{asked['job_id']}"), 404, "not_found")
    hospitals.storage.jobs.cancel(asked["job_id"], "Asked in a test.", utcnow())


@pytest.mark.parametrize(
    ("role", "scopes", "hidden"),
    [("radiologist", [], 0), ("admin", ["dicomweb:write"], 0), ("admin", [], 1)],
)
def test_nobody_but_an_administrator_hides_images_over_http(
    hospitals: TwoHospitals, role: str, scopes: list[str], hidden: int
) -> None:
    """By STOW-RS and by an upload."""
    storage = hospitals.storage
    slices = images(3)
    for number, way in enumerate(("stow", "upload")):
        for one in slices:
            one.StudyInstanceUID = f"2.25.4100{number}"
            one.SeriesInstanceUID = f"2.25.4100{number}.1"
            one.SOPInstanceUID = f"2.25.4100{number}.{one.InstanceNumber}.2"
            one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
            storage.ingest.accept(part10(one), "dimse:CTN")
        note = note_over(slices[2:])
        key, secret = storage.api_keys.create(
            f"{way} {role} {len(scopes)}", [role], scopes, created_by="test", expires_at=None
        )
        storage.access_groups.add_member(NORTH, Member("key", key.key_id))
        with hospitals.node.client(headers={"Authorization": f"Bearer {secret}"}) as client:
            if way == "stow":
                answer = stowed(client, note)
            else:
                answer = client.post("/api/analyze", files={"files": ("note.dcm", part10(note))})
        is_refused = answer.status_code == 403
        assert is_refused == (way == "upload" and bool(scopes)), answer.text
        assert hide_rejected(storage, utcnow()) == hidden, way
        for uid in (str(note.SOPInstanceUID), *(str(one.SOPInstanceUID) for one in slices)):
            if not is_refused or uid != str(note.SOPInstanceUID):
                storage.deletions.instance(uid)


def test_a_series_that_shares_its_uid_with_another_groups_opens_and_changes_nothing_of_it(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    """One instance of one's own under the UID of another group's series is easily stored."""
    theirs = deepcopy(hospitals.south.instances[0])
    theirs.SeriesInstanceUID = "2.25.40020"
    theirs.SOPInstanceUID = theirs.file_meta.MediaStorageSOPInstanceUID = "2.25.40020.1"
    hospitals.storage.ingest.accept(part10(theirs), "dimse:CTS")
    ours = deepcopy(hospitals.north.instances[0])
    ours.SeriesInstanceUID = "2.25.40020"
    ours.SOPInstanceUID = ours.file_meta.MediaStorageSOPInstanceUID = "2.25.40021.1"
    stored = stowed(program, ours)
    assert stored.status_code == 200, stored.text
    path = "/api/series/2.25.40020/expectations"
    with hospitals.person("announcer", "admin") as boss:
        secret = {"sop_instance_uids": ["2.25.40020.1", "2.25.40020.77"]}
        for study in ("", hospitals.south.study_instance_uid):
            announced = boss.put(path, json=secret, params={"study_instance_uid": study})
            assert announced.status_code == 200, announced.text
            assert program.get(path).json() == {"items": []}
        of_south = {"study_instance_uid": hospitals.south.study_instance_uid}
        is_problem(program.put(path, json={"instance_count": 1}, params=of_south), 404, "not_found")
        own = program.put(path, json={"instance_count": 1_000_000})
        assert own.json()["study_instance_uid"] == hospitals.north.study_instance_uid
        missing = {
            one.series.study_instance_uid: one.missing_count
            for one in hospitals.storage.expectations.of_receiving()
            if one.series.series_instance_uid == "2.25.40020"
        }
        assert missing == {
            hospitals.south.study_instance_uid: 1,
            hospitals.north.study_instance_uid: 999_999,
        }
        assert program.delete(path, params=of_south).status_code == 204
        assert program.delete(path).status_code == 204
        (kept,) = boss.get(path).json()["items"]
        assert kept["sop_instance_uids"] == secret["sop_instance_uids"]


@pytest.mark.parametrize("everyone_had_it", [False, True])
def test_an_order_that_names_another_groups_study_is_refused(
    hospitals: TwoHospitals, program: httpx.Client, everyone_had_it: bool
) -> None:
    """Its reason would stand in their report. Before the rules were written all saw the study."""
    if everyone_had_it:
        with writing(hospitals.storage.engine) as connection:
            note_departure(connection, hospitals.south.study_instance_uid, [EVERYONE])
    mine = {
        "patient_name": "Mine^Mia",
        "patient_id": "N-1",
        "accession_number": "ORD-N-99",
        "study_instance_uid": hospitals.south.study_instance_uid,
        "scheduled_procedure_step_sequence": [
            {
                "modality": "CT",
                "scheduled_station_ae_title": "CTN",
                "scheduled_procedure_step_start_date": "2026-06-02",
                "scheduled_procedure_step_start_time": "09:00:00",
                "scheduled_procedure_step_id": "1",
            }
        ],
    }
    refused = program.post("/api/worklist", json=mine)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")


def test_who_begins_another_groups_study_by_its_uid_gets_none_of_it(
    hospitals: TwoHospitals, program: httpx.Client
) -> None:
    """An order tells the UID before the images come: the first instance is then no modality's."""
    storage = hospitals.storage
    theirs = into(hospitals, "2.25.40100")
    theirs.StudyInstanceUID, theirs.InstitutionName = "2.25.40101", "Hospital South"
    mine = into(hospitals, "2.25.40102")
    mine.StudyInstanceUID = theirs.StudyInstanceUID
    assert stowed(program, mine).status_code == 200
    apply_rules(storage, utcnow(), budget_s=60)
    assert set(storage.access_groups.of_study("2.25.40101")) == {"everyone"}
    storage.ingest.accept(part10(theirs), "dimse:CTS")
    apply_rules(storage, utcnow(), budget_s=60)
    assert set(storage.access_groups.of_study("2.25.40101")) == {SOUTH}
    assert program.get("/api/v1/studies/2.25.40101").status_code == 404
    # It was known to them when it was theirs; what they send now decides nothing.
    again = into(hospitals, "2.25.40103")
    again.StudyInstanceUID = theirs.StudyInstanceUID
    stowed(program, again)
    apply_rules(storage, utcnow(), budget_s=60)
    assert set(storage.access_groups.of_study("2.25.40101")) == {SOUTH}
