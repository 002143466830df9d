"""Every route that changes something, while the disk makes nothing durable: none acknowledges.

The requests are those of the test of role, route and access group, and for what those do not
reach the ones below. A new route has to be in one of them, or in `NOT_ASKED` with its reason.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.access.rule_index import Rule
from api.app import create_app
from storage.rules.repository import digest_of
from storage.settings import load_settings
from tests.api.access.closed import PASSWORD, confirm
from tests.api.access_groups.route_questions import ask, path_of
from tests.api.access_groups.two_groups import TwoHospitals, two_hospitals
from tests.api.fhir.test_subscriptions import r4
from tests.api.ups.worklist_client import el, new_item
from tests.injection import injected
from tests.storage.instances import part10

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

OTHER_PASSWORD = "seven green bottles on a wall"
PEER = {"ae_title": "P", "sources": ["10.0.0.7"]}
HOOK = {"url": "http://127.0.0.1:1/events", "events": ["*"]}
SUBSCRIPTION = r4("http://127.0.0.1:1/events")
TEMPLATE = {"title": "T", "sections": [{"heading": "Findings", "text": "Normal."}]}
UPLOAD = {"filename": "a.dcm", "content_type": "application/dicom", "size_bytes": 600}
LARGE = {"filename": "a.zip", "content_type": "application/zip", "size_bytes": 60 << 20}
# A commit whose sync failed is in the log of the database, where the next one to open it may find
# it. These are refused by their state where one before them was made after all.
PERHAPS_DONE = {
    "PUT /api/reports/{report_id}",
    "POST /api/reports/{report_id}/state",
    "PATCH /api/worklist/{worklist_item_id}",
    "DELETE /api/worklist/{worklist_item_id}",
    "POST /dicom-web/workitems/{workitem_uid}",
    "PUT /dicom-web/workitems/{workitem_uid}/state",
    "POST /dicom-web/workitems/{workitem_uid}/cancelrequest",
    "POST /api/studies/{study_instance_uid}/release",
    "POST /api/alerts/{alert_id}/acknowledge",
    "POST /api/conflicts/{conflict_id}/accept",
    "DELETE /api/conflicts/{conflict_id}",
    "POST /api/deliveries/retry",
    "POST /api/deliveries/{delivery_id}/retry",
    "POST /api/hl7/messages/{message_id}/retry",
}

STUDIES = ("held", "undone", "moved", "run", "ended", "gone", "gone whole", "cut", "thinned")
"""Of one instance each: what one request may have deleted after all, no other asks for."""
WORKITEM = "2.25.7772"
"""One of its own."""
COMING = "2.25.7771"
"""A series that has not arrived."""
Request = tuple[str, str, Any]

_NOTHING_KEPT = "It keeps nothing: it tries something, or asks for a challenge."
_SAME_WAY = "One committed transaction like those that are asked; it needs more than this node has."
_NO_RECORD = "A session is over with its worker's process, whatever the disk has of it."
_CONTEXT = "What is open on desks is no record; it is announced again."
_OTHER_TEST = "`test_sync_fails` asks it."

_DRAWN = "/api/studies/{study_instance_uid}/segmentations"
_EDITS = f"{_DRAWN}/{{sop_instance_uid}}/edits"

NOT_ASKED = {
    "POST /api/peers/{name}/test": _NOTHING_KEPT,
    "POST /api/webhooks/{webhook_id}/ping": _NOTHING_KEPT,
    "POST /api/session/second-factor/options": _NOTHING_KEPT,
    "POST /api/me/second-factors/key/options": _NOTHING_KEPT,
    "POST /api/rules/preview": _NOTHING_KEPT,
    "POST /api/report-templates/mrrt": _NOTHING_KEPT,
    "POST /api/patient-changes/lookups": _NOTHING_KEPT,
    "POST /api/models/{name}/trials/{study_instance_uid}": _NOTHING_KEPT,
    "POST /api/models/{name}/versions/{version}/card/check": _NOTHING_KEPT,
    "PUT /api/models/{name}/versions/{version}/card": _SAME_WAY,
    "POST /api/model-trials": "A trial is over within an hour, and no result.",
    "POST /api/projects/{name}/reidentify": "It keeps nothing but its audit event.",
    "POST /dicom-web/studies": _OTHER_TEST,
    "POST /dicom-web/studies/{study_instance_uid}": "As without a study: `test_sync_fails`.",
    "PUT /api/uploads/content": _OTHER_TEST,
    "PUT /api/uploads/parts": _OTHER_TEST,
    "POST /api/uploads/{upload_id}/parts": "It gives addresses for parts, and keeps nothing.",
    "POST /api/analyze": "An upload and a job in one, which are asked.",
    f"POST {_EDITS}": "An instance that is stored: `test_sync_fails`.",
    f"POST {_DRAWN}": "An instance that is stored: `test_sync_fails`.",
    "PUT /api/interactive/sessions/{session_id}/clicks": _NO_RECORD,
    "DELETE /api/interactive/sessions/{session_id}": _NO_RECORD,
    "POST /api/interactive/sessions/{session_id}/accept": "Results of a job: `test_sync_fails`.",
    "POST /fhircast": _CONTEXT,
    "PUT /api/fhircast/joined": _CONTEXT,
    "POST /api/analyze/start": _SAME_WAY,
    "POST /api/uploads/{upload_id}/complete": _SAME_WAY,
    "POST /api/priors/{study_instance_uid}/retry": _SAME_WAY,
    "POST /api/projects/{name}/exports/{export_id}/retry": _SAME_WAY,
    "POST /api/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": _SAME_WAY,
    "POST /api/models": "An upload that is taken; the folder of a model: `test_synced_names`.",
    "DELETE /api/models/{name}/versions/{version}": _SAME_WAY,
    "POST /api/models/{name}/verify": _SAME_WAY,
    "POST /api/models/{name}/activate": _SAME_WAY,
    "POST /api/models/{name}/shadow": _SAME_WAY,
    "POST /api/models/{name}/retire": _SAME_WAY,
    "POST /api/me/second-factors/totp/{factor_id}": _SAME_WAY,
    "POST /api/me/second-factors/key": _SAME_WAY,
    "POST /api/me/recovery-codes": _SAME_WAY,
    "DELETE /api/me/second-factors/{factor_id}": _SAME_WAY,
    "POST /api/session/second-factor": _SAME_WAY,
    "POST /api/emergency-access/{emergency_id}/review": _SAME_WAY,
    "POST /api/jobs/{job_id}/retry": _SAME_WAY,
    "POST /api/runs": _SAME_WAY,
    "POST /api/jobs/retry": _SAME_WAY,
    "DELETE /api/jobs/{job_id}": _SAME_WAY,
    "DELETE /api/reports/{report_id}/proposal": _SAME_WAY,
    "POST /dicom-web/workitems/{workitem_uid}/subscribers/{ae_title}/suspend": _SAME_WAY,
}


def made(client: httpx.Client, path: str, body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.is_success, (path, answer.text)
    return answer.json()


def shared_view(study_instance_uid: str) -> dict[str, Any]:
    return {
        "study_instance_uid": study_instance_uid,
        "valid_for": "day",
        "view": {"address": f"study={study_instance_uid}"},
    }


def prepared(hospitals: TwoHospitals, boss: httpx.Client) -> dict[str, str]:
    """What the requests below change, by the names of the parameters in the routes."""
    storage, ids = hospitals.storage, dict(hospitals.north.ids)
    for number, name in enumerate(STUDIES, 1):
        content = part10(study=name, PatientID=f"N-{number}", InstitutionName="Hospital N")
        accepted = storage.ingest.accept(content, "dimse:CTN")
        ids[name], ids[f"series of {name}"], ids[f"instance of {name}"] = (
            accepted.study_instance_uid, accepted.series_instance_uid, accepted.sop_instance_uid,
        )  # fmt: skip
        boss.put(f"/api/access-groups/North/studies/{ids[name]}").raise_for_status()
    boss.put(f"/api/legal-holds/{ids['held']}", json={"reason": "court"}).raise_for_status()
    boss.put(f"/api/studies/{ids['held']}/reader", json={}).raise_for_status()
    job, _ = storage.jobs.schedule("p", "1", ids["run"], ids["series of run"], "f")
    ids["waiting job"] = job.job_id
    job, _ = storage.jobs.schedule("p", "1", ids["run"], ids["series of run"], "g")
    ids["other job"] = job.job_id
    undone = {"study_instance_uid": ids["undone"], "patient_id": "N-1", "reason": "an error"}
    ids["change"] = made(boss, "/api/patient-changes/moves", undone)["change_id"]
    with hospitals.person("boss", "admin"), hospitals.person("boss", "admin") as elsewhere:
        sessions = elsewhere.get("/api/me/sessions").json()["items"]
        ids["session"] = next(one["session_id"] for one in sessions if one["is_this"])
    storage.accounts.add("eve", PASSWORD, ["viewer"])
    made(boss, "/api/keys", {"name": "gateway", "roles": ["integrator"], "scopes": ["api:read"]})
    made(boss, "/api/access-groups", {"name": "West"})
    member = {"kind": "account", "subject": "eve"}
    boss.post("/api/access-groups/West/members", json=member).raise_for_status()
    made(boss, "/api/peers", {"name": "p2", **PEER})
    ids["webhook"] = made(boss, "/api/webhooks", HOOK)["webhook_id"]
    ids["subscription"] = made(boss, "/fhir/Subscription", SUBSCRIPTION)["id"]
    made(boss, "/api/projects", {"name": "stroke"})
    studies = {"study_instance_uids": [ids["run"]]}
    boss.post("/api/projects/stroke/studies", json=studies).raise_for_status()
    item = f"/dicom-web/workitems?{WORKITEM}"
    boss.post(item, json=[new_item(ids["run"])]).raise_for_status()
    boss.post(f"/dicom-web/workitems/{WORKITEM}/subscribers/KEEPER").raise_for_status()
    boss.put(f"/api/series/{COMING}/expectations", json={"instance_count": 7}).raise_for_status()
    ids["link"] = made(boss, "/api/shared-views", shared_view(ids["run"]))["shared_view_id"]
    ids["template"] = made(boss, "/api/report-templates", TEMPLATE)["template_id"]
    ids["upload"] = made(boss, "/api/uploads/presign", UPLOAD)["upload_id"]
    ids["large"] = made(boss, "/api/uploads/multipart", LARGE)["upload_id"]
    ids["emergency"] = made(
        boss, "/api/emergency-access", {"reason": "Stroke alarm of the south clinic.",
                                        "patient_id": "S-0815"},
    )["emergency_id"]  # fmt: skip
    return ids


def requests(ids: dict[str, str]) -> Iterator[Request]:
    """Those that need more than the identifiers of a study.

    Where an earlier one was made after all, no later one is refused for it.
    """
    eve = {"name": "new", "password": PASSWORD, "roles": ["viewer"]}
    yield "POST", "/api/users", eve
    yield "PATCH", "/api/users/eve", {"roles": ["radiologist"]}
    yield "DELETE", "/api/users/eve/sessions", None
    yield "DELETE", "/api/users/eve/second-factors", None
    yield "POST", "/api/keys", {"name": "other", "roles": ["integrator"], "scopes": ["api:read"]}
    yield "DELETE", "/api/keys/gateway", None
    yield "POST", "/api/access-groups", {"name": "East"}
    yield "PUT", "/api/access-groups/West", {"rule": {"InstitutionName": "West"}}
    yield "POST", "/api/access-groups/West/members", {"kind": "account", "subject": "boss"}
    yield "DELETE", "/api/access-groups/West/members?kind=account&subject=eve", None
    yield "PUT", f"/api/access-groups/West/studies/{ids['run']}", None
    yield "DELETE", f"/api/access-groups/North/studies/{ids['moved']}", None
    yield "DELETE", "/api/access-groups/West", None
    yield "PUT", "/api/access-policy", {"is_enforced": True, "unmatched": "administrators"}
    yield "POST", "/api/emergency-access", {"reason": "Stroke alarm.", "patient_id": "S-0815"}
    yield "POST", f"/api/emergency-access/{ids['emergency']}/end", None
    yield "DELETE", f"/api/legal-holds/{ids['held']}", None
    yield "PUT", f"/api/legal-holds/{ids['run']}", {"reason": "court"}
    yield "DELETE", f"/api/studies/{ids['held']}/reader", None
    yield "POST", "/api/peers", {"name": "p3", **PEER}
    yield "PUT", "/api/peers/p2", {**PEER, "may": ["store"]}
    yield "DELETE", "/api/peers/p2", None
    yield "POST", "/api/webhooks", HOOK
    yield "PATCH", f"/api/webhooks/{ids['webhook']}", {"description": "d"}
    yield "POST", f"/api/webhooks/{ids['webhook']}/secret", None
    yield "DELETE", f"/api/webhooks/{ids['webhook']}", None
    yield "POST", "/fhir/Subscription", SUBSCRIPTION
    yield "DELETE", f"/fhir/Subscription/{ids['subscription']}", None
    yield "POST", "/api/projects", {"name": "other"}
    yield "POST", "/api/projects/stroke/studies", {"study_instance_uids": [ids["held"]]}
    yield "POST", "/api/projects/stroke/exports", {"folder": "stroke/first"}
    yield "DELETE", f"/api/projects/stroke/studies/{ids['run']}", None
    yield "DELETE", "/api/projects/stroke", None
    move = {"study_instance_uid": ids["moved"], "patient_id": "N-1", "reason": "a typing error"}
    yield "POST", "/api/patient-changes/moves", move
    linked = {"patient_id": "N-2", "other_patient_id": "N-3", "reason": "two cards"}
    yield "POST", "/api/patient-changes/links", linked
    yield "PATCH", f"/api/jobs/{ids['waiting job']}", {"priority": "STAT"}
    yield "POST", f"/api/jobs/{ids['waiting job']}/cancel", {"reason": "no"}
    yield "POST", f"/api/studies/{ids['run']}/complete", None
    yield "POST", f"/api/studies/{ids['ended']}/series/{ids['series of ended']}/complete", None
    decision = {"decision": "discard", "conflict_ids": [int(ids["conflict_id"])]}
    yield "POST", "/api/conflicts/decisions", decision
    yield "DELETE", f"/api/series/{COMING}/expectations", None
    yield "POST", "/api/studies/delete", {"study_instance_uids": [ids["gone"]]}
    yield "DELETE", f"/dicom-web/studies/{ids['gone whole']}", None
    cut = f"/dicom-web/studies/{ids['cut']}/series/{ids['series of cut']}"
    yield "DELETE", cut, None
    thinned = f"/dicom-web/studies/{ids['thinned']}/series/{ids['series of thinned']}"
    yield "DELETE", f"{thinned}/instances/{ids['instance of thinned']}", None
    yield "POST", "/api/drift/baseline", {"pipeline": "brain-volume", "pipeline_version": "1.0.0"}
    yield "POST", "/api/reports/draft", {"study_instance_uid": ids["run"]}
    yield "POST", f"/api/reports/{ids['report_id']}/state", {"state": "preliminary"}
    yield "POST", "/api/jobs/cancel", {"job_ids": [ids["other job"]]}
    yield "POST", f"/api/patient-changes/{ids['change']}/undo", {"reason": "it was right"}
    yield "DELETE", f"/api/me/sessions/{ids['session']}", None
    yield "POST", f"/dicom-web/workitems/{WORKITEM}/cancelrequest", [{"00741238": el("LT", "no")}]
    yield "DELETE", f"/dicom-web/workitems/{WORKITEM}/subscribers/KEEPER", None
    yield "PUT", "/api/rules/text", {"text": "routing: []", "based_on": digest_of("")}
    yield "POST", "/api/report-templates", TEMPLATE
    yield "PUT", f"/api/report-templates/{ids['template']}", {**TEMPLATE, "version": 1}
    yield "POST", "/api/shared-views", shared_view(ids["run"])
    yield "DELETE", f"/api/shared-views/{ids['link']}", None
    yield "POST", "/api/uploads/presign", UPLOAD
    yield "POST", "/api/uploads/multipart", LARGE
    yield "DELETE", f"/api/uploads/{ids['large']}", None
    yield "POST", "/api/me/second-factors/totp", None


def endings() -> Iterator[Request]:
    """Those after which, were they made after all, others would find their session ended."""
    yield "POST", "/api/session/confirmation", {"password": PASSWORD}
    yield "POST", "/api/session", {"name": "eve", "password": PASSWORD}
    yield "DELETE", "/api/session", None
    yield "DELETE", "/api/me/sessions", None
    password = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    yield "PUT", "/api/session/password", password


def shown(rules: list[Rule], answers: dict[tuple[str, str], int]) -> set[str]:
    """The routes that were asked for something which they could not make durable."""
    return {
        route_of(rule)
        for rule in rules
        for (method, path), status in answers.items()
        if method == rule.method and status >= 500 and re.fullmatch(_pattern(rule), path)
    }


def route_of(rule: Rule) -> str:
    return f"{rule.method} {rule.path}"


def _pattern(rule: Rule) -> str:
    return re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(rule.path))


def test_no_route_acknowledges_what_cannot_be_made_durable(tmp_path: Path) -> None:
    rules = [
        rule
        for rule in create_app(load_settings(data_dir="unused")).state.rules.rules
        if rule.method in ("POST", "PUT", "PATCH", "DELETE")
    ]
    # What goes last would be missed by others.
    rules.sort(key=lambda rule: (rule.method == "DELETE", "/session" in rule.path))
    answers: dict[tuple[str, str], int] = {}
    acknowledged: dict[str, str] = {}
    with (
        two_hospitals(tmp_path / "node") as hospitals,
        hospitals.person("boss", "admin", "North") as boss,
        hospitals.person("boss", "admin") as confirming,
        hospitals.person("boss", "admin") as leaver,
    ):
        leaving = (confirming, confirming, leaver, boss, boss)
        confirm(boss).raise_for_status()
        ids = prepared(hospitals, boss)
        with injected([os.getpid()], "fsync,fdatasync:error=EIO"):
            for method, path, body in requests(ids):
                answer = boss.request(method, path, json=body, headers={"If-Match": '"1"'})
                answers[method, path.partition("?")[0]] = answer.status_code
                assert answer.status_code >= 500, (method, path, answer.text)
            assert boss.get("/api/studies").status_code == 200, "looking is possible"
            ended = {f"{method} {path}" for method, path, _ in endings()}
            known = shown(rules, answers) | ended
            others = [rule for rule in rules if route_of(rule) not in known]
            for rule in others:
                answer = ask(boss, rule, ids)
                answers[rule.method, path_of(rule, ids)] = answer.status_code
                if answer.is_success and route_of(rule) not in NOT_ASKED:
                    acknowledged[route_of(rule)] = answer.text
            # In sessions that none before it ends.
            for client, (method, path, body) in zip(leaving, endings(), strict=True):
                answer = client.request(method, path, json=body)
                answers[method, path] = answer.status_code
                assert answer.status_code >= 500, (method, path, answer.text)
        with hospitals.node.with_key("after", "admin") as program:
            assert program.post("/api/peers", json={"name": "p4", **PEER}).status_code == 201
    assert not acknowledged
    asked = shown(rules, answers)
    left = {route_of(rule) for rule in rules} - asked
    for rule in rules:
        if route_of(rule) in left & PERHAPS_DONE:
            assert answers[rule.method, path_of(rule, ids)] in (404, 409, 410, 412), rule
    assert left - PERHAPS_DONE == NOT_ASKED.keys()
