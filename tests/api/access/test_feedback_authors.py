"""Whose word verifies: a radiologist who has signed in, and no program whatever it says."""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.annotations.feedback_reports import write_feedback_reports
from inference.annotations.report_versions import newest_report
from storage.core.clock import utcnow
from storage.core.entities import Job
from tests import builders
from tests.api.access.closed import ClosedNode
from tests.api.client import is_problem
from tests.api.made import made_of
from tests.inference.results_support import complaints, output_of, save

SHAPE = (9, 12, 14)


def made(node: ClosedNode, seed: int) -> Job:
    series = builders.series(np.zeros(SHAPE, np.int16), seed=seed)
    mask = builders.asymmetric_mask(SHAPE)
    job, _ = made_of(node.api, series, lambda volume: output_of(volume, mask))
    return job


def say(client: httpx.Client, finding_id: str, **word: object) -> None:
    answer = client.post(f"/api/findings/{finding_id}/feedback", json=word)
    assert answer.status_code == 201, answer.text


def _later(node: ClosedNode) -> datetime:
    """When everybody has fallen silent."""
    return utcnow() + timedelta(seconds=node.storage.settings.feedback_quiet_s + 1)


def report(node: ClosedNode, job: Job) -> Dataset:
    assert write_feedback_reports(node.storage, _later(node)) == 1
    found = newest_report(
        node.storage.generated, node.storage.instances, node.storage.feedback_reports, job
    )
    assert found is not None
    return found


def observation(client: httpx.Client, finding_id: str) -> dict[str, Any]:
    """The finding in FHIR; a search for its status finds it, and one for another does not."""
    found: dict[str, Any] = client.get(f"/fhir/Observation/{finding_id}").json()
    for status in ("preliminary", "final", "corrected", "entered-in-error"):
        query = {"_id": finding_id, "status": status}
        listed = client.get("/fhir/Observation", params=query).json()
        assert listed["total"] == int(status == found["status"]), status
    return found


def test_a_radiologists_word_verifies_and_her_name_stands_in_the_report(
    closed: ClosedNode, tmp_path: Path
) -> None:
    job = made(closed, 71)
    (finding,) = closed.storage.findings.of_job(job.job_id)
    with closed.signed_in("dr-jones", "radiologist") as client:
        say(client, finding.finding_id, kind="ACCEPTED")
        answer = observation(client, finding.finding_id)
        assert answer["status"] == "final"
    document = report(closed, job)
    assert document.VerificationFlag == "VERIFIED"
    (observer,) = document.VerifyingObserverSequence
    assert str(observer.VerifyingObserverName) == "dr-jones"
    assert complaints(save(document, tmp_path / "sr.dcm")) == []


def opened(node: ClosedNode, who: str, role: str) -> AbstractContextManager[httpx.Client]:
    """A program with a key, or a person with an account."""
    return node.with_key("another", role) if who == "key" else node.signed_in("another", role)


@pytest.mark.parametrize("who", ["key", "account"])
def test_an_integrator_may_say_nothing_of_findings(closed: ClosedNode, who: str) -> None:
    job = made(closed, 74)
    (finding,) = closed.storage.findings.of_job(job.job_id)
    with opened(closed, who, "integrator") as client:
        answer = client.post(
            f"/api/findings/{finding.finding_id}/feedback", json={"kind": "ACCEPTED"}
        )
        is_problem(answer, 403, "not_allowed")
        assert observation(client, finding.finding_id)["status"] == "preliminary"
    assert write_feedback_reports(closed.storage, _later(closed)) == 0
    unspoken = newest_report(
        closed.storage.generated, closed.storage.instances, closed.storage.feedback_reports, job
    )
    assert unspoken is not None
    assert unspoken.VerificationFlag == "UNVERIFIED"


@pytest.mark.parametrize(("who", "role"), [("key", "radiologist"), ("account", "admin")])
def test_the_word_of_a_program_or_an_administrator_is_kept_and_verifies_nothing(
    closed: ClosedNode, who: str, role: str
) -> None:
    job = made(closed, 72)
    (finding,) = closed.storage.findings.of_job(job.job_id)
    word = {"kind": "CORRECTED", "value": 1.25, "reason": "By our own tool."}
    with opened(closed, who, role) as client:
        say(client, finding.finding_id, **word)
        answer = observation(client, finding.finding_id)
    assert answer["status"] == "preliminary"
    assert answer["valueQuantity"]["value"] == 1.25
    document = report(closed, job)
    assert document.VerificationFlag == "UNVERIFIED"
    assert document.PreliminaryFlag == "PRELIMINARY"
    assert "VerifyingObserverSequence" not in document
    # It is told who said so, as an observer and in words.
    names = [str(one.PersonName) for one in document.ContentSequence if one.ValueType == "PNAME"]
    assert names == ["another"]
    assert "corrected to 1.25 cm3 by another" in (
        document.ContentSequence[-1].ContentSequence[0].TextValue
    )


def test_a_program_that_speaks_after_a_radiologist_takes_the_verification_away(
    closed: ClosedNode,
) -> None:
    job = made(closed, 73)
    (finding,) = closed.storage.findings.of_job(job.job_id)
    with closed.signed_in("dr-jones", "radiologist") as client:
        say(client, finding.finding_id, kind="REJECTED", reason="Motion.")
        answer = observation(client, finding.finding_id)
        assert answer["status"] == "entered-in-error"
        say(client, finding.finding_id, kind="CORRECTED", value=0.75)
        answer = observation(client, finding.finding_id)
        assert (answer["status"], answer["valueQuantity"]["value"]) == ("corrected", 0.75)
    assert report(closed, job).VerificationFlag == "VERIFIED"
    with closed.with_key("their-system", "radiologist") as client:
        say(client, finding.finding_id, kind="ACCEPTED")
        answer = observation(client, finding.finding_id)
        assert answer["status"] == "preliminary"
    assert report(closed, job).VerificationFlag == "UNVERIFIED"
