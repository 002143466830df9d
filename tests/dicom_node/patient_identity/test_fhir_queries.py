"""Questions by FHIR to a foreign HTTP server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from dicom_node.patient_identity.entities import FoundPatient, Traits
from dicom_node.patient_identity.systems import cross_reference_manager, demographics_supplier
from dicom_node.peers import PeerFailed
from storage.patient_identity.entities import PatientKey
from storage.settings import Settings

OURS = PatientKey("4711", "HOSPITAL")
HOSPITAL, CLINIC = "urn:oid:1.2.276.0.1", "https://clinic.example/mrn"


@contextmanager
def register(answers: dict[str, Any], status: int = 200) -> Iterator[tuple[Settings, list[Any]]]:
    """A server with an answer for each path; and the requests that came."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.path, self.headers, body))
            found = answers.get(self.path)
            content = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(404 if found is None else status)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/fhir"
    try:
        yield (
            Settings(
                pix_url=url,
                pdq_url=url,
                patient_identity_authorization="Bearer t",  # type: ignore[arg-type]
                fhir_order_patient_systems=f"HOSPITAL={HOSPITAL},CLINIC={CLINIC}",  # type: ignore[arg-type]
            ),
            asked,
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def target(system: str, value: object) -> dict[str, Any]:
    return {"name": "targetIdentifier", "valueIdentifier": {"system": system, "value": value}}


def test_all_ids_of_a_patient_come_by_ihe_pix() -> None:
    parameters = [
        {"name": "targetId", "valueReference": {"reference": "Patient/1"}},
        target(CLINIC, "K-9"),
        target("urn:oid:9.9", "of a system that no setting names"),
        target(CLINIC, "two\\values"),
        target(CLINIC, 7),
        "nothing",
    ]
    answer = {"resourceType": "Parameters", "parameter": parameters}
    with register({"/fhir/Patient/$ihe-pix": answer}) as (settings, asked):
        found = cross_reference_manager(settings).ids_of(OURS)
    assert found == (OURS, PatientKey("K-9", "CLINIC"))
    ((path, headers, body),) = asked
    assert path == "/fhir/Patient/$ihe-pix", "no patient stands in an address"
    assert headers["Authorization"] == "Bearer t"
    (stated,) = json.loads(body)["parameter"]
    assert stated == {"name": "sourceIdentifier", "valueString": f"{HOSPITAL}|4711"}


def test_a_patient_whom_the_server_does_not_know_has_her_own_id_alone() -> None:
    with register({}) as (settings, _):
        assert cross_reference_manager(settings).ids_of(OURS) == (OURS,)
        with pytest.raises(PeerFailed, match="No FHIR system"):
            cross_reference_manager(settings).ids_of(PatientKey("1", "NOBODY"))


def test_patients_are_looked_up_by_what_is_stated() -> None:
    anna = {
        "resourceType": "Patient",
        "identifier": [{"system": HOSPITAL, "value": "4711"}, {"value": "no system"}],
        "name": [
            {"use": "maiden", "family": "Alt"},
            {"use": "official", "family": "Müller", "given": ["Änne", "M"], "prefix": ["Dr"]},
        ],
        "gender": "female",
        "birthDate": "1970-01-31",
    }
    odd = {"resourceType": "Patient", "name": "text", "birthDate": "1970", "gender": 3}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": anna}, {"resource": odd}, {}]}
    traits = Traits("4711", "HOSPITAL", "Müller", "Änne", "19700131", "F")
    with register({"/fhir/Patient/_search": bundle}) as (settings, asked):
        found = demographics_supplier(settings).find(traits)
    assert found == [
        FoundPatient((OURS,), "Müller^Änne^M^Dr", "19700131", "F"),
        FoundPatient((), "", "", ""),
    ]
    form = {name: value for name, (value,) in parse_qs(asked[0][2]).items()}
    assert form == {
        "identifier": f"{HOSPITAL}|4711",
        "family": "Müller",
        "given": "Änne",
        "birthdate": "1970-01-31",
        "gender": "female",
        "_count": "20",
    }


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (b"<html>", 200, "not JSON"),
        ([], 200, "no FHIR resource"),
        ({}, 401, "HTTP 401"),
        (b" " * 3_000_000, 200, "more than"),
    ],
)
def test_what_is_no_answer_is_an_error(answer: object, status: int, says: str) -> None:
    with (
        register({"/fhir/Patient/$ihe-pix": answer}, status) as (settings, _),
        pytest.raises(PeerFailed, match=says) as failed,
    ):
        cross_reference_manager(settings).ids_of(OURS)
    assert "4711" not in f"{failed.value.message} {failed.value.remedy}"


def test_a_secret_does_not_travel_unencrypted() -> None:
    with pytest.raises(ValueError, match="unencrypted"):
        Settings(pix_url="http://mpi.example/fhir", patient_identity_authorization="Bearer t")  # type: ignore[arg-type]
