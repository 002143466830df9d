"""The services as the whole node serves them, behind its middleware."""

from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from tests.api.client import ApiNode, is_problem
from tests.api.ups.worklist_client import new_item


def test_the_capabilities_name_the_worklist_too(api: ApiNode) -> None:
    document = api.client.get("/dicom-web").json()
    resources = {one["path"]: one["methods"] for one in document["resources"]}
    assert {"GET", "POST", "DELETE"} <= set(resources["/dicom-web/studies/{study_instance_uid}"])
    assert {"GET", "POST"} <= set(resources["/dicom-web/workitems"])
    assert all(text for methods in resources.values() for text in methods.values())
    assert api.client.get("/dicom-web/").json() == document
    assert "GET" in api.client.options("/dicom-web/workitems").headers["allow"]
    assert api.client.options("/dicom-web/studies").headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_methods_are_named_alike_by_options_and_by_refusals(api: ApiNode) -> None:
    for path in ("/studies", "/studies/1.2", "/studies/1.2/rendered", "/workitems/1.2/state", ""):
        options = api.client.options(f"/dicom-web{path}").headers["allow"]
        refused = api.client.patch(f"/dicom-web{path}")
        assert (refused.status_code, refused.headers["allow"]) == (405, options), path


def test_a_parameter_is_ignored_with_a_warning_on_any_way_to_a_resource(
    api: ApiNode, shared_data: Path
) -> None:
    content = (shared_data / "odd" / "CT_small.dcm").read_bytes()
    headers = {"Content-Type": "application/dicom"}
    stored = api.client.post("/dicom-web/studies", content=content, headers=headers)
    assert stored.status_code == 200, stored.text
    ct = dcmread(BytesIO(content))
    uids = (ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.SOPInstanceUID)
    url = "/dicom-web/studies/{}/series/{}/instances/{}".format(*uids)
    wado = "/dicom-web/wado?requestType=WADO&studyUID={}&seriesUID={}&objectUID={}".format(*uids)
    for method, address, named in (
        ("GET", f"{url}/rendered?windw=40,400", "Did you mean 'window'?"),
        ("HEAD", f"{url}/rendered?windw=40,400", "'windw'"),
        ("GET", f"{url}/frames/1?quality=50", "'quality'"),
        ("GET", f"{url}?transfer-syntax=*", "'transfer-syntax'"),
        ("GET", f"{url}/metadata?includefield=PatientID", "'includefield'"),
        ("GET", f"{wado}&windowCentre=40&_=1", "Did you mean 'windowCenter'?"),
        ("GET", "/dicom-web?limit=1", "'limit'"),
    ):
        answer = api.client.request(method, address)
        assert answer.is_success, (address, answer.text)
        assert named in answer.headers["warning"], address
    answer = api.client.post("/dicom-web/studies?overwrite=true", content=content, headers=headers)
    assert "'overwrite'" in answer.headers["warning"]
    for known in (f"{wado}&WINDOWCENTER=40&windowWidth=9", f"{url}/rendered?window=40,400"):
        answer = api.client.get(known)
        assert (answer.status_code, answer.headers.get("warning")) == (200, None)
    is_problem(api.client.get(f"{wado}&rows=9&ROWS=8"), 400, "repeated_parameter")


def test_a_parameter_of_a_work_item_is_ignored_with_a_warning(api: ApiNode) -> None:
    made = api.client.post("/dicom-web/workitems?priority=HIGH", json=[new_item("1.2.3")])
    assert (made.status_code, "'priority'" in made.headers["warning"]) == (201, True), made.text
    item = made.headers["location"].partition("/dicom-web")[2]
    seen = api.client.get(f"/dicom-web{item}?includefield=all")
    assert (seen.status_code, "'includefield'" in seen.headers["warning"]) == (200, True)
    # It may have been meant as a filter, without which the subscription would be to everything.
    everything = "/dicom-web/workitems/1.2.840.10008.5.1.4.34.5/subscribers/RIS"
    answer = api.client.post(f"{everything}?filter=Modality=CT")
    assert "34.5.1" in is_problem(answer, 400, "unknown_parameter")["remedy"]


def test_refusals_are_problems_with_the_requests_id(api: ApiNode) -> None:
    is_problem(api.client.get("/dicom-web/studies?Foo=1"), 400, "invalid_request")
    is_problem(api.client.get("/dicom-web/wado?requestType=WADO"), 400, "invalid_request")
    is_problem(api.client.delete("/dicom-web/studies/1.2.3"), 404, "not_found")
    is_problem(
        api.client.get("/dicom-web/studies", headers={"Accept": "text/csv"}), 406, "not_acceptable"
    )
    answer = api.client.post("/dicom-web/studies", content=b"x")
    is_problem(answer, 415, "unsupported_media_type")
