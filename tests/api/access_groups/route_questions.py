"""How each route is asked for a study, and which routes are about none."""

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

import httpx
from sqlalchemy import select

from api.access.rule_index import Rule
from storage.db.engine import reading
from storage.db.visible_rows import VISIBLE
from tests.api.access_groups.two_groups import Hospital, TwoHospitals
from tests.api.ups.worklist_client import el, new_item

# Without an end; `test_live` reads them.
ENDLESS = frozenset(
    {
        ("GET", "/api/events"),
        ("WEBSOCKET", "/dicom-web/subscribers/{ae_title}"),
        # `tests/api/fhircast`.
        ("WEBSOCKET", "/fhircast/channels/{secret}"),
    }
)
# They end the test's sign-in, are about who asks, or tell how the node itself is.
OTHER = re.compile(
    r"/api/session(/.*)?|/api/me/.*|/api/openapi\.json|/api/health"
    r"|/(health|livez|readyz|startupz|metrics)"
)
_FHIR_IDS = {
    "/fhir/ImagingStudy/{resource_id}": "study_instance_uid",
    "/fhir/DiagnosticReport/{resource_id}": "report_id",
    "/fhir/Observation/{resource_id}": "finding_id",
    "/fhir/ServiceRequest/{resource_id}": "worklist_item_id",
}
_FILLED = {
    "element_path:path": "00100010",
    "page_number": "1",
    "frame_list": "1",
    "ae_title": "SUBSCRIBER",
}
NOT_ABOUT_STUDIES = frozenset(
    {
        "name",
        "key_id",
        "factor_id",
        "session_id",
        "webhook_id",
        "change_id",
        "number",
        "version",
        "template_id",
    }
)
"""Parameters that name no study, nor what belongs to one."""


def nothing(hospital: Hospital) -> dict[str, str]:
    """Identifiers of the same form that name nothing."""
    numbers = ("accession_number", "planned_accession_number")
    short = {"conflict_id": "999999"} | {name: uuid.uuid4().hex[:12] for name in numbers}
    return {
        name: short.get(name)
        or (f"2.25.{uuid.uuid4().int}" if name.endswith("_uid") else str(uuid.uuid4()))
        for name in hospital.ids
    }


def parameters(rule: Rule) -> list[str]:
    return re.findall(r"\{([^}]*)\}", rule.path)


def is_about_orders(rule: Rule) -> bool:
    """Whether an order that has no images yet could be named or found."""
    names = ("study_instance_uid", "worklist_item_id", "workitem_uid")
    asked = path_of(rule, {name: f"{{{name}}}" for name in names})
    asked += json.dumps(BODIES.get((rule.method, rule.path), ""))
    return rule.path in QUERIES or any(f"{{{name}}}" in asked for name in names)


def is_about_studies(rule: Rule) -> bool:
    if rule.path.startswith(("/fhir/Device", "/fhir/AuditEvent", "/fhir/Subscription")):
        return False
    named = (
        set(parameters(rule))
        - NOT_ABOUT_STUDIES
        - {"emergency_id", "upload_id", "ae_title", "topic"}
    )
    return bool(named) or rule.path in QUERIES or (rule.method, rule.path) in BODIES


def path_of(rule: Rule, ids: Mapping[str, str]) -> str:
    path = rule.path
    for name in parameters(rule):
        key = _FHIR_IDS.get(rule.path, name) if name == "resource_id" else name
        if rule.path.startswith("/api/answers/") and name == "job_id":
            key = "answer_id"
        value = ids.get(key) or _FILLED.get(name) or str(uuid.UUID(int=1))
        path = path.replace(f"{{{name}}}", value)
    return path


QUERIES: dict[str, dict[str, str]] = {
    "/dicom-web/wado": {
        "requestType": "WADO",
        "studyUID": "{study_instance_uid}",
        "seriesUID": "{series_instance_uid}",
        "objectUID": "{sop_instance_uid}",
        "contentType": "application/dicom",
    },
    "/dicom-web/studies": {"StudyInstanceUID": "{study_instance_uid}"},
    "/dicom-web/series": {"SeriesInstanceUID": "{series_instance_uid}"},
    "/dicom-web/instances": {"SOPInstanceUID": "{sop_instance_uid}"},
    "/dicom-web/workitems": {},
    "/api/studies": {},
    "/api/jobs": {},
    "/api/changes": {"after": "0", "study_instance_uid": "{study_instance_uid}"},
    "/api/reports": {},
    "/api/alerts": {},
    "/api/deliveries": {},
    "/api/worklist": {},
    "/api/conflicts": {},
    "/api/hl7/messages": {},
    "/api/priors": {},
    "/api/priors/searches": {},
    "/fhir/ImagingStudy": {},
    "/fhir/DiagnosticReport": {"_include": "DiagnosticReport:result"},
    "/fhir/Observation": {},
}
"""How each list is asked, so that an administrator finds both studies in it or the one named."""


ABOUT_NO_STUDY = {
    ("GET", "/api/receivers"): "names of destinations",
    ("GET", "/api/destination-kinds"): "what can be set",
    ("GET", "/api/peers"): "peers",
    ("GET", "/api/peers/{name}"): "peers",
    ("POST", "/api/peers/{name}/test"): "peers",
    ("GET", "/api/pipelines"): "what the node can do",
    ("GET", "/api/rules"): "what the node can do",
    ("GET", "/api/hanging-protocols"): "how images are shown",
    ("GET", "/api/report-templates"): "texts of the site",
    ("GET", "/api/models"): "models",
    ("GET", "/api/models/{name}"): "models",
    ("GET", "/api/models/{name}/agreement"): "numbers of a model",
    ("GET", "/api/drift"): "numbers of a model",
    ("GET", "/fhir/metadata"): "what the node can do",
    ("GET", "/fhir/Device"): "models",
    ("GET", "/fhir/Device/{resource_id}"): "models",
    ("GET", "/dicom-web"): "what the node can do",
    ("GET", "/dicom-web/"): "what the node can do",
    ("POST", "/api/priors/retry"): "it names nothing: what the caller sees is tried again",
    ("GET", "/api/search"): "words; `test_attacks` asks some",
    ("POST", "/api/analyze"): "files; `test_attacks` sends some",
    # Of who made it alone: `test_attacks`, `test_webhook_owners`, `test_emergency`.
    ("POST", "/api/analyze/start"): "an upload",
    ("POST", "/api/uploads/presign"): "an upload",
    ("POST", "/api/uploads/multipart"): "an upload",
    ("PUT", "/api/uploads/content"): "an upload",
    ("PUT", "/api/uploads/parts"): "an upload",
    ("GET", "/api/uploads/{upload_id}"): "an upload",
    ("DELETE", "/api/uploads/{upload_id}"): "an upload",
    ("POST", "/api/uploads/{upload_id}/parts"): "an upload",
    ("POST", "/api/uploads/{upload_id}/complete"): "an upload",
    ("GET", "/api/webhooks"): "a webhook",
    ("POST", "/api/webhooks"): "a webhook",
    ("GET", "/api/webhooks/{webhook_id}"): "a webhook",
    ("PATCH", "/api/webhooks/{webhook_id}"): "a webhook",
    ("DELETE", "/api/webhooks/{webhook_id}"): "a webhook",
    ("POST", "/api/webhooks/{webhook_id}/secret"): "a webhook",
    ("POST", "/api/webhooks/{webhook_id}/ping"): "a webhook",
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): "a webhook",
    # Of who made it alone: `test_subscription_owners`.
    ("GET", "/fhir/Subscription"): "a webhook",
    ("POST", "/fhir/Subscription"): "a webhook",
    ("GET", "/fhir/Subscription/{resource_id}"): "a webhook",
    ("GET", "/fhir/Subscription/{resource_id}/$status"): "a webhook",
    ("DELETE", "/fhir/Subscription/{resource_id}"): "a webhook",
    ("GET", "/fhir/SubscriptionTopic"): "what the node can do",
    ("GET", "/fhir/SubscriptionTopic/{resource_id}"): "what the node can do",
    ("GET", "/api/interactive/models"): "what the node can do",
    ("GET", "/api/segmentations/structures"): "what the node can do",
    # Of who opened it alone, while the study can be seen: `tests/api/interactive`.
    ("GET", "/api/interactive/sessions/{session_id}"): "a session",
    ("PUT", "/api/interactive/sessions/{session_id}/clicks"): "a session",
    ("POST", "/api/interactive/sessions/{session_id}/accept"): "a session",
    ("DELETE", "/api/interactive/sessions/{session_id}"): "a session",
    # Those of the caller: `tests/api/shared_views`.
    ("GET", "/api/shared-views"): "own links",
    # `tests/api/fhircast` asks for what is in one.
    ("GET", "/api/fhircast"): "a topic",
    ("PUT", "/api/fhircast/joined"): "a topic",
    ("POST", "/fhircast"): "a topic",
    ("GET", "/fhircast/{topic}"): "a topic",
    ("GET", "/fhircast/.well-known/fhircast-configuration"): "what the node can do",
    ("GET", "/api/emergency-access"): "an emergency",
    ("POST", "/api/emergency-access"): "an emergency",
    ("POST", "/api/emergency-access/{emergency_id}/end"): "an emergency",
}
"""Routes that name no study in path, query or body. Who adds one decides whether it is here."""


_STEP = {
    "modality": "CT",
    "scheduled_station_ae_title": "CTX",
    "scheduled_procedure_step_start_date": "2026-06-01",
    "scheduled_procedure_step_start_time": "08:00:00",
    "scheduled_procedure_step_id": "1",
}


def fhir_order(
    study_instance_uid: str,
    accession_number: str = "ORDER-1",
    patient_id: str = "of nobody",
    **more: str,
) -> dict[str, Any]:
    kinds = "http://terminology.hl7.org/CodeSystem/v2-0203"
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"value": patient_id}],
        "name": [{"family": "Of", "given": ["Nobody"]}],
    }
    return {
        "resourceType": "ServiceRequest",
        "contained": [patient],
        "identifier": [
            {"type": {"coding": [{"system": kinds, "code": "ACSN"}]}, "value": accession_number},
            {"system": "urn:dicom:uid", "value": f"urn:oid:{study_instance_uid}"},
        ],
        "status": "active",
        "intent": "order",
        "orderDetail": [
            {"coding": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT"}]}
        ],
        "subject": {"reference": "#p"},
        **more,
    }


BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/worklist"): {
        "patient_name": "Of^Nobody",
        "patient_id": "of nobody",
        "study_instance_uid": "{study_instance_uid}",
        "scheduled_procedure_step_sequence": [_STEP],
    },
    ("POST", "/fhir/ServiceRequest"): fhir_order("{study_instance_uid}", "{accession_number}"),
    ("PUT", "/fhir/ServiceRequest/{resource_id}"): fhir_order(
        "{study_instance_uid}", "{accession_number}", id="{worklist_item_id}"
    ),
    ("POST", "/dicom-web/workitems"): [new_item("{study_instance_uid}")],
    ("POST", "/api/jobs"): {
        "series_instance_uid": "{series_instance_uid}",
        "pipeline": "brain-volume",
    },
    ("POST", "/api/patient-changes/moves"): {
        "study_instance_uid": "{study_instance_uid}",
        "patient_id": "of nobody",
        "reason": "of another group",
    },
    ("POST", "/api/fhircast/studies"): {
        "study_instance_uid": "{study_instance_uid}",
        "change": "open",
    },
    ("POST", "/api/shared-views"): {
        "study_instance_uid": "{study_instance_uid}",
        "valid_for": "hour",
        "view": {"address": "study={study_instance_uid}"},
    },
    ("POST", "/api/interactive/sessions"): {
        "study_instance_uid": "{study_instance_uid}",
        "series_instance_uid": "{series_instance_uid}",
        "model": "click-nothing",
    },
    ("PATCH", "/api/jobs/{job_id}"): {"priority": "STAT"},
    ("POST", "/api/jobs/{job_id}/cancel"): {"reason": "by another group"},
    ("POST", "/api/jobs/cancel"): {"job_ids": ["{job_id}"]},
    ("POST", "/api/jobs/retry"): {"job_ids": ["{job_id}"], "force": False},
    ("POST", "/api/studies/send"): {
        "study_instance_uids": ["{study_instance_uid}"],
        "to": ["archive"],
    },
    ("POST", "/api/reports/draft"): {"study_instance_uid": "{study_instance_uid}"},
    ("PUT", "/api/reports/{report_id}"): {
        "sections": [{"heading": "Findings", "sentences": [{"text": "Nothing."}]}]
    },
    ("POST", "/api/reports/{report_id}/state"): {"state": "preliminary"},
    ("POST", "/api/findings/{finding_id}/feedback"): {"kind": "REJECTED"},
    ("POST", "/api/lesions/{lesion_id}/match"): {},
    ("POST", "/api/alerts/{alert_id}/acknowledge"): {"note": "seen"},
    ("POST", "/api/summarize"): {"report_ids": ["{report_id}"]},
    ("POST", "/api/vqa"): {"question": "How big?", "study_instance_uid": "{study_instance_uid}"},
    ("POST", "/api/docqa"): {"question": "How big?", "sop_instance_uid": "{sop_instance_uid}"},
    ("POST", "/api/deid/text"): {"text": "Nora", "study_instance_uid": "{study_instance_uid}"},
    ("POST", "/api/studies/{study_instance_uid}/measurements"): {
        "measurements": [
            {
                "shape": "LENGTH",
                "sop_instance_uid": "{sop_instance_uid}",
                "points": [[1, 1], [5, 5]],
            }
        ]
    },
    ("POST", "/api/studies/{study_instance_uid}/send"): {
        "to": ["archive"],
        "series_instance_uids": ["{series_instance_uid}"],
    },
    ("POST", "/api/studies/{study_instance_uid}/elsewhere/{prior_study_instance_uid}"): {
        "source": "tape"
    },
    ("POST", "/api/studies/{study_instance_uid}/release"): {"decision": "withhold"},
    ("PUT", "/api/studies/{study_instance_uid}/reader"): {},
    ("POST", "/api/studies/{study_instance_uid}/key-images"): {
        "title": "OF_INTEREST",
        "images": [{"sop_instance_uid": "{sop_instance_uid}"}],
    },
    ("PUT", "/api/series/{series_instance_uid}/expectations"): {"instance_count": 7},
    ("PUT", "/api/legal-holds/{study_instance_uid}"): {"reason": "of another group"},
    ("POST", "/api/deliveries/retry"): {"study_instance_uid": "{study_instance_uid}"},
    ("PATCH", "/api/worklist/{worklist_item_id}"): {"state": "cancelled"},
    ("PUT", "/dicom-web/workitems/{workitem_uid}/state"): [
        {"00741000": el("CS", "IN PROGRESS"), "00081195": el("UI", "2.25.5")}
    ],
    ("POST", "/dicom-web/workitems/{workitem_uid}/cancelrequest"): [
        {"00741238": el("LT", "by another group")}
    ],
    ("POST", "/dicom-web/workitems/{workitem_uid}"): [{"00741204": el("LO", "changed")}],
}


_VIEW = "/api/projects/{name}/dicom-web/studies/{study_pseudonym}"
ALIKE_FOR_ALL = {
    ("PUT", "/api/series/{series_instance_uid}/expectations"): "before the series arrives",
    ("POST", "/api/studies/{study_instance_uid}/segmentations"): "a mask",
    ("POST", "/api/studies/{study_instance_uid}/segmentations/{sop_instance_uid}/edits"): "a mask",
    ("PUT", "/api/access-groups/{name}/studies/{study_instance_uid}"): "an own confirmation",
    ("POST", "/api/priors/{study_instance_uid}/retry"): "a study that is fetched",
    ("GET", "/api/projects/{name}/exports/{export_id}"): "an export",
    ("GET", "/api/projects/{name}/exports/{export_id}/refused"): "an export",
    ("POST", "/api/projects/{name}/exports/{export_id}/retry"): "an export",
    **{
        ("GET", f"{_VIEW}/series{rest}"): "a study of a project, for administrators"
        for rest in (
            "",
            "/{series_pseudonym}/metadata",
            "/{series_pseudonym}/instances",
            "/{series_pseudonym}/instances/{instance_pseudonym}",
            "/{series_pseudonym}/instances/{instance_pseudonym}/metadata",
            "/{series_pseudonym}/instances/{instance_pseudonym}/frames/{frame_list}",
        )
    },
    ("POST", "/api/worklist"): "a study that is not here may be ordered",
    ("POST", "/fhir/ServiceRequest"): "a study that is not here may be ordered",
    ("POST", "/dicom-web/workitems"): "a study that is not here may be ordered",
    ("POST", "/dicom-web/studies"): "instances; `test_attacks` sends some",
    ("POST", "/dicom-web/studies/{study_instance_uid}"): "instances; `test_attacks` sends some",
    ("POST", "/dicom-web/workitems/{workitem_uid}/subscribers/{ae_title}/suspend"): "the worklist",
    ("POST", "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"): "a webhook",
}
"""What these requests would need beside the identifiers of a study."""


SHOWS_A_STUDY_WHOSE_UID_IS_KNOWN = {
    ("POST", "/api/worklist"): "an order of another group's study would change it",
    ("POST", "/fhir/ServiceRequest"): "an order of another group's study would change it",
    ("POST", "/dicom-web/workitems"): "a workitem of another group's study would change it",
}
"""Refused with 403 for a study of another group; docs/security.md states why it cannot be hidden.

An order that seems to be taken and is not there is worse. STOW-RS and uploads are like it.
"""


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    text = json.dumps(value)
    for name, one in ids.items():
        text = text.replace(f"{{{name}}}", one)
    return json.loads(text)


def ask(client: httpx.Client, rule: Rule, ids: Mapping[str, str]) -> httpx.Response:
    if rule.path.endswith("/events"):
        # Of a stream its beginning: one that must not be opened is refused at once.
        with client.stream("GET", path_of(rule, ids)) as answer:
            if answer.status_code == 200:
                return httpx.Response(200, headers={"content-type": "text/event-stream"})
            answer.read()
            return answer
    body = BODIES.get((rule.method, rule.path), {})
    kinds = {"/api": "json", "/fhir": "fhir+json"}
    content_type = next(
        (one for start, one in kinds.items() if rule.path.startswith(start)), "dicom+json"
    )
    return client.request(
        rule.method,
        path_of(rule, ids),
        params=filled(QUERIES.get(rule.path, {}), ids) if rule.method == "GET" else None,
        content=None if rule.method == "GET" else json.dumps(filled(body, ids)),
        headers={
            "Content-Type": f"application/{content_type}",
            "If-Match": '"1"',
            "Prefer": "respond-async",
        },
    )


def form_of(answer: httpx.Response, ids: Mapping[str, str]) -> tuple[int, str, str]:
    """An answer but for what names the request and what was asked for."""
    text = answer.text
    for name, one in sorted(ids.items(), key=lambda item: -len(item[1])):
        if name != "conflict_id":
            text = text.replace(one, f"<{name}>")
    text = text.replace(f"conflict {ids['conflict_id']}", "conflict <conflict_id>")
    text = re.sub(r'"request_id":\s*"[^"]*"', '"request_id":""', text)
    # Answers of a moment: dates, random identifiers, boundaries of multipart.
    text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)", "<time>", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}", "<random>", text)
    return answer.status_code, answer.headers.get("content-type", ""), text


def kept(hospitals: TwoHospitals, hospital: Hospital) -> set[str]:
    """Every row that is about a hospital's study."""
    rows = set()
    with reading(hospitals.storage.engine) as connection:
        for table in VISIBLE:
            for row in connection.execute(select(table)):
                text = f"{table.name} {tuple(row)}"
                if any(mark in text for mark in hospital.marks()):
                    rows.add(text)
    return rows
