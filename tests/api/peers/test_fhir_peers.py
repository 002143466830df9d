"""FHIR servers over REST and by command, and their refused deliveries."""

from collections.abc import Iterator

import numpy as np
import pytest

from inference.deliveries.service import deliver_due
from storage.core.clock import utcnow
from storage.settings import Settings
from tests import builders
from tests.api.client import ApiNode, api_node, is_problem, part10
from tests.api.peers.test_peers import peers
from tests.inference.deliveries.destinations.fhir_server import FhirServer, fhir_server, refusing
from tests.inference.deliveries.destinations.nodes import host_of

SECRET = "very-secret"
EHR = {
    "name": "ehr",
    "kind": "fhir",
    "url": "fhir+https://ehr.example.org/fhir",
    "sign_in": "oauth2",
    "user_name": "node",
    "token": SECRET,
    "token_url": "https://ehr.example.org/token",
    "is_destination": True,
}


@pytest.fixture
def fhir() -> Iterator[FhirServer]:
    with fhir_server() as server:
        yield server


@pytest.fixture
def api(api_settings: Settings, fhir: FhirServer) -> Iterator[ApiNode]:
    hosts = ("ehr.example.org", host_of(fhir.url))
    with api_node(api_settings.model_copy(update={"fhir_hosts": hosts})) as node:
        yield node


def test_a_form_is_given_what_to_choose_from(api: ApiNode) -> None:
    kinds = api.client.get("/api/destination-kinds").json()["items"]
    (kind,) = (one for one in kinds if one["name"] == "fhir")
    choices = {one["name"]: one["choices"] for one in kind["fields"] if one["choices"]}
    assert choices["fhir_version"] == ["R4", "R5"]
    assert choices["fhir_patients"][0] == "match"
    assert "oauth2" in choices["sign_in"]


def test_a_secret_goes_to_no_other_token_endpoint(api: ApiNode) -> None:
    added = api.client.post("/api/peers", json=EHR)
    assert added.status_code == 201, added.text
    assert (added.json()["has_token"], added.json()["object_kinds"]) == (True, ["SR"])
    assert added.json()["max_sendings"] == 1, "of two at once, the older word might come last"
    assert SECRET not in added.text
    without = {name: value for name, value in EHR.items() if name not in ("name", "token")}
    assert api.client.put("/api/peers/ehr", json=without).json()["has_token"] is True
    moved = {**without, "token_url": "https://ehr.example.org/elsewhere"}
    assert api.client.put("/api/peers/ehr", json=moved).json()["has_token"] is False


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"url": "https://ehr.example.org/fhir"}, "url"),
        ({"url": "fhir+https://other.example.org/fhir"}, "other.example.org:443"),
        ({"url": "fhir+http://ehr.example.org/fhir"}, "unencrypted"),
        ({"token_url": "https://169.254.169.254/token"}, "169.254.169.254:443"),
        ({"token_url": "http://ehr.example.org/token"}, "unencrypted"),
        ({"user_name": ""}, "user_name"),
        ({"sign_in": "basic"}, "token_url"),
        ({"fhir_patient_systems": "no uri"}, "fhir_patient_systems"),
    ],
)
def test_what_cannot_be_is_refused(api: ApiNode, change: dict[str, str], word: str) -> None:
    answer = api.client.post("/api/peers", json={**EHR, **change})
    is_problem(answer, 400, "invalid_request")
    assert word in answer.json()["detail"]


def test_a_refused_delivery_is_listed_and_tried_again_by_a_person(
    api: ApiNode, fhir: FhirServer
) -> None:
    peer = {"name": "ehr", "kind": "fhir", "url": f"fhir+{fhir.url}", "fhir_patients": "create"}
    assert api.client.post("/api/peers", json=peer).status_code == 201
    (image,) = builders.series(np.zeros((1, 4, 4), np.int16), modality="MR", seed=7)
    image.PatientID = "id-7"
    api.storage.ingest.accept(part10(image), "dimse:MR1")
    study = str(image.StudyInstanceUID)
    fhir.faults = [refusing(422, "Not like that.")]
    assert api.client.post(f"/api/studies/{study}/send", json={"to": ["ehr"]}).is_success
    deliver_due(api.storage, utcnow(), "sender")
    found = api.client.get("/api/deliveries", params={"troubled": True}).json()["items"]
    assert {one["state"] for one in found} == {"refused"}
    assert found[0]["last_error"].endswith("answered HTTP 422: processing.")
    retried = api.client.post(f"/api/deliveries/{found[0]['delivery_id']}/retry")
    assert retried.json()["state"] == "pending"
    assert api.client.post("/api/deliveries/retry", json={}).json()["count"] == len(found)
    deliver_due(api.storage, utcnow(), "sender")
    assert api.client.get("/api/deliveries", params={"troubled": True}).json()["items"] == []
    assert len(fhir.of("ImagingStudy")) == 1


@pytest.mark.slow
def test_a_command_adds_and_tests_a_server(api_settings: Settings, fhir: FhirServer) -> None:
    hosts = {"MEDIVIEW_FHIR_HOSTS": host_of(fhir.url), "MEDIVIEW_PEER_TOKEN": SECRET}
    code, answer = peers(
        api_settings, "add", "ehr", f"fhir+{fhir.url}", "--sign-in", "bearer", "--fhir-version",
        "r4", "--fhir-patient-system", "urn:oid:1.2", "--fhir-patient-system", "East=urn:oid:1.3",
        **hosts,
    )  # fmt: skip
    assert code == 0, answer
    fhir.accepts = lambda headers: headers.get("authorization") == f"Bearer {SECRET}"
    code, answer = peers(api_settings, "test", "ehr", **hosts)
    assert (code, "takes transactions of FHIR R4" in answer) == (0, True), answer
