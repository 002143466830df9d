"""What is left in a browser after somebody has looked at patients and gone: nothing."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from api.middleware.security_headers import SecurityHeaders
from storage.settings import Settings
from tests import builders
from tests.api.access.closed import closed_node, closed_settings
from tests.api.client import part10

_STORED = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}


def test_no_answer_about_patients_is_kept_by_a_cache(tmp_path: Path) -> None:
    instance = builders.t1_head((4, 32, 32))[0]
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + part10(instance) + b"\r\n--b--\r\n"
    study = f"/dicom-web/studies/{instance.StudyInstanceUID}"
    series = f"{study}/series/{instance.SeriesInstanceUID}"
    one = f"{series}/instances/{instance.SOPInstanceUID}"
    with closed_node(closed_settings(tmp_path)) as node, node.with_key("ris", "admin") as ris:
        assert ris.post("/dicom-web/studies", content=body, headers=_STORED).status_code == 200
        for path in (
            "/api/studies",
            f"/api/studies/{instance.StudyInstanceUID}",
            "/dicom-web/studies",
            f"{study}/series",
            f"{study}/metadata",
            study,
            one,
            f"{one}/frames/1",
            f"{one}/frames/1/rendered",
            f"{one}/thumbnail",
            f"{one}/bulkdata/7FE00010",
            "/dicom-web/workitems",
            "/fhir/ImagingStudy",
            "/fhir/AuditEvent",
            "/fhir/DiagnosticReport/none",
            "/dicom-web/studies/9.9.9/metadata",
        ):
            answer = ris.get(path)
            assert answer.headers["cache-control"] == "no-store", path
        # A program that keeps what it had may still ask whether it holds.
        tag = ris.get(f"{study}/metadata").headers["etag"]
        again = ris.get(f"{study}/metadata", headers={"If-None-Match": tag})
        assert (again.status_code, again.headers["cache-control"]) == (304, "no-store")


def test_signing_out_takes_what_the_pages_kept(tmp_path: Path) -> None:
    with closed_node(closed_settings(tmp_path)) as node, node.signed_in("ann", "viewer") as ann:
        gone = ann.delete("/api/session")
        assert gone.status_code == 200
        assert gone.headers["clear-site-data"] == '"cache", "storage"'


def test_hosts_below_the_nodes_own_are_asked_by_https_where_the_operator_says_so() -> None:
    settings = Settings(public_url="https://mediview.example.org", hsts_subdomains=True)
    headers = SecurityHeaders(Mock(), settings).headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [("https://mediview.example.org", "max-age=31536000"), ("http://127.0.0.1:8000", None)],
)
def test_a_node_behind_https_is_asked_by_https_alone(
    tmp_path: Path, public_url: str, expected: str | None
) -> None:
    with (
        closed_node(closed_settings(tmp_path, public_url=public_url)) as node,
        node.client() as client,
    ):
        for path in ("/api/session", "/sign-in/", "/health"):
            assert client.get(path).headers.get("strict-transport-security") == expected
