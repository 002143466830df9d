"""Two foreign systems at the node, and content that they share."""

import numpy as np

from storage.core.clock import utcnow
from tests import builders
from tests.api.client import ApiNode, finding_of, part10, scheduled_job
from tests.api.fhircast.peers import (
    Json,
    Peer,
    event,
)

FOREIGN = "1.2.840.99.1"
MORE = {"fhircast": True, "fhircast_heartbeat_s": 2.5}


def peers(hub: ApiNode) -> tuple[Peer, Peer]:
    topic = hub.client.get("/api/v1/fhircast").json()
    assert topic["enabled"] is True
    assert topic["hub_url"] == f"{hub.url}/fhircast"
    return Peer(hub.client, topic["topic"], "Acme PACS"), Peer(hub.client, topic["topic"], "RIS 7")


def with_finding(hub: ApiNode) -> tuple[str, str]:
    """A study of the node with a finding: its UID and the finding's id."""
    series = builders.series(np.zeros((2, 4, 4), np.int16), modality="MR", seed=7)
    for instance in series:
        instance.PatientID, instance.PatientName = "id-7", "Döe^Jane^M"
        instance.AccessionNumber = "A-4711"
        instance.SpecificCharacterSet = "ISO_IR 192"
        hub.storage.ingest.accept(part10(instance), "dimse:MR1")
    uid, now = str(series[0].StudyInstanceUID), utcnow()
    job = scheduled_job(hub.storage, uid)
    finding = finding_of(job, 1234.5)
    assert hub.storage.jobs.claim(job.job_id, "w", 60, now)
    hub.storage.findings.replace_for_job(job.job_id, [finding])
    assert hub.storage.jobs.complete(job.job_id, "w", {"instances": [], "timings_s": {}}, now)
    return uid, finding.finding_id


def update_of(topic: str, version: str, method: str, observation: str) -> Json:
    entry: Json = {"fullUrl": f"Observation/{observation}", "request": {"method": method}}
    if method == "PUT":
        entry["resource"] = {"resourceType": "Observation", "id": observation, "status": "final"}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    report = {"resourceType": "DiagnosticReport", "id": "r1", "status": "unknown"}
    return event(
        topic, "DiagnosticReport-update", ("report", report), ("updates", bundle),
        **{"context.versionId": version},
    )  # fmt: skip
