"""A node with two hospitals: each has a study with everything that comes of one."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from inference.access_groups.service import apply_rules
from storage.access_groups.entities import Member
from storage.container import Storage
from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.lesions.entities import Lesion
from storage.peers.entities import KnownPeer
from storage.priors.entities import WantedStudy
from tests.api.access.closed import PASSWORD, ClosedNode, closed_node, closed_settings, sign_in
from tests.api.client import part10, worked_on
from tests.api.ups.worklist_client import el, new_item
from tests.builders import series

NORTH, SOUTH = "North", "South"


@dataclass
class Hospital:
    """One study, and the identifiers of what belongs to it."""

    name: str
    patient_name: str
    patient_id: str
    ids: dict[str, str] = field(default_factory=dict)
    instances: list[Dataset] = field(default_factory=list)

    @property
    def study_instance_uid(self) -> str:
        return self.ids["study_instance_uid"]

    def of_planned(self) -> dict[str, str]:
        """The identifiers of what is ordered under a UID of which no image is here."""
        names = ("study_instance_uid", "worklist_item_id", "workitem_uid", "accession_number")
        return self.ids | {name: self.ids[f"planned_{name}"] for name in names}

    def marks(self) -> set[str]:
        """What must not be in an answer to somebody of another group."""
        family = self.patient_name.partition("^")[0]
        # The number of a conflict is too short to be looked for.
        return {family, self.patient_id, *self.ids.values()} - {self.ids["conflict_id"]}


@dataclass
class TwoHospitals:
    node: ClosedNode
    north: Hospital
    south: Hospital

    @property
    def storage(self) -> Storage:
        return self.node.storage

    @contextmanager
    def person(self, name: str, role: str, group: str = "") -> Iterator[httpx.Client]:
        """A browser of an account that belongs to a group."""
        if group:
            self.storage.access_groups.add_member(group, Member("account", name))
        if name in {one.name for one in self.storage.accounts.all()}:
            with self.node.client() as client:
                client.headers["X-CSRF-Token"] = sign_in(client, name).json()["csrf_token"]
                yield client
            return
        with self.node.signed_in(name, role) as client:
            yield client

    def key(self, name: str, role: str, group: str) -> httpx.Client:
        """A program whose key belongs to a group."""
        key, secret = self.storage.api_keys.create(
            name, [role], [], created_by="test", expires_at=None
        )
        self.storage.access_groups.add_member(group, Member("key", key.key_id))
        return self.node.client(headers={"Authorization": f"Bearer {secret}"})


@contextmanager
def two_hospitals(folder: Path, **more: Any) -> Iterator[TwoHospitals]:
    """Groups are enforced: North's studies come from AE title CTN, South's by their institution."""
    settings = closed_settings(
        folder,
        rate_limit_per_minute=0,
        webhook_hosts=("127.0.0.1",),
        fhircast=True,
        **more,
    )
    with closed_node(settings) as node:
        storage = node.storage
        storage.peers.add(KnownPeer("archive", kind="folder", folder="archive"))
        # Nothing listens there.
        tape = KnownPeer("tape", ae_title="TAPE", host="127.0.0.1", port=1, is_archive=True)
        storage.peers.add(tape)
        storage.access_groups.add(NORTH, rule={"SendingApplicationEntityTitle": "CTN"})
        storage.access_groups.add(SOUTH, rule={"InstitutionName": {"contains": "south"}})
        north = _hospital(storage, NORTH, "Nordmann^Nora", "N-4711", "CTN", "Hospital N", 1)
        south = _hospital(storage, SOUTH, "Südermann^Sina", "S-0815", "CTS", "South Clinic", 3)
        with node.with_key("builder", "admin") as admin:
            for one in (north, south):
                _derived(storage, admin, one)
        apply_rules(storage, utcnow(), budget_s=60)
        storage.access_groups.enforce(True)
        made = TwoHospitals(node, north, south)
        for one in (north, south):
            with made.key(f"ris of {one.name}", "integrator", one.name) as ris:
                one.ids |= {f"planned_{name}": value for name, value in planned(ris, one).items()}
        apply_rules(storage, utcnow(), budget_s=60)
        yield made


def _hospital(
    storage: Storage,
    name: str,
    patient_name: str,
    patient_id: str,
    ae_title: str,
    institution: str,
    seed: int,
) -> Hospital:
    one = Hospital(name, patient_name, patient_id)
    voxels = np.random.default_rng(seed).integers(0, 1000, (3, 16, 16), dtype=np.uint16)
    one.instances = series(
        voxels,
        PatientName=patient_name,
        PatientID=patient_id,
        InstitutionName=institution,
        AccessionNumber=f"ACC-{patient_id}",
        StudyDate=f"2026010{seed}",
        seed=seed,
        SpecificCharacterSet="ISO_IR 192",
    )
    for dataset in one.instances:
        storage.ingest.accept(part10(dataset), f"dimse:{ae_title}")
    first = one.instances[0]
    one.ids = {
        "study_instance_uid": str(first.StudyInstanceUID),
        "series_instance_uid": str(first.SeriesInstanceUID),
        "sop_instance_uid": str(first.SOPInstanceUID),
    }
    return one


def _derived(storage: Storage, admin: httpx.Client, one: Hospital) -> None:
    study, ids = one.study_instance_uid, one.ids
    (stored,) = storage.index.series_of(study)
    completed = storage.index.mark_complete(stored, utcnow())
    assert completed is not None
    job, _ = storage.jobs.schedule(
        "brain-volume", "1.1.0", study, completed.series_instance_uid, completed.fingerprint
    )
    worked_on(storage, job)
    (finding,) = storage.findings.of_study(study)
    lesion = Lesion(
        str(uuid.uuid4()), job.job_id, study, job.series_instance_uid, job.pipeline, 1, "Lesion",
        finding.code, finding.tracking_uid, 12.0, 9.0, 500.0, False, None, b"", utcnow(),
        "half-pixel",
    )  # fmt: skip
    storage.lesions.replace_for_job(job.job_id, [lesion], [])
    ids |= {
        "job_id": job.job_id,
        "finding_id": finding.finding_id,
        "lesion_id": lesion.lesion_id,
    }
    answer = admin.post(f"/api/findings/{finding.finding_id}/feedback", json={"kind": "ACCEPTED"})
    assert answer.status_code in (200, 201), answer.text
    drafted = admin.post("/api/reports/draft", json={"study_instance_uid": study})
    assert drafted.status_code in (200, 201), drafted.text
    ids["report_id"] = drafted.json()["report_id"]
    storage.critical_alerts.rise(study, finding.finding_id, "large", f"Of {one.patient_name}", 600)
    ids["alert_id"] = next(
        alert["alert_id"]
        for alert in admin.get("/api/alerts").json()["items"]
        if alert["study_instance_uid"] == study
    )
    instance = storage.index.instance(ids["sop_instance_uid"])
    storage.deliveries.enqueue("pacs", [instance], job.job_id)
    delivery = admin.get("/api/deliveries", params={"study_instance_uid": study}).json()
    ids["delivery_id"] = delivery["items"][0]["delivery_id"]
    report = storage.reports.get(ids["report_id"])
    storage.hl7_outbox.enqueue("his", report, 1)
    ids["message_id"] = next(
        message["message_id"]
        for message in admin.get("/api/hl7/messages").json()["items"]
        if message["study_instance_uid"] == study
    )
    storage.expectations.expect(
        f"mpps:{one.name}",
        ids["series_instance_uid"],
        [],
        instance_count=3,
        is_final=False,
        study_instance_uid=study,
    )
    trial = storage.model_trials.ask(("model", "1"), "pipeline", study, "boss", utcnow())
    ids["trial_id"] = trial.trial_id
    run = storage.retrospective_runs.start(
        "brain-volume",
        {},
        [study],
        at_once=1,
        priority=-50,
        sends_results=False,
        started_by="boss",
        now=utcnow(),
    )
    ids["run_id"] = run.run_id
    view = {"address": f"study={study}"}
    shared = admin.post(
        "/api/shared-views",
        json={"study_instance_uid": study, "valid_for": "week", "view": view},
    )
    assert shared.status_code == 201, shared.text
    ids["shared_view_id"] = shared.json()["shared_view_id"]
    ids |= {"answer_id": _answer(storage, study).job_id} | _orders(admin, one)
    ids |= _prior(storage, one)
    _conflict(storage, admin, one)


def _prior(storage: Storage, one: Hospital) -> dict[str, str]:
    """An earlier study that another archive has, and the search that found it."""
    uid = str(generate_uid())
    wanted = WantedStudy(uid, "tape", "dimse:TAPE", "RULE", one.patient_id, "")
    assert storage.prior_fetches.want(wanted)
    assert storage.prior_searches.want("STUDY", one.study_instance_uid, "rule", "tape")
    search = next(
        search
        for search in storage.prior_searches.list()[0]
        if search.subject == one.study_instance_uid
    )
    return {"prior_study_instance_uid": uid, "search_id": search.search_id}


def _answer(storage: Storage, study_instance_uid: str) -> Job:
    return storage.answers.ask(
        "vqa",
        {"question": "How large is it?", "study_instance_uid": study_instance_uid},
        version="1",
        asked_by=Identity("account", "somebody", "somebody"),
        study_instance_uid=study_instance_uid,
    )


def _orders(admin: httpx.Client, one: Hospital) -> dict[str, str]:
    """A scheduled procedure of the study that is here, and a workitem."""
    ordered = admin.post(
        "/api/worklist",
        json={
            "patient_name": one.patient_name,
            "patient_id": one.patient_id,
            "study_instance_uid": one.study_instance_uid,
            "accession_number": f"ACC-{one.patient_id}",
            "scheduled_procedure_step_sequence": [
                {
                    "modality": "CT",
                    "scheduled_station_ae_title": "CTX",
                    "scheduled_procedure_step_start_date": "2026-06-01",
                    "scheduled_procedure_step_start_time": "08:00:00",
                    "scheduled_procedure_step_id": "1",
                }
            ],
        },
    )
    assert ordered.status_code == 201, ordered.text
    uid = generate_uid()
    created = admin.post(
        f"/dicom-web/workitems?{uid}",
        json=[_workitem(one)],
        headers={"Content-Type": "application/dicom+json"},
    )
    assert created.status_code == 201, created.text
    item = ordered.json()
    return {
        "worklist_item_id": item["worklist_item_id"],
        "accession_number": item["accession_number"],
        "workitem_uid": str(uid),
    }


def planned(client: httpx.Client, one: Hospital, uid: str = "") -> dict[str, str]:
    """What a hospital orders before its images come; no rule matches what it states."""
    uid = uid or str(generate_uid())
    ordered = client.post(
        "/api/worklist",
        json={
            "patient_name": one.patient_name,
            "patient_id": one.patient_id,
            "study_instance_uid": uid,
            "accession_number": f"PLAN{uid[-10:]}",
            "requested_procedure_priority": "STAT",
            "reason_for_the_requested_procedure": f"Planned for {one.patient_name}",
            "scheduled_procedure_step_sequence": [
                {
                    "modality": "CT",
                    "scheduled_station_ae_title": "CTX",
                    "scheduled_procedure_step_start_date": "2026-06-03",
                    "scheduled_procedure_step_start_time": "10:00:00",
                    "scheduled_procedure_step_id": "1",
                }
            ],
        },
    )
    assert ordered.status_code == 201, ordered.text
    workitem_uid = str(generate_uid())
    created = client.post(
        f"/dicom-web/workitems?{workitem_uid}",
        json=[_workitem(one, uid)],
        headers={"Content-Type": "application/dicom+json"},
    )
    assert created.status_code == 201, created.text
    return {
        "study_instance_uid": uid,
        "worklist_item_id": ordered.json()["worklist_item_id"],
        "accession_number": f"PLAN{uid[-10:]}",
        "workitem_uid": workitem_uid,
    }


def _workitem(one: Hospital, study_instance_uid: str = "") -> dict[str, Any]:
    name = {"Alphabetic": one.patient_name}
    study_instance_uid = study_instance_uid or one.study_instance_uid
    return new_item(
        study_instance_uid,
        t00100010=el("PN", name),
        t00100020=el("LO", one.patient_id),
        t0040A370=el(
            "SQ",
            {
                "0020000D": el("UI", study_instance_uid),
                "00080050": el("SH", f"ACC-{one.patient_id}"),
            },
        ),
    )


def _conflict(storage: Storage, admin: httpx.Client, one: Hospital) -> None:
    changed = deepcopy(one.instances[1])
    changed.PatientComments = "other content"
    outcome = storage.ingest.accept(part10(changed), "dimse:CTN").outcome
    assert outcome == "conflict"
    one.ids["conflict_id"] = next(
        str(conflict["conflict_id"])
        for conflict in admin.get("/api/conflicts").json()["items"]
        if conflict["sop_instance_uid"] == str(changed.SOPInstanceUID)
    )


__all__ = ["NORTH", "PASSWORD", "SOUTH", "Hospital", "TwoHospitals", "two_hospitals"]
