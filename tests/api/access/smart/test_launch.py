"""A hospital's system opens the viewer by SMART App Launch: a FHIR and OAuth server of sockets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.patient_identity.entities import PatientKey, Statement
from storage.settings import Settings
from tests.api.access.closed import ClosedNode, audited, closed_node, closed_settings
from tests.api.access.openid_connect.provider import CLIENT_ID, CLIENT_SECRET, Provider, provider
from tests.api.client import is_problem
from tests.storage.instances import part10
from tests.storage.patient_identity.patients import ADMIN

MRN = "urn:oid:1.2.276.0.1"
STUDY, OTHER = str(derive_uid("test", "mine")), str(derive_uid("test", "other"))


@pytest.fixture
def ehr() -> Iterator[Provider]:
    with provider() as running:
        running.claims = {
            "sub": "4711",
            "fhirUser": f"{running.url}/fhir/Practitioner/9",
            "preferred_username": "ada",
        }
        running.context = {
            "patient": "p1",
            "fhirContext": [{"reference": "Encounter/3"}, {"reference": "ImagingStudy/s1"}],
        }
        at = running.url
        running.resources = {
            "/fhir/.well-known/smart-configuration": {
                "issuer": at,
                "jwks_uri": f"{at}/keys",
                "authorization_endpoint": f"{at}/authorize",
                "token_endpoint": f"{at}/token",
                "code_challenge_methods_supported": ["S256"],
            },
            "/fhir/Patient/p1": {
                "resourceType": "Patient",
                "id": "p1",
                "identifier": [{"system": MRN, "value": "A"}],
            },
            "/fhir/ImagingStudy/s1": imaging_study(STUDY, "Patient/p1"),
        }
        yield running


def imaging_study(uid: str, patient: str) -> dict[str, Any]:
    return {
        "resourceType": "ImagingStudy",
        "id": "s1",
        "subject": {"reference": patient},
        "identifier": [
            {"system": "https://ris/accession", "value": "1.2.3"},
            {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"},
        ],
    }


@pytest.fixture
def closed(tmp_path: Path, ehr: Provider) -> Iterator[ClosedNode]:
    settings = closed_settings(
        tmp_path,
        smart_servers=f"{ehr.url}/fhir/={CLIENT_ID}",
        smart_client_secret=CLIENT_SECRET,
        smart_role="radiologist",
        patient_id_issuer="HOSPITAL",
        fhir_order_patient_systems=f"HOSPITAL={MRN}",
    )
    with closed_node(settings) as node:
        for name, patient in (("mine", "A"), ("other", "B")):
            node.storage.ingest.accept(
                part10(name, PatientID=patient, StudyDate="20200101"), "test"
            )
        yield node


def launched(client: httpx.Client, ehr: Provider, **asked: str) -> str:
    """Where a browser ends that the hospital's system sent here, within the viewer."""
    parameters = {"iss": f"{ehr.url}/fhir", **asked}
    start = client.get("/api/v1/session/smart/launch", params=parameters)
    assert start.status_code == 303, start.text
    there = httpx.get(start.headers["location"])
    return client.get(there.headers["location"]).headers["location"]


def test_an_ehr_launch_signs_in_and_opens_the_study(closed: ClosedNode, ehr: Provider) -> None:
    with closed.client() as ada:
        assert launched(ada, ehr, launch="xyz") == f"/study/?study={STUDY}"
        session = ada.get("/api/v1/session").json()
        assert (session["kind"], session["name"]) == ("oidc", "ada")
        assert session["roles"] == ["radiologist"]
        assert ada.get("/api/v1/studies").status_code == 200
        start = ada.get(
            "/api/v1/session/smart/launch", params={"iss": f"{ehr.url}/fhir", "launch": "xyz"}
        )
        asked = parse_qs(urlsplit(start.headers["location"]).query)
        assert asked["aud"] == [f"{ehr.url}/fhir"]
        assert asked["launch"] == ["xyz"]
        assert asked["scope"][0].split()[:3] == ["launch", "openid", "fhirUser"]
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["redirect_uri"] == [f"{closed.url}/api/session/smart/callback"]
    (event, *_) = audited(closed.storage, actor_id=f"oidc:{ehr.url} 4711")
    assert event["detail"]["method"] == "smart"


def test_a_standalone_launch_opens_the_patients_newest_study(
    closed: ClosedNode, ehr: Provider
) -> None:
    ehr.context = {"patient": "p1"}
    with closed.client() as ada:
        assert launched(ada, ehr) == f"/study/?study={STUDY}"
        start = ada.get("/api/v1/session/smart/launch", params={"iss": f"{ehr.url}/fhir"})
        asked = parse_qs(urlsplit(start.headers["location"]).query)
        assert asked["scope"][0].split()[0] == "launch/patient"
        assert "launch" not in asked


def test_a_study_of_another_patient_is_not_opened_unless_the_two_are_linked(
    closed: ClosedNode, ehr: Provider
) -> None:
    ehr.resources["/fhir/ImagingStudy/s1"] = imaging_study(OTHER, "Patient/p1")
    with closed.client() as ada:
        assert launched(ada, ehr, launch="x") == "/"
        link = Statement(
            "link", PatientKey("A", ""), prior=PatientKey("B", ""), site_issuer="HOSPITAL"
        )
        closed.storage.patient_changes.record([link], ADMIN, utcnow())
        assert launched(ada, ehr, launch="x") == f"/study/?study={OTHER}"
        ehr.resources["/fhir/ImagingStudy/s1"] = imaging_study(STUDY, "Patient/p2")
        assert launched(ada, ehr, launch="x") == "/", "they disagree over there"


@pytest.mark.parametrize(
    ("identifiers", "context", "opens"),
    [
        ([{"value": "A"}], {}, True),
        ([{"system": "urn:oid:1.2.3", "value": " A "}], {}, True),
        ([{"value": "SOMEBODY-ELSE"}], {}, False),
        ([{"system": "urn:oid:1.2.3", "value": "SOMEBODY-ELSE"}], {}, False),
        ([{"system": "urn:oid:1.2.3", "value": "A"}, {"system": MRN, "value": "B"}], {}, False),
        ([], {}, False),
        ([{"value": "A"}], {"patient": None}, True),
        ([{"value": "B"}], {"patient": None}, False),
    ],
)
def test_without_a_system_that_the_node_knows_the_number_decides(
    closed: ClosedNode,
    ehr: Provider,
    identifiers: list[dict[str, str]],
    context: dict[str, Any],
    opens: bool,
) -> None:
    """Without a patient of the launch it is the study's there."""
    ehr.resources["/fhir/Patient/p1"]["identifier"] = identifiers
    ehr.context = {**ehr.context, **context}
    with closed.client() as ada:
        there = launched(ada, ehr, launch="x")
    assert there == (f"/study/?study={STUDY}" if opens else "/")


def test_a_study_whose_patient_nobody_states_is_not_opened(
    closed: ClosedNode, ehr: Provider
) -> None:
    del ehr.resources["/fhir/ImagingStudy/s1"]["subject"]
    ehr.context = {**ehr.context, "patient": None}
    with closed.client() as ada:
        assert launched(ada, ehr, launch="x") == "/"


@pytest.mark.parametrize(
    "broken",
    [
        {"fhirContext": "ImagingStudy/s1"},
        {"fhirContext": [{"reference": "ImagingStudy/../../admin"}], "patient": "../x"},
        {"patient": 7},
        {"patient": "nobody"},
    ],
)
def test_a_context_that_names_nothing_here_leads_to_the_list(
    closed: ClosedNode, ehr: Provider, broken: dict[str, object]
) -> None:
    ehr.context = broken
    with closed.client() as ada:
        assert launched(ada, ehr, launch="x") == "/"
        assert ada.get("/api/v1/session").json()["signed_in"]


@pytest.mark.parametrize("user", [None, "Patient/p1", "https://x/fhir/RelatedPerson/1", 7])
def test_who_is_no_practitioner_is_not_signed_in(
    closed: ClosedNode, ehr: Provider, user: object
) -> None:
    ehr.claims = {"sub": "4711", "fhirUser": user}
    with closed.client() as client:
        assert launched(client, ehr, launch="x") == "/sign-in/?failed=provider"
        assert not client.get("/api/v1/session").json()["signed_in"]


def test_a_system_that_is_not_listed_is_never_asked(closed: ClosedNode, ehr: Provider) -> None:
    with closed.client() as client:
        for iss in (f"{ehr.url}/other", "https://evil.example/fhir", "", "javascript:1"):
            answer = client.get("/api/v1/session/smart/launch", params={"iss": iss})
            is_problem(answer, 403, "launch_refused")
    assert ehr.asked == []


def test_what_came_of_another_browsers_launch_is_not_taken(
    closed: ClosedNode, ehr: Provider
) -> None:
    with closed.client() as attacker, closed.client() as victim:
        start = attacker.get(
            "/api/v1/session/smart/launch", params={"iss": f"{ehr.url}/fhir", "launch": "x"}
        )
        there = httpx.get(start.headers["location"]).headers["location"]
        assert victim.get(there).headers["location"] == "/sign-in/?failed=provider"
        assert not victim.get("/api/v1/session").json()["signed_in"]


def test_a_launch_makes_nobody_an_administrator(closed: ClosedNode, ehr: Provider) -> None:
    claim = closed.storage.settings.oidc_roles_claim
    ehr.claims = {**ehr.claims, claim: ["admin"]}
    with closed.client() as client:
        assert launched(client, ehr, launch="x") == "/sign-in/?failed=provider"
    ehr.claims = {**ehr.claims, claim: ["admin", "viewer"]}
    with closed.client() as client:
        assert launched(client, ehr, launch="x") == f"/study/?study={STUDY}"
        assert client.get("/api/v1/session").json()["roles"] == ["viewer"]


def test_a_server_vouches_for_no_people_of_another_issuer(
    closed: ClosedNode, ehr: Provider
) -> None:
    stated = ehr.resources["/fhir/.well-known/smart-configuration"]
    stated["issuer"] = "https://sign-in.hospital.example"
    with closed.client() as client:
        answer = client.get("/api/v1/session/smart/launch", params={"iss": f"{ehr.url}/fhir"})
        is_problem(answer, 503, "not_configured")
        assert "address of its issuer" in answer.text


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
def test_a_server_takes_no_answers_of_another_issuer(
    closed: ClosedNode, ehr: Provider, name: str
) -> None:
    ehr.resources["/fhir/.well-known/smart-configuration"][name] = "https://evil.example/token"
    with closed.client() as client:
        answer = client.get("/api/v1/session/smart/launch", params={"iss": f"{ehr.url}/fhir"})
        is_problem(answer, 503, "not_configured")
        assert f"another {name} than its issuer" in answer.text


def test_each_of_several_servers_has_a_redirect_uri_of_its_own(
    tmp_path: Path, ehr: Provider
) -> None:
    with provider() as other:
        servers = f"{ehr.url}/fhir={CLIENT_ID},{other.url}/fhir={CLIENT_ID}"
        settings = closed_settings(tmp_path, smart_servers=servers, smart_role="viewer")
        with closed_node(settings) as node, node.client() as client:
            start = client.get(
                "/api/v1/session/smart/launch", params={"iss": f"{ehr.url}/fhir", "launch": "x"}
            )
            back = parse_qs(urlsplit(start.headers["location"]).query)["redirect_uri"][0]
            assert back.startswith(f"{node.url}/api/session/smart/callback?server=")
            assert parse_qs(urlsplit(back).query) == {"server": [f"{ehr.url}/fhir"]}
            # The answer to the first server's question, at the second one's address.
            state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
            mixed_up = {"server": f"{other.url}/fhir", "state": state, "code": "c"}
            there = client.get("/api/session/smart/callback", params=mixed_up)
            assert there.headers["location"] == "/sign-in/?failed=provider"
        assert other.asked == []


def test_a_server_without_pkce_is_refused(closed: ClosedNode, ehr: Provider) -> None:
    ehr.resources["/fhir/.well-known/smart-configuration"]["code_challenge_methods_supported"] = [
        "plain"
    ]
    with closed.client() as client:
        answer = client.get("/api/v1/session/smart/launch", params={"iss": f"{ehr.url}/fhir"})
        is_problem(answer, 503, "not_configured")


@pytest.mark.parametrize(
    "servers", ["http://ehr.example/fhir=id", "https://ehr.example/fhir", "https://a@b/fhir=id"]
)
def test_a_server_that_could_be_anybody_is_refused_at_the_start(servers: str) -> None:
    with pytest.raises(ValueError, match="no server of SMART App Launch"):
        Settings(smart_servers=servers)  # type: ignore[arg-type]


def test_one_secret_goes_to_one_server_alone() -> None:
    two = "https://a.example/fhir=id,https://b.example/fhir=id"
    assert len(Settings(smart_servers=two).smart_servers) == 2  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="each would be given it"):
        Settings(smart_servers=two, smart_client_secret="s")  # type: ignore[arg-type]
