"""Who may do what: every route, every method, one line each.

A route that stands in no line answers to nobody but whoever is at this machine,
and fails `tests/api/access/test_matrix.py`, which reads this table. HEAD and
OPTIONS follow GET. A key needs its role and the scope of the line. Files of the viewer hold no
data and are open to all, so that there is a page to sign in at.
"""

from dataclasses import dataclass
from typing import Literal

from storage.accounts.sessions import SignInStep
from storage.core.roles import AccessScope, Role

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "WEBSOCKET"]

ANYONE: frozenset[Role] = frozenset()
"""Also those who have not signed in."""
READERS: frozenset[Role] = frozenset({"viewer", "radiologist", "integrator", "admin"})
RADIOLOGISTS: frozenset[Role] = frozenset({"radiologist", "admin"})
WRITERS: frozenset[Role] = frozenset({"radiologist", "integrator", "admin"})
INTEGRATORS: frozenset[Role] = frozenset({"integrator", "admin"})
ADMINS: frozenset[Role] = frozenset({"admin"})

ANY_STEP: frozenset[SignInStep] = frozenset({"second_factor", "password", "enrolment"})
FACTOR_STEP: frozenset[SignInStep] = frozenset({"second_factor"})
PASSWORD_STEP: frozenset[SignInStep] = frozenset({"password"})
ENROLMENT_STEP: frozenset[SignInStep] = frozenset({"enrolment"})

_STUDY = "/dicom-web/studies/{study_instance_uid}"
_SERIES = f"{_STUDY}/series/{{series_instance_uid}}"
_INSTANCE = f"{_SERIES}/instances/{{sop_instance_uid}}"
_FRAMES = f"{_INSTANCE}/frames/{{frame_list}}"
_WORKITEM = "/dicom-web/workitems/{workitem_uid}"
_SUBSCRIBER = f"{_WORKITEM}/subscribers/{{ae_title}}"


@dataclass(frozen=True)
class Rule:
    """`roles` may ask for `path` by `method`; `scope` is what a key must have besides.

    `people_only`: no program may, whatever its roles and scopes: what a key could give itself
    by it would outlive the key. `steps`: somebody whose sign-in lacks one of these may, too.
    """

    method: Method
    path: str
    roles: frozenset[Role]
    scope: AccessScope
    people_only: bool = False
    steps: frozenset[SignInStep] = frozenset()

    @property
    def is_public(self) -> bool:
        return not self.roles


_DRAWN: tuple[tuple[Method, frozenset[Role], AccessScope], ...] = (
    ("GET", READERS, "api:read"),
    ("POST", RADIOLOGISTS, "api:write"),
)

MATRIX: tuple[Rule, ...] = (
    # --- Without sign-in, each for a reason ------------------------------------------------
    # Monitors; who has not signed in hears no more than whether the node takes studies in.
    Rule("GET", "/health", ANYONE, "api:read"),
    Rule("GET", "/api/health", ANYONE, "api:read"),
    # Who am I, how can I sign in; and the signing in itself.
    Rule("GET", "/api/session", ANYONE, "api:read", steps=ANY_STEP),
    Rule("POST", "/api/session", ANYONE, "api:write", steps=ANY_STEP),
    Rule("GET", "/api/session/oidc/start", ANYONE, "api:read"),
    Rule("GET", "/api/session/oidc/callback", ANYONE, "api:read"),
    # The address itself is signed and expires: it is the permission.
    Rule("PUT", "/api/uploads/content", ANYONE, "api:write"),
    Rule("PUT", "/api/uploads/parts", ANYONE, "api:write"),
    # What this node is and can do, and nothing of what it holds; FHIR clients ask first.
    Rule("GET", "/fhir/metadata", ANYONE, "fhir:read"),
    # --- Oneself ---------------------------------------------------------------------------
    Rule("DELETE", "/api/session", READERS, "api:write", steps=ANY_STEP),
    Rule("PUT", "/api/session/password", READERS, "api:write", steps=PASSWORD_STEP),
    Rule("POST", "/api/session/confirmation", READERS, "api:write"),
    Rule("POST", "/api/session/second-factor", READERS, "api:write", steps=FACTOR_STEP),
    Rule("POST", "/api/session/second-factor/options", READERS, "api:write", steps=FACTOR_STEP),
    Rule("GET", "/api/me/second-factors", READERS, "api:read", steps=ENROLMENT_STEP),
    *(
        Rule("POST", f"/api/me/second-factors/{what}", READERS, "api:write", steps=ENROLMENT_STEP)
        for what in ("totp", "totp/{factor_id}", "key", "key/options")
    ),
    Rule("DELETE", "/api/me/second-factors/{factor_id}", READERS, "api:write"),
    Rule("POST", "/api/me/recovery-codes", READERS, "api:write"),
    Rule("GET", "/api/me/sessions", READERS, "api:read"),
    Rule("DELETE", "/api/me/sessions", READERS, "api:write"),
    Rule("DELETE", "/api/me/sessions/{session_id}", READERS, "api:write"),
    Rule("GET", "/api/me/preferences", READERS, "api:read"),
    Rule("PUT", "/api/me/preferences", READERS, "api:write"),
    # --- Studies, and what came of them ----------------------------------------------------
    Rule("GET", "/api/openapi.json", READERS, "api:read"),
    Rule("GET", "/api/studies", READERS, "api:read"),
    Rule("GET", "/api/studies/{study_instance_uid}", READERS, "api:read"),
    Rule("GET", "/api/studies/{study_instance_uid}/findings", READERS, "api:read"),
    Rule("GET", "/api/studies/{study_instance_uid}/trend", READERS, "api:read"),
    Rule("GET", "/api/studies/{study_instance_uid}/rules", READERS, "api:read"),
    Rule("GET", "/api/rules", READERS, "api:read"),
    Rule("GET", "/api/hanging-protocols", READERS, "api:read"),
    Rule("GET", "/api/events", READERS, "api:read"),
    Rule("GET", "/api/jobs", READERS, "api:read"),
    Rule("GET", "/api/jobs/{job_id}", READERS, "api:read"),
    Rule("GET", "/api/jobs/{job_id}/events", READERS, "api:read"),
    Rule("GET", "/api/jobs/{job_id}/label-picture", READERS, "api:read"),
    Rule("GET", "/api/pipelines", READERS, "api:read"),
    Rule("GET", "/api/models", READERS, "api:read"),
    Rule("GET", "/api/models/{name}", READERS, "api:read"),
    Rule("GET", "/api/models/{name}/agreement", READERS, "api:read"),
    Rule("GET", "/api/drift", READERS, "api:read"),
    Rule("GET", "/api/findings/{finding_id}", READERS, "api:read"),
    Rule("GET", "/api/findings/{finding_id}/feedback", READERS, "api:read"),
    Rule("POST", "/api/findings/{finding_id}/feedback", RADIOLOGISTS, "api:write"),
    # What people draw and choose; it leaves the node as their word.
    *(
        Rule(method, f"/api/studies/{{study_instance_uid}}/{what}", roles, scope)
        for what in ("measurements", "key-images")
        for method, roles, scope in _DRAWN
    ),
    Rule(
        "POST",
        "/api/studies/{study_instance_uid}/segmentations/{sop_instance_uid}/edits",
        RADIOLOGISTS,
        "api:write",
    ),
    Rule("GET", "/api/reports", READERS, "api:read"),
    Rule("GET", "/api/reports/{report_id}", READERS, "api:read"),
    Rule("GET", "/api/reports/{report_id}/versions", READERS, "api:read"),
    Rule("GET", "/api/reports/{report_id}/diff", READERS, "api:read"),
    Rule("GET", "/api/reports/{report_id}/text", READERS, "api:read"),
    Rule("GET", "/api/reports/{report_id}/pdf", READERS, "api:read"),
    Rule("GET", "/api/reports/{report_id}/pages", READERS, "api:read"),
    Rule("GET", "/api/reports/{report_id}/pages/{page_number}", READERS, "api:read"),
    Rule("GET", "/api/alerts", READERS, "api:read"),
    Rule("POST", "/api/alerts/{alert_id}/acknowledge", RADIOLOGISTS, "api:write"),
    Rule("GET", "/api/hl7/messages", INTEGRATORS, "api:read"),
    Rule("GET", "/api/hl7/messages/{message_id}", INTEGRATORS, "api:read"),
    Rule("POST", "/api/hl7/messages/{message_id}/retry", INTEGRATORS, "api:write"),
    Rule("POST", "/api/reports/draft", WRITERS, "api:write"),
    # Signing takes the role radiologist itself: api.report_changes.
    Rule("PUT", "/api/reports/{report_id}", RADIOLOGISTS, "api:write"),
    Rule("POST", "/api/reports/{report_id}/state", RADIOLOGISTS, "api:write"),
    Rule("DELETE", "/api/reports/{report_id}/proposal", RADIOLOGISTS, "api:write"),
    Rule("GET", "/api/reports/{report_id}/similar", READERS, "api:read"),
    Rule("GET", "/api/search", READERS, "api:read"),
    # --- Questions in words ----------------------------------------------------------------
    Rule("POST", "/api/summarize", WRITERS, "api:write"),
    Rule("POST", "/api/vqa", WRITERS, "api:write"),
    Rule("POST", "/api/docqa", WRITERS, "api:write"),
    Rule("POST", "/api/deid/text", WRITERS, "api:write"),
    Rule("GET", "/api/answers/{job_id}", READERS, "api:read"),
    Rule("GET", "/api/answers/{job_id}/events", READERS, "api:read"),
    Rule("GET", "/api/answers/{job_id}/pages/{page_number}", READERS, "api:read"),
    # --- Work ------------------------------------------------------------------------------
    Rule("POST", "/api/jobs", WRITERS, "api:write"),
    Rule("PATCH", "/api/jobs/{job_id}", WRITERS, "api:write"),
    Rule("POST", "/api/jobs/{job_id}/cancel", WRITERS, "api:write"),
    Rule("POST", "/api/jobs/{job_id}/retry", WRITERS, "api:write"),
    Rule("DELETE", "/api/jobs/{job_id}", ADMINS, "admin"),
    Rule("GET", "/api/deliveries", READERS, "api:read"),
    Rule("GET", "/api/deliveries/{delivery_id}", READERS, "api:read"),
    Rule("POST", "/api/deliveries/retry", INTEGRATORS, "api:write"),
    Rule("POST", "/api/deliveries/{delivery_id}/retry", INTEGRATORS, "api:write"),
    # What an integrator knows of a series before it is whole.
    Rule("POST", "/api/studies/{study_instance_uid}/complete", INTEGRATORS, "api:write"),
    Rule(
        "POST",
        "/api/studies/{study_instance_uid}/series/{series_instance_uid}/complete",
        INTEGRATORS,
        "api:write",
    ),
    Rule("GET", "/api/series/{series_instance_uid}/expectations", READERS, "api:read"),
    Rule("PUT", "/api/series/{series_instance_uid}/expectations", INTEGRATORS, "api:write"),
    Rule("DELETE", "/api/series/{series_instance_uid}/expectations", INTEGRATORS, "api:write"),
    # --- What comes in ---------------------------------------------------------------------
    Rule("POST", "/api/analyze", WRITERS, "api:write"),
    Rule("POST", "/api/analyze/start", WRITERS, "api:write"),
    Rule("POST", "/api/uploads/presign", WRITERS, "api:write"),
    Rule("POST", "/api/uploads/multipart", WRITERS, "api:write"),
    Rule("GET", "/api/uploads/{upload_id}", WRITERS, "api:write"),
    Rule("POST", "/api/uploads/{upload_id}/parts", WRITERS, "api:write"),
    Rule("POST", "/api/uploads/{upload_id}/complete", WRITERS, "api:write"),
    Rule("DELETE", "/api/uploads/{upload_id}", WRITERS, "api:write"),
    # --- Worklist --------------------------------------------------------------------------
    Rule("GET", "/api/worklist", READERS, "api:read"),
    Rule("POST", "/api/worklist", INTEGRATORS, "api:write"),
    Rule("GET", "/api/worklist/{worklist_item_id}", READERS, "api:read"),
    Rule("PATCH", "/api/worklist/{worklist_item_id}", INTEGRATORS, "api:write"),
    Rule("DELETE", "/api/worklist/{worklist_item_id}", INTEGRATORS, "api:write"),
    # --- Administration --------------------------------------------------------------------
    Rule("GET", "/api/destination-kinds", INTEGRATORS, "api:read"),
    Rule("GET", "/api/peers", INTEGRATORS, "api:read"),
    Rule("GET", "/api/peers/{name}", INTEGRATORS, "api:read"),
    Rule("POST", "/api/peers", ADMINS, "admin"),
    Rule("PUT", "/api/peers/{name}", ADMINS, "admin"),
    Rule("DELETE", "/api/peers/{name}", ADMINS, "admin"),
    Rule("PUT", "/api/hanging-protocols", ADMINS, "admin"),
    Rule("DELETE", "/api/hanging-protocols", ADMINS, "admin"),
    Rule("POST", "/api/peers/{name}/test", INTEGRATORS, "api:write"),
    Rule("GET", "/api/users", ADMINS, "admin"),
    Rule("POST", "/api/users", ADMINS, "admin", people_only=True),
    Rule("GET", "/api/users/{name}", ADMINS, "admin"),
    Rule("PATCH", "/api/users/{name}", ADMINS, "admin", people_only=True),
    Rule("DELETE", "/api/users/{name}/second-factors", ADMINS, "admin", people_only=True),
    Rule("GET", "/api/keys", ADMINS, "admin"),
    Rule("POST", "/api/keys", ADMINS, "admin", people_only=True),
    Rule("GET", "/api/keys/{key_id}", ADMINS, "admin"),
    Rule("DELETE", "/api/keys/{key_id}", ADMINS, "admin", people_only=True),
    *(
        Rule("POST", f"/api/models/{{name}}/{order}", ADMINS, "admin")
        for order in ("verify", "activate", "shadow", "retire")
    ),
    Rule("POST", "/api/drift/baseline", ADMINS, "admin"),
    Rule("GET", "/api/audit", ADMINS, "admin"),
    Rule("GET", "/api/audit/verification", ADMINS, "admin"),
    # MEDIVIEW_METRICS_PUBLIC opens it to all.
    Rule("GET", "/metrics", INTEGRATORS, "metrics:read"),
    # --- FHIR ------------------------------------------------------------------------------
    *(
        Rule("GET", f"/fhir/{kind}{one}", READERS, "fhir:read")
        for kind in ("ImagingStudy", "DiagnosticReport", "Observation", "Device")
        for one in ("", "/{resource_id}")
    ),
    Rule("GET", "/fhir/AuditEvent", ADMINS, "fhir:read"),
    Rule("GET", "/fhir/AuditEvent/{resource_id}", ADMINS, "fhir:read"),
    Rule("GET", "/api/webhooks", INTEGRATORS, "api:read"),
    Rule("POST", "/api/webhooks", INTEGRATORS, "api:write"),
    Rule("GET", "/api/webhooks/{webhook_id}", INTEGRATORS, "api:read"),
    Rule("PATCH", "/api/webhooks/{webhook_id}", INTEGRATORS, "api:write"),
    Rule("DELETE", "/api/webhooks/{webhook_id}", INTEGRATORS, "api:write"),
    Rule("POST", "/api/webhooks/{webhook_id}/secret", INTEGRATORS, "api:write"),
    Rule("POST", "/api/webhooks/{webhook_id}/ping", INTEGRATORS, "api:write"),
    Rule("GET", "/api/webhooks/{webhook_id}/deliveries", INTEGRATORS, "api:read"),
    Rule(
        "POST",
        "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
        INTEGRATORS,
        "api:write",
    ),
    # --- Conflicts -------------------------------------------------------------------------
    Rule("GET", "/api/conflicts", INTEGRATORS, "api:read"),
    Rule("GET", "/api/conflicts/{conflict_id}", INTEGRATORS, "api:read"),
    Rule("GET", "/api/conflicts/{conflict_id}/file", ADMINS, "admin"),
    Rule("POST", "/api/conflicts/{conflict_id}/accept", ADMINS, "admin"),
    Rule("DELETE", "/api/conflicts/{conflict_id}", ADMINS, "admin"),
    # --- DICOMweb: what it can do, and deleting --------------------------------------------
    Rule("GET", "/dicom-web", READERS, "dicomweb:read"),
    Rule("GET", "/dicom-web/", READERS, "dicomweb:read"),
    Rule("DELETE", _STUDY, ADMINS, "admin"),
    Rule("DELETE", _SERIES, ADMINS, "admin"),
    Rule("DELETE", _INSTANCE, ADMINS, "admin"),
    # --- DICOMweb: QIDO-RS -----------------------------------------------------------------
    Rule("GET", "/dicom-web/studies", READERS, "dicomweb:read"),
    Rule("GET", "/dicom-web/series", READERS, "dicomweb:read"),
    Rule("GET", "/dicom-web/instances", READERS, "dicomweb:read"),
    Rule("GET", f"{_STUDY}/series", READERS, "dicomweb:read"),
    Rule("GET", f"{_STUDY}/instances", READERS, "dicomweb:read"),
    Rule("GET", f"{_SERIES}/instances", READERS, "dicomweb:read"),
    # --- DICOMweb: WADO-RS -----------------------------------------------------------------
    Rule("GET", _STUDY, READERS, "dicomweb:read"),
    Rule("GET", f"{_STUDY}/metadata", READERS, "dicomweb:read"),
    Rule("GET", f"{_STUDY}/rendered", READERS, "dicomweb:read"),
    Rule("GET", f"{_STUDY}/thumbnail", READERS, "dicomweb:read"),
    Rule("GET", _SERIES, READERS, "dicomweb:read"),
    Rule("GET", f"{_SERIES}/metadata", READERS, "dicomweb:read"),
    Rule("GET", f"{_SERIES}/rendered", READERS, "dicomweb:read"),
    Rule("GET", f"{_SERIES}/thumbnail", READERS, "dicomweb:read"),
    Rule("GET", _INSTANCE, READERS, "dicomweb:read"),
    Rule("GET", f"{_INSTANCE}/metadata", READERS, "dicomweb:read"),
    Rule("GET", f"{_INSTANCE}/rendered", READERS, "dicomweb:read"),
    Rule("GET", f"{_INSTANCE}/thumbnail", READERS, "dicomweb:read"),
    Rule("GET", f"{_STUDY}/bulkdata", READERS, "dicomweb:read"),
    Rule("GET", f"{_STUDY}/pixeldata", READERS, "dicomweb:read"),
    Rule("GET", f"{_SERIES}/bulkdata", READERS, "dicomweb:read"),
    Rule("GET", f"{_SERIES}/pixeldata", READERS, "dicomweb:read"),
    Rule("GET", f"{_INSTANCE}/bulkdata", READERS, "dicomweb:read"),
    Rule("GET", f"{_INSTANCE}/pixeldata", READERS, "dicomweb:read"),
    Rule("GET", f"{_INSTANCE}/bulkdata/{{element_path:path}}", READERS, "dicomweb:read"),
    Rule("GET", _FRAMES, READERS, "dicomweb:read"),
    Rule("GET", f"{_FRAMES}/rendered", READERS, "dicomweb:read"),
    Rule("GET", f"{_FRAMES}/thumbnail", READERS, "dicomweb:read"),
    Rule("GET", "/dicom-web/wado", READERS, "dicomweb:read"),
    # --- DICOMweb: STOW-RS -----------------------------------------------------------------
    Rule("POST", "/dicom-web/studies", WRITERS, "dicomweb:write"),
    Rule("POST", _STUDY, WRITERS, "dicomweb:write"),
    # --- DICOMweb: UPS-RS ------------------------------------------------------------------
    Rule("GET", "/dicom-web/workitems", READERS, "dicomweb:read"),
    Rule("POST", "/dicom-web/workitems", INTEGRATORS, "dicomweb:write"),
    Rule("GET", _WORKITEM, READERS, "dicomweb:read"),
    Rule("POST", _WORKITEM, INTEGRATORS, "dicomweb:write"),
    Rule("PUT", f"{_WORKITEM}/state", INTEGRATORS, "dicomweb:write"),
    # These are not read; OPTIONS, which follows GET, says what they take.
    Rule("GET", f"{_WORKITEM}/state", READERS, "dicomweb:read"),
    Rule("GET", f"{_WORKITEM}/cancelrequest", READERS, "dicomweb:read"),
    Rule("GET", _SUBSCRIBER, READERS, "dicomweb:read"),
    Rule("GET", f"{_SUBSCRIBER}/suspend", READERS, "dicomweb:read"),
    Rule("POST", f"{_WORKITEM}/cancelrequest", WRITERS, "dicomweb:write"),
    Rule("POST", _SUBSCRIBER, INTEGRATORS, "dicomweb:write"),
    Rule("DELETE", _SUBSCRIBER, INTEGRATORS, "dicomweb:write"),
    Rule("POST", f"{_SUBSCRIBER}/suspend", INTEGRATORS, "dicomweb:write"),
    Rule("WEBSOCKET", "/dicom-web/subscribers/{ae_title}", INTEGRATORS, "dicomweb:read"),
)
