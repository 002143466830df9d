"""The services as the whole node serves them, behind its middleware."""

from tests.api.client import ApiNode, is_problem


def test_the_capabilities_name_the_worklist_too(api: ApiNode) -> None:
    document = api.client.get("/dicom-web").json()
    resources = {one["path"]: one["methods"] for one in document["resources"]}
    assert {"GET", "POST", "DELETE"} <= set(resources["/dicom-web/studies/{study_instance_uid}"])
    assert {"GET", "POST"} <= set(resources["/dicom-web/workitems"])
    assert all(text for methods in resources.values() for text in methods.values())
    assert api.client.get("/dicom-web/").json() == document
    assert "GET" in api.client.options("/dicom-web/workitems").headers["allow"]
    assert api.client.options("/dicom-web/studies").headers["allow"] == "GET, OPTIONS, POST"


def test_refusals_are_problems_with_the_requests_id(api: ApiNode) -> None:
    is_problem(api.client.get("/dicom-web/studies?Foo=1"), 400, "invalid_request")
    is_problem(api.client.get("/dicom-web/wado?requestType=WADO"), 400, "invalid_request")
    is_problem(api.client.delete("/dicom-web/studies/1.2.3"), 404, "not_found")
    is_problem(
        api.client.get("/dicom-web/studies", headers={"Accept": "text/csv"}), 406, "not_acceptable"
    )
    answer = api.client.post("/dicom-web/studies", content=b"x")
    is_problem(answer, 415, "unsupported_media_type")
