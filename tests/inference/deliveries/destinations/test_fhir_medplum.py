"""Results and reports in a FHIR server by others: Medplum's router, repository and validator."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference.deliveries.service import deliver_due
from inference.reports.due import draft_due
from inference.reports.export.publishing import publish_due
from inference.withdrawals.late_instances import withdraw_outdated
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.peers.entities import KnownPeer
from tests.inference.deliveries.destinations.nodes import deliveries, host_of, node, with_results
from tests.inference.orchestration import later, receive
from tests.inference.small import mr_slice, study_uid
from tests.services import free_port, tool

_FOLDER = os.environ.get("MEDIVIEW_TEST_MEDPLUM", "")
pytestmark = pytest.mark.skipif(not _FOLDER, reason="make conformance installs Medplum's packages")


@contextmanager
def medplum() -> Iterator[str]:
    port = free_port()
    script = Path(__file__).with_name("medplum_server.mjs")
    command = [tool("node", "nodejs"), str(script), _FOLDER, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.mark.parametrize("patients", ["match", "create", "identifier"])
def test_medplum_takes_results_and_reports_and_what_becomes_of_them(
    tmp_path: Path, patients: str
) -> None:
    with medplum() as url:

        def found(kind: str) -> list[Any]:
            answer = httpx.get(f"{url}/{kind}", timeout=30).raise_for_status().json()
            return [one["resource"] for one in answer.get("entry", ())]

        def statuses(kind: str) -> list[str]:
            return sorted(one["status"] for one in found(kind))

        if patients == "match":
            known = {
                "resourceType": "Patient",
                "identifier": [{"system": "urn:mediview:patient-id", "value": "Q-4711"}],
            }
            httpx.post(f"{url}/Patient", json=known, timeout=30).raise_for_status()
        peer = KnownPeer(
            "ehr", kind="fhir", url=f"fhir+{url}", fhir_patients=patients, sign_in="none",
            is_destination=True,
        )  # fmt: skip
        with node(tmp_path, peer, fhir_hosts=host_of(url), report_delivery="all") as storage:
            uid = study_uid("a")
            with_results(storage)
            draft_due(storage, later(3600))
            publish_due(storage)
            assert deliver_due(storage, utcnow(), "sender") == 2
            assert statuses("DiagnosticReport") == ["preliminary", "preliminary"]
            assert len(found("Patient")) == (patients != "identifier")
            report = storage.reports.states_of([uid])[uid]
            storage.reports.move(report.report_id, report.version, "final", of_account("jones"))
            publish_due(storage)
            assert deliver_due(storage, utcnow(), "sender") == 1
            assert statuses("DiagnosticReport") == ["final", "preliminary"]
            receive(storage, [mr_slice("a", 30)])
            withdraw_outdated(storage, utcnow())
            publish_due(storage)
            deliver_due(storage, utcnow(), "sender")
            assert statuses("DiagnosticReport") == ["entered-in-error", "partial"]
            assert set(statuses("Observation")) == {"entered-in-error"}
            assert len(found("ImagingStudy")) == 1
            assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}
