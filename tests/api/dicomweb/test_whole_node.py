"""The services as the whole node serves them, behind its middleware."""

from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from tests.api.client import ApiNode, is_problem


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


def test_no_parameter_is_ignored_on_any_way_to_a_resource(api: ApiNode, shared_data: Path) -> None:
    content = (shared_data / "odd" / "CT_small.dcm").read_bytes()
    headers = {"Content-Type": "application/dicom"}
    stored = api.client.post("/dicom-web/studies", content=content, headers=headers)
    assert stored.status_code == 200, stored.text
    ct = dcmread(BytesIO(content))
    uids = (ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.SOPInstanceUID)
    url = "/dicom-web/studies/{}/series/{}/instances/{}".format(*uids)
    wado = "/dicom-web/wado?requestType=WADO&studyUID={}&seriesUID={}&objectUID={}".format(*uids)
    items = "/dicom-web/workitems"
    for method, address, named in (
        ("GET", f"{url}/rendered?windw=40,400", "window"),
        ("HEAD", f"{url}/rendered?windw=40,400", ""),
        ("GET", f"{url}/frames/1?quality=50", "quality"),
        ("GET", f"{url}?transfer-syntax=*", "accept"),
        ("GET", f"{url}/metadata?includefield=PatientID", "includefield"),
        ("GET", f"{wado}&windowCentre=40&windowWidth=400", "windowCenter"),
        ("POST", "/dicom-web/studies?overwrite=true", "overwrite"),
        ("POST", f"{items}?priority=HIGH", "priority"),
        ("GET", f"{items}/1.2.3?includefield=all", "includefield"),
        ("POST", f"{items}/1.2.840.10008.5.1.4.34.5/subscribers/RIS?filter=Modality=CT", "34.5.1"),
        ("GET", "/dicom-web?limit=1", "limit"),
    ):
        body = (
            [{"00404041": {"vr": "CS", "Value": ["READY"]}}] if address.startswith(items) else None
        )
        answer = api.client.request(method, address, json=body if method == "POST" else None)
        assert answer.status_code == 400, (address, answer.text)
        if method != "HEAD":
            problem = is_problem(answer, 400, "unknown_parameter")
            assert named in problem["detail"] + problem["remedy"]
    assert api.client.get(f"{wado}&WINDOWCENTER=40&windowWidth=9").is_success
    assert api.client.get(f"{url}/rendered?accept=image/png&window=40,400").is_success


def test_refusals_are_problems_with_the_requests_id(api: ApiNode) -> None:
    is_problem(api.client.get("/dicom-web/studies?Foo=1"), 400, "invalid_request")
    is_problem(api.client.get("/dicom-web/wado?requestType=WADO"), 400, "invalid_request")
    is_problem(api.client.delete("/dicom-web/studies/1.2.3"), 404, "not_found")
    is_problem(
        api.client.get("/dicom-web/studies", headers={"Accept": "text/csv"}), 406, "not_acceptable"
    )
    answer = api.client.post("/dicom-web/studies", content=b"x")
    is_problem(answer, 415, "unsupported_media_type")
