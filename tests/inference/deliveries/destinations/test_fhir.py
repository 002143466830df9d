"""Results and reports are written to a FHIR server, once each, and follow what becomes of them."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from inference.annotations.feedback_reports import write_feedback_reports
from inference.deliveries.service import deliver_due
from inference.reports.due import draft_due
from inference.reports.export.publishing import publish_due
from inference.routing.send import send_study
from inference.withdrawals.late_instances import withdraw_outdated
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.outbox.leases import LEASE_S
from tests.inference.deliveries.destinations.fhir_node import (
    PATIENT,
    SYSTEM,
    deliver,
    one_of,
    state_of,
    writing,
)
from tests.inference.deliveries.destinations.fhir_server import (
    Fault,
    lost,
    refusing,
)
from tests.inference.deliveries.destinations.nodes import (
    host_of,
    with_results,
)
from tests.inference.orchestration import later, receive
from tests.inference.small import mr_slice, study_uid
from tests.ready_processes import ReadyPopen


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_a_result_is_written_with_its_study_device_and_patient(
    tmp_path: Path, version: str
) -> None:
    with writing(tmp_path, version) as (server, storage):
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 1, "SR alone"
        assert state_of(storage) == {("CONFIRMED", "")}
        patient = one_of(server, "Patient")
        study, report = one_of(server, "ImagingStudy"), one_of(server, "DiagnosticReport")
        observations = server.of("Observation")
        (finding, *_) = storage.findings.of_study(study_uid("a"))
        assert observations
        for one in (study, report, *observations):
            assert one["subject"]["reference"] == f"Patient/{patient['id']}"
        assert report["status"] == "preliminary"
        assert "UNVERIFIED" in report["conclusion"]
        assert "research use only" in report["conclusion"]
        assert [one["reference"] for one in report["result"]] == [
            f"Observation/{one['id']}" for one in observations
        ]
        assert report["imagingStudy" if version == "R4" else "study"] == [
            {"reference": f"ImagingStudy/{study['id']}", "type": "ImagingStudy"}
        ]
        (observation,) = (
            one for one in observations if one["identifier"][0]["value"] == finding.finding_id
        )
        assert observation["valueQuantity"]["value"] == finding.value
        assert "UNVERIFIED" in observation["note"][0]["text"]
        assert observation["meta"]["security"][0]["code"] == "AIAST"
        devices = {f"Device/{one['id']}": one for one in server.of("Device")}
        device = devices[observation["device"]["reference"]]
        name = device["deviceName" if version == "R4" else "name"][0]
        assert finding.pipeline in json.dumps(name)
        assert device["version"][0]["value"] == finding.pipeline_version
        assert devices[device["parent"]["reference"]]["manufacturer"] == "MediViewAI"
        selected = {f"ImagingSelection/{one['id']}" for one in server.of("ImagingSelection")}
        derived = {one["reference"] for one in observation["derivedFrom"]}
        assert derived == {f"ImagingStudy/{study['id']}"} | selected
        assert bool(selected) == (version == "R5")
        assert not any("Q-4711" in path for path in server.paths), "no address names a patient"


def test_a_lost_answer_and_a_repetition_double_nothing(tmp_path: Path) -> None:
    with writing(tmp_path) as (server, storage):
        server.faults = [lost]
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        ((state, error),) = state_of(storage)
        assert (state, "cannot be reached" in error) == ("PENDING", True)
        before = {kind: len(server.of(kind)) for kind in ("Observation", "DiagnosticReport")}
        assert deliver(storage) == 1
        assert state_of(storage) == {("CONFIRMED", "")}
        assert server.transactions == 2
        assert {kind: len(server.of(kind)) for kind in before} == before
        assert len(server.of("ImagingStudy")) == len(server.of("Patient")) == 1


_SENDER = """
import sys
from inference.deliveries.service import deliver_due
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.settings import load_settings

folder, hosts = sys.argv[1:]
with open_storage(load_settings(data_dir=folder, fhir_hosts=hosts, free_disk_mark_bytes=0)) as one:
    print("ready", flush=True)
    sys.stdin.readline()
    deliver_due(one, utcnow(), "killed")
"""


def test_a_sender_that_is_killed_while_it_waits_for_the_answer_doubles_nothing(
    tmp_path: Path,
) -> None:
    with writing(tmp_path) as (server, storage):
        with_results(storage)
        command = [
            sys.executable, "-c", _SENDER, str(storage.settings.data_dir), host_of(server.url),
        ]  # fmt: skip
        with ReadyPopen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as sender:
            assert sender.stdout is not None
            assert sender.stdin is not None
            assert sender.stdout.readline() == "ready\n"

            def kill(handler: Any, apply: Any) -> None:
                apply()
                sender.kill()
                handler.close_connection = True

            server.faults = [kill]
            sender.stdin.write("go\n")
            sender.stdin.flush()
            assert sender.wait(60) < 0
        assert {state for state, _ in state_of(storage)} == {"SENDING"}
        assert deliver_due(storage, later(LEASE_S + 1), "next") == 1
        assert state_of(storage) == {("CONFIRMED", "")}
        assert server.transactions == 2
        assert len(server.of("DiagnosticReport")) == len(server.of("Patient")) == 1


def test_what_a_server_has_of_a_study_is_left_as_it_is(tmp_path: Path) -> None:
    uid = study_uid("a")
    with writing(tmp_path) as (server, storage):
        archive = {
            "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}],
            "description": "By the archive",
        }
        url = server.add("ImagingStudy", archive)
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 1
        assert one_of(server, "ImagingStudy")["description"] == "By the archive"
        assert one_of(server, "DiagnosticReport")["imagingStudy"][0]["reference"] == url
        # A study that somebody sends there is written as the node has it.
        send_study(storage, uid, ["ehr"])
        deliver(storage)
        assert one_of(server, "ImagingStudy")["numberOfInstances"] > 0
        assert "description" not in one_of(server, "ImagingStudy")


def test_a_patient_is_never_created_unless_the_site_says_so(tmp_path: Path) -> None:
    with writing(tmp_path) as (server, storage):
        server.resources.clear()
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        ((state, error),) = state_of(storage)
        assert state == "PENDING"
        assert f"knows no patient of the study's identifier, whose system is {SYSTEM}" in error
        assert "Q-4711" not in error
        assert (server.resources, server.transactions) == ({}, 0)
        server.add("Patient", PATIENT)
        assert deliver(storage) == 1
        server.add("Patient", PATIENT)
        with_results(storage, "b")
        deliver_due(storage, utcnow(), "sender")
        assert "several patients" in next(iter(state_of(storage, "b")))[1]


@pytest.mark.parametrize("patients", ["create", "identifier"])
def test_patients_are_created_or_named_by_identifier(tmp_path: Path, patients: str) -> None:
    with writing(tmp_path, fhir_patients=patients) as (server, storage):
        server.resources.clear()
        for name in ("a", "b"):
            with_results(storage, name)
            assert deliver_due(storage, utcnow(), "sender") == 1
        subjects = [one["subject"] for one in server.of("DiagnosticReport")]
        if patients == "create":
            patient = one_of(server, "Patient")
            assert patient["name"][0]["family"] == "Quernhammer"
            assert patient["identifier"][0]["system"] == SYSTEM
            assert {one["reference"] for one in subjects} == {f"Patient/{patient['id']}"}
        else:
            assert server.of("Patient") == []
            identifier = {"system": SYSTEM, "value": "Q-4711"}
            assert subjects == [{"type": "Patient", "identifier": identifier}] * 2


def test_feedback_and_withdrawal_follow_in_order(tmp_path: Path) -> None:
    with writing(tmp_path, settings={"feedback_quiet_s": 0}) as (server, storage):
        with_results(storage)
        deliver_due(storage, utcnow(), "sender")
        for finding in storage.findings.of_study(study_uid("a")):
            storage.finding_feedback.add(finding, "ACCEPTED", of_account("dr-a"), verifies=True)
        assert write_feedback_reports(storage, later(60)) == 1
        assert deliver(storage) == 1
        assert {one["status"] for one in server.of("Observation")} == {"final"}
        assert one_of(server, "DiagnosticReport")["status"] == "final"
        receive(storage, [mr_slice("a", 30)])
        assert withdraw_outdated(storage, utcnow()) == 1
        assert deliver(storage) == 1
        assert {one["status"] for one in server.of("Observation")} == {"entered-in-error"}
        report = one_of(server, "DiagnosticReport")
        assert report["status"] == "entered-in-error"
        assert report["conclusion"].startswith("Withdrawn: ")
        assert {state for state, _ in state_of(storage)} <= {"CONFIRMED", "SENT"}


def test_a_withdrawal_does_not_overtake_what_it_withdraws(tmp_path: Path) -> None:
    with writing(tmp_path) as (server, storage):
        taken, go_on = threading.Event(), threading.Event()

        def slow(handler: Any, apply: Any) -> None:
            taken.set()
            assert go_on.wait(60)
            handler.answer(*apply())

        server.faults = [slow]
        with_results(storage)
        sender = threading.Thread(target=deliver_due, args=(storage, utcnow(), "first"))
        sender.start()
        assert taken.wait(60)
        receive(storage, [mr_slice("a", 30)])
        assert withdraw_outdated(storage, utcnow()) == 1
        assert deliver_due(storage, utcnow(), "second") == 0
        go_on.set()
        sender.join()
        deliver(storage)
        assert one_of(server, "DiagnosticReport")["status"] == "entered-in-error"
        assert {one["status"] for one in server.of("Observation")} == {"entered-in-error"}


@pytest.mark.parametrize("fault", [lost, refusing(503)])
def test_a_result_that_is_withdrawn_before_its_repetition_counts_nowhere(
    tmp_path: Path, fault: Fault
) -> None:
    with writing(tmp_path) as (server, storage):
        server.faults = [fault]
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        receive(storage, [mr_slice("a", 30)])
        assert withdraw_outdated(storage, utcnow()) == 1
        assert deliver(storage) == 1, "the rejection note"
        assert {state for state, _ in state_of(storage)} == {"CONFIRMED"}
        written = {one["status"] for one in server.of("DiagnosticReport")}
        # What the server never had is not brought there to be withdrawn.
        assert written == ({"entered-in-error"} if fault is lost else set())


def test_a_draft_leaves_where_the_site_lets_it_and_the_signed_report_is_final(
    tmp_path: Path,
) -> None:
    uid, reader = study_uid("a"), of_account("dr-jones")
    with writing(tmp_path, settings={"report_delivery": "all"}) as (server, storage):
        with_results(storage)
        draft_due(storage, later(3600))
        publish_due(storage)
        server.faults = [refusing(503)] * 2
        deliver_due(storage, utcnow(), "sender")
        assert server.of("DiagnosticReport") == []
        report = storage.reports.states_of([uid])[uid]
        storage.reports.move(report.report_id, report.version, "final", reader)
        publish_due(storage)
        # The signed version goes first; the draft, when its turn comes, is of yesterday.
        deliver_due(storage, utcnow(), "sender")
        (written,) = (one for one in server.of("DiagnosticReport") if "presentedForm" in one)
        assert written["status"] == "final"
        assert written["resultsInterpreter"] == [{"display": "dr-jones"}]
        assert written["presentedForm"][0]["contentType"] == "application/pdf"
        assert written["presentedForm"][0]["data"].startswith("JVBERi")
        deliver(storage)
        assert {state for state, _ in state_of(storage)} == {"CONFIRMED"}
        versions = server.resources[f"DiagnosticReport/{written['id']}"]
        assert [one["status"] for one in versions] == ["final"]
        signed = storage.reports.get(report.report_id)
        storage.reports.move(
            signed.report_id, signed.version, "amended", reader,
            sections=signed.sections[:-1], reason="Read again.",
        )  # fmt: skip
        publish_due(storage)
        deliver(storage)
        assert [one["status"] for one in versions] == ["final", "amended"]


def test_an_unsigned_report_is_withdrawn_with_what_it_rests_on(tmp_path: Path) -> None:
    with writing(tmp_path, settings={"report_delivery": "all"}) as (server, storage):
        with_results(storage)
        draft_due(storage, later(3600))
        publish_due(storage)
        deliver_due(storage, utcnow(), "sender")
        statuses = {one["status"] for one in server.of("DiagnosticReport")}
        assert (len(server.of("DiagnosticReport")), statuses) == (2, {"preliminary"})
        receive(storage, [mr_slice("a", 30)])
        withdraw_outdated(storage, utcnow())
        deliver(storage)
        statuses = {one["status"] for one in server.of("DiagnosticReport")}
        assert statuses == {"entered-in-error"}
        publish_due(storage)
        deliver(storage)
        statuses = {one["status"] for one in server.of("DiagnosticReport")}
        assert statuses == {"entered-in-error", "preliminary"}, "the next draft"
