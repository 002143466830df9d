"""Results reach the patient whose they are at a FHIR server, or nobody."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from inference.deliveries.destinations.fhir import FhirDestination
from inference.deliveries.service import deliver_due
from inference.routing.send import send_study
from inference.scheduling.schedule import schedule_series
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.deliveries.listing import DeliveryFilter, retry_now
from storage.outbox.leases import LEASE_S
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from tests.inference.deliveries.destinations.fhir_node import (
    PATIENT,
    SYSTEM,
    deliver,
    one_of,
    state_of,
    writing,
)
from tests.inference.deliveries.destinations.fhir_server import Handler, Json
from tests.inference.deliveries.destinations.nodes import with_results
from tests.inference.orchestration import later, receive
from tests.inference.small import BrightRegion, mr_slice, series_uid, study_uid


def with_results_of(storage: Storage, name: str = "a", **values: str) -> None:
    """Those of a study whose data sets state other values."""
    for number in range(1, 9):
        dataset = dcmread(BytesIO(mr_slice(name, number)))
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        file = BytesIO()
        dataset.save_as(file)
        receive(storage, [file.getvalue()])
    for series in storage.index.series_of(study_uid(name)):
        storage.index.mark_complete(series, utcnow())
    series = storage.index.series(study_uid(name), series_uid(name))
    (decision,) = schedule_series(storage, series, (BrightRegion(),))
    assert run_job(storage, decision.job_id or "", "worker", pipelines=(BrightRegion(),))


@pytest.mark.parametrize("patient_id", ["77,Q-4711", "a|Q-4711", "50%$+ä,"])
def test_a_patient_id_with_separators_is_one_id(tmp_path: Path, patient_id: str) -> None:
    with writing(tmp_path) as (server, storage):
        with_results_of(storage, PatientID=patient_id)
        assert deliver_due(storage, utcnow(), "sender") == 0
        ((state, error),) = state_of(storage)
        assert (state, "knows no patient of" in error) == ("PENDING", True), error
        assert patient_id not in error
        own = server.add("Patient", {"identifier": [{"system": SYSTEM, "value": patient_id}]})
        assert deliver(storage) == 1, state_of(storage)
        assert one_of(server, "DiagnosticReport")["subject"]["reference"] == own


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"identifier": [{"system": SYSTEM, "value": "q-4711"}]}, "knows no patient"),
        ({"identifier": [{"system": "urn:other", "value": "Q-4711"}]}, "knows no patient"),
        ({"active": False}, "as inactive or replaced"),
        ({"link": [{"type": "replaced-by"}]}, "as inactive or replaced"),
        ({"link": 5}, "as inactive or replaced"),
        ({"id": None}, "a Patient without an id"),
        ({"id": "../Patient/1"}, "a Patient without an id"),
        (None, "several patients"),
        (5, "whose entry is no list"),
    ],
)
def test_a_patient_who_is_not_certainly_the_one_is_not_taken(
    tmp_path: Path, changes: Any, words: str
) -> None:
    # Where the node may create patients, it does not do so beside one of that identifier.
    patients = "match" if words == "knows no patient" else "create"
    with writing(tmp_path, fhir_patients=patients) as (server, storage):
        person = {"resourceType": "Patient", "id": "s1", **PATIENT, "active": True}
        other = {"type": "replaces", "other": {"reference": "Patient/s7"}}
        entry: Any = (
            [{"resource": {**person, "link": [other], **(changes or {})}}] if (changes != 5) else 5
        )
        page = {"resourceType": "Bundle", "type": "searchset", "entry": entry}
        next_page = {"link": [{"relation": "next", "url": "https://x"}]}
        server.found = [{**page, **({} if changes else next_page)}]
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        ((state, error),) = state_of(storage)
        assert (state, words in error) == ("PENDING", True), error
        assert server.transactions == 0


_OTHER_DAYS = ("1950-01-03", "1950-02", "1951", "1950-02-02T00:00:00Z")
"""Than that of `mr_slice`."""


def _page(*persons: Json) -> Json:
    entry = [{"resource": one} for one in persons]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entry}


@pytest.mark.parametrize("patients", ["match", "create"])
def test_results_do_not_go_to_somebody_born_on_another_day(tmp_path: Path, patients: str) -> None:
    with writing(tmp_path, fhir_patients=patients) as (server, storage):
        stranger = {"resourceType": "Patient", "id": "s1", **PATIENT, "birthDate": "1999-09-09"}
        server.found = [_page(stranger)]
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        ((state, error),) = state_of(storage)
        assert (state, "born on another day" in error) == ("PENDING", True), error
        assert "1999" not in error
        assert server.transactions == 0
        # The register gave the number out twice: nobody says which of them is meant.
        server.found = [_page(stranger, {**stranger, "id": "s2", "birthDate": "1950-01-02"})]
        assert deliver(storage) == 0
        ((state, error),) = state_of(storage)
        assert (state, "several patients" in error) == ("PENDING", True), error
        # Two people are not to be merged into one.
        assert ("born on another day" in error, "merged" in error) == (True, False), error
        assert server.transactions == 0


@pytest.mark.parametrize("born", ["1950-01-02", "1950-01", None, "unknown"])
def test_results_go_to_whom_the_birth_date_does_not_tell_apart(tmp_path: Path, born: Any) -> None:
    with writing(tmp_path) as (server, storage):
        with_results(storage)
        own = f"Patient/{one_of(server, 'Patient')['id']}"
        person = {"resourceType": "Patient", "id": own.rpartition("/")[2], **PATIENT}
        for other in _OTHER_DAYS:
            server.found = [_page({**person, "birthDate": other})]
            assert deliver(storage) == 0, other
        assert server.transactions == 0
        server.found = [_page({**person, "birthDate": born})]
        assert deliver(storage) == 1, state_of(storage)
        assert one_of(server, "DiagnosticReport")["subject"]["reference"] == own


def test_the_system_of_the_site_is_not_that_of_another_issuer(tmp_path: Path) -> None:
    settings = {"patient_id_issuer": "HERE"}
    with writing(tmp_path, settings=settings) as (server, storage):
        with_results_of(storage, IssuerOfPatientID="OTHER-HOSPITAL")
        assert deliver_due(storage, utcnow(), "sender") == 0
        ((state, error),) = state_of(storage)
        assert (state, server.transactions) == ("REFUSED", 0)
        assert "Add OTHER-HOSPITAL=URI to fhir_patient_systems" in error
        with_results_of(storage, "b", IssuerOfPatientID="HERE")
        assert deliver_due(storage, utcnow(), "sender") == 1, state_of(storage, "b")
        systems = f"OTHER-HOSPITAL=urn:theirs,{SYSTEM}"
        storage.peers.replace(replace(storage.peers.get("ehr"), fhir_patient_systems=systems))
        theirs = {"identifier": [{"system": "urn:theirs", "value": "Q-4711"}]}
        url = server.add("Patient", theirs)
        retry_now(storage.engine, DeliveryFilter(destination="ehr"))
        assert deliver_due(storage, utcnow(), "sender") == 1
        subjects = [one["subject"]["reference"] for one in server.of("DiagnosticReport")]
        assert subjects == ["Patient/s1", url]


def test_documents_follow_their_study_to_another_patient(tmp_path: Path) -> None:
    with writing(tmp_path) as (server, storage):
        url = server.add("Patient", {"identifier": [{"system": SYSTEM, "value": "B-1"}]})
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 1
        moved_to(storage, "B-1")
        assert deliver_due(storage, utcnow(), "sender") == 1
        for one in (one_of(server, "DiagnosticReport"), *server.of("Observation")):
            assert one["subject"]["reference"] == url
        assert one_of(server, "ImagingStudy")["subject"]["reference"] == "Patient/s1"
        send_study(storage, study_uid("a"), ["ehr"])
        deliver(storage)
        assert one_of(server, "ImagingStudy")["subject"]["reference"] == url


def moved_to(storage: Storage, patient_id: str) -> None:
    move = Statement(
        "move", PatientKey(patient_id, ""), Demographics("Beispiel^Bo"),
        study_instance_uid=study_uid("a"),
    )  # fmt: skip
    storage.patient_changes.move(move, Origin("ada", "account:1", reason="wrong"), utcnow())


@pytest.mark.parametrize("moment", ["transaction", "proof", "between", "killed"])
def test_documents_follow_a_study_that_is_moved_while_they_are_sent(
    tmp_path: Path, moment: str
) -> None:
    """Its patient is read before the server is asked, and may be another when it has answered."""
    with writing(tmp_path) as (server, storage):
        url = server.add("Patient", {"identifier": [{"system": SYSTEM, "value": "B-1"}]})
        with_results(storage)

        def move_in_the_middle(handler: Handler, apply: Callable[[], tuple[int, Json]]) -> None:
            moved_to(storage, "B-1")
            handler.answer(*apply())

        def move_at_the_proof(headers: dict[str, str]) -> bool:
            if "content-type" not in headers:
                server.accepts = lambda _: True
                moved_to(storage, "B-1")
            return True

        if moment == "transaction":
            server.faults = [move_in_the_middle]
        elif moment == "proof":
            server.accepts = move_at_the_proof
        elif moment == "between":
            server.accepts = lambda headers: "content-type" in headers
        else:
            monkey = pytest.MonkeyPatch()
            monkey.setattr(FhirDestination, "listed", ended)
        with suppress(SystemExit):
            deliver_due(storage, utcnow(), "sender")
        if moment in ("between", "killed"):
            assert one_of(server, "DiagnosticReport")["subject"]["reference"] == "Patient/s1"
            moved_to(storage, "B-1")
        if moment == "killed":
            monkey.undo()
        server.accepts = lambda _: True
        deliver_due(storage, later(LEASE_S + 1), "another")
        assert one_of(server, "DiagnosticReport")["subject"]["reference"] == url
        assert state_of(storage) == {("CONFIRMED", "")}


def ended(*_: object) -> set[str]:
    """As where the process is killed: nothing is written any more."""
    raise SystemExit
