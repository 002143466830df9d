"""HEAD, the methods that a refusal names, and slashes at the end, over the whole API."""

import httpx
import pytest
from starlette.routing import Route

from api.app import create_app
from storage.settings import load_settings
from tests.api.client import ApiNode
from tests.attacks.support.poison import ordinary
from tests.attacks.support.poison import part10 as file_of

UIDS = {
    "study_instance_uid": "1.2.3",
    "series_instance_uid": "1.2.4",
    "sop_instance_uid": "1.2.5",
    "frame_list": "1",
    "element_path": "7FE00010",
}


def readable() -> list[str]:
    """An address for every route that answers GET but the endless and the redirecting."""
    app = create_app(load_settings())
    paths = []
    for route in app.routes:
        if isinstance(route, Route) and "GET" in (route.methods or ()):
            path = route.path
            for name in route.param_convertors:
                for shown in (f"{{{name}}}", f"{{{name}:path}}"):
                    path = path.replace(shown, UIDS.get(name, "unknown"))
            paths.append(path)
    return sorted(set(paths))


@pytest.fixture(scope="module")
def stored(reading_api: ApiNode) -> str:
    dataset = ordinary(32)
    answer = reading_api.client.post(
        "/dicom-web/studies/",
        content=file_of(dataset),
        headers={"Content-Type": "application/dicom"},
    )
    assert answer.status_code == 200, answer.text
    return (
        f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}"
    )


@pytest.mark.parametrize("path", readable())
def test_head_answers_what_get_answers_without_its_body(reading_api: ApiNode, path: str) -> None:
    head = reading_api.client.head(path)
    assert head.content == b""
    with reading_api.client.stream("GET", path) as get:
        assert head.status_code == get.status_code
        assert (
            head.headers.get("content-type", "").split(";")[0]
            == get.headers.get("content-type", "").split(";")[0]
        )


@pytest.mark.parametrize(
    ("resource", "accept"),
    [
        ("", "multipart/related; type=application/dicom"),
        ("", "application/dicom"),
        ("/metadata", "application/dicom+json"),
        ("/frames/1", "multipart/related; type=application/octet-stream"),
        ("/rendered", "image/png"),
        ("/thumbnail", "image/jpeg"),
        ("/bulkdata/7FE00010", "multipart/related; type=application/octet-stream"),
    ],
)
def test_head_tells_the_length_that_get_has(
    reading_api: ApiNode, stored: str, resource: str, accept: str
) -> None:
    client = reading_api.client
    get = client.get(stored + resource, headers={"Accept": accept})
    head = client.head(stored + resource, headers={"Accept": accept})
    assert get.status_code == head.status_code == 200, get.text
    assert head.content == b""
    assert head.headers.get("content-length") == get.headers.get("content-length")
    assert head.headers.get("etag") == get.headers.get("etag")
    # The connection is still in step.
    assert client.get(stored + resource, headers={"Accept": accept}).content


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/studies", "GET, HEAD"),
        ("PUT", "/dicom-web/studies", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", "/dicom-web/studies/1.2.3", "DELETE, GET, HEAD, OPTIONS, POST"),
        ("POST", "/api/session/password", "PUT"),
        ("PUT", "/api/session", "DELETE, GET, HEAD, POST"),
        ("HEAD", "/api/session/password", "PUT"),
        ("POST", "/fhir/ImagingStudy/1.2", "GET, HEAD"),
    ],
)
def test_a_refusal_names_every_method_of_the_address(
    reading_api: ApiNode, method: str, path: str, allowed: str
) -> None:
    answer = reading_api.client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/api/studies/",
        "/api/jobs/?limit=1",
        "/dicom-web/studies/",
        "/dicom-web/series//?limit=1",
        "/fhir/metadata/",
    ],
)
def test_a_slash_at_the_end_changes_nothing(reading_api: ApiNode, path: str) -> None:
    plain, mark, query = path.partition("?")
    with_slash = reading_api.client.get(path, follow_redirects=False)
    without: httpx.Response = reading_api.client.get(plain.rstrip("/") + mark + query)
    assert with_slash.status_code == without.status_code
    assert with_slash.status_code in (200, 204)
