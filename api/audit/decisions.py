"""What the audit trail hears of each route: one line each, as in the matrix of access.

A route that stands in no line is told by its method alone, and fails
`tests/api/audit/test_audit_routes.py`, which reads this table. HEAD follows GET.
"""

from dataclasses import dataclass

from storage.audit import Action, Code, Type

_STUDY = "/dicom-web/studies/{study_instance_uid}"
_SERIES = f"{_STUDY}/series/{{series_instance_uid}}"
_INSTANCE = f"{_SERIES}/instances/{{sop_instance_uid}}"
_FRAMES = f"{_INSTANCE}/frames/{{frame_list}}"
_WEBHOOK = "/api/webhooks/{webhook_id}"
_WORKITEM = "/dicom-web/workitems/{workitem_uid}"
_SUBSCRIBER = f"{_WORKITEM}/subscribers/{{ae_title}}"
_NOTICE = "/api/webhooks/{webhook_id}/deliveries/{delivery_id}"


@dataclass(frozen=True)
class Told:
    """The event that a request of the route is."""

    code: Code
    action: Action
    type: Type = Type.NONE
    via: str = ""
    """A look at the study of the path: many share a row."""
    repeated: bool = False
    """What a page asks again and again: the same question within a minute shares a row."""
    stores: bool = False
    """What came in is told, study by study; a request that brings nothing in is not told."""


@dataclass(frozen=True)
class Quiet:
    """Nothing is told, and why."""

    reason: str


Decision = Told | Quiet

_PUBLIC = Quiet("It shows nobody's data.")
_BY_ITSELF = Quiet("api.access.trail tells of it, with more than the route knows.")
_UIDS_ALONE = Quiet("It carries UIDs, states and codes, and no patient.")
_OWN = Quiet("It is how the one who asks likes the pages, and names no patient.")
_OWN_ACCESS = Quiet("It shows people how they themselves come in, and nobody else.")
_NOT_YET = Quiet("Nothing has changed yet; what follows is told.")
_QUERY = Told(Code.QUERY, "E", repeated=True)
_STORES = Told(Code.INSTANCES_TRANSFERRED, "C", stores=True)
_RESULTS = Told(Code.INSTANCES_ACCESSED, "R", via="results")
_READ = Told(Code.INSTANCES_ACCESSED, "R", repeated=True)
_RETRIEVED = Told(Code.INSTANCES_TRANSFERRED, "R")
_CHANGED = Told(Code.PROCEDURE_RECORD, "U")
_NOT_IN_YET = Quiet("Nothing has come in yet; its content is told.")
_SUBSCRIBED = Told(Code.PROCEDURE_RECORD, "E", repeated=True)
_PEER = Type.NETWORK_CONFIGURATION
_SOFTWARE = Type.SOFTWARE_CONFIGURATION
_MODEL_CHANGED = Told(Code.SECURITY_ALERT, "U", _SOFTWARE)


def _view(via: str) -> Told:
    return Told(Code.INSTANCES_ACCESSED, "R", via=via)


DECISIONS: dict[tuple[str, str], Decision] = {
    # --- What shows nobody's data ------------------------------------------------------------
    ("GET", "/health"): _PUBLIC,
    ("GET", "/api/health"): _PUBLIC,
    ("GET", "/api/models"): _PUBLIC,
    ("GET", "/api/models/{name}"): _PUBLIC,
    ("GET", "/api/models/{name}/agreement"): _PUBLIC,
    ("GET", "/api/drift"): _PUBLIC,
    ("GET", "/dicom-web"): _PUBLIC,
    ("GET", "/dicom-web/"): _PUBLIC,
    ("GET", "/metrics"): _PUBLIC,
    ("GET", "/api/openapi.json"): _PUBLIC,
    ("GET", "/api/pipelines"): _PUBLIC,
    # --- Sign-in, users, keys ----------------------------------------------------------------
    ("GET", "/api/session"): _PUBLIC,
    ("POST", "/api/session"): _BY_ITSELF,
    ("DELETE", "/api/session"): _BY_ITSELF,
    ("PUT", "/api/session/password"): _BY_ITSELF,
    ("POST", "/api/session/confirmation"): _BY_ITSELF,
    ("POST", "/api/session/second-factor"): _BY_ITSELF,
    ("POST", "/api/session/second-factor/options"): _PUBLIC,
    ("GET", "/api/session/oidc/start"): _PUBLIC,
    ("GET", "/api/me/second-factors"): _OWN_ACCESS,
    ("POST", "/api/me/second-factors/totp"): _NOT_YET,
    ("POST", "/api/me/second-factors/totp/{factor_id}"): _BY_ITSELF,
    ("POST", "/api/me/second-factors/key"): _BY_ITSELF,
    ("POST", "/api/me/second-factors/key/options"): _NOT_YET,
    ("DELETE", "/api/me/second-factors/{factor_id}"): _BY_ITSELF,
    ("POST", "/api/me/recovery-codes"): _BY_ITSELF,
    ("GET", "/api/me/sessions"): _OWN_ACCESS,
    ("DELETE", "/api/me/sessions"): _BY_ITSELF,
    ("DELETE", "/api/me/sessions/{session_id}"): _BY_ITSELF,
    ("DELETE", "/api/users/{name}/second-factors"): _BY_ITSELF,
    ("GET", "/api/me/preferences"): _OWN,
    ("PUT", "/api/me/preferences"): _OWN,
    ("GET", "/api/session/oidc/callback"): _BY_ITSELF,
    ("GET", "/api/users"): Told(Code.SECURITY_ALERT, "R", Type.SECURITY_CONFIGURATION),
    ("GET", "/api/users/{name}"): Told(Code.SECURITY_ALERT, "R", Type.SECURITY_CONFIGURATION),
    ("POST", "/api/users"): _BY_ITSELF,
    ("PATCH", "/api/users/{name}"): _BY_ITSELF,
    ("GET", "/api/keys"): Told(Code.SECURITY_ALERT, "R", Type.SECURITY_CONFIGURATION),
    ("GET", "/api/keys/{key_id}"): Told(Code.SECURITY_ALERT, "R", Type.SECURITY_CONFIGURATION),
    ("POST", "/api/keys"): _BY_ITSELF,
    ("DELETE", "/api/keys/{key_id}"): _BY_ITSELF,
    # --- The trail itself --------------------------------------------------------------------
    ("GET", "/api/audit"): Told(Code.AUDIT_LOG_USED, "R"),
    ("GET", "/api/audit/verification"): Told(Code.AUDIT_LOG_USED, "R"),
    # --- Studies and what came of them -------------------------------------------------------
    ("GET", "/api/studies"): _QUERY,
    ("GET", "/api/studies/{study_instance_uid}"): _RESULTS,
    ("GET", "/api/studies/{study_instance_uid}/findings"): _RESULTS,
    ("GET", "/api/studies/{study_instance_uid}/trend"): _RESULTS,
    ("GET", "/api/studies/{study_instance_uid}/rules"): _RESULTS,
    ("GET", "/api/events"): _UIDS_ALONE,
    ("GET", "/api/jobs"): _UIDS_ALONE,
    ("GET", "/api/jobs/{job_id}"): Told(Code.PROCEDURE_RECORD, "R", repeated=True),
    ("GET", "/api/jobs/{job_id}/events"): _UIDS_ALONE,
    ("GET", "/api/jobs/{job_id}/label-picture"): Told(Code.PROCEDURE_RECORD, "R", repeated=True),
    ("POST", "/api/jobs"): Told(Code.PROCEDURE_RECORD, "C"),
    ("PATCH", "/api/jobs/{job_id}"): _CHANGED,
    ("DELETE", "/api/jobs/{job_id}"): Told(Code.PROCEDURE_RECORD, "D"),
    ("POST", "/api/jobs/{job_id}/cancel"): _CHANGED,
    ("POST", "/api/jobs/{job_id}/retry"): _CHANGED,
    ("GET", "/api/findings/{finding_id}"): _RESULTS,
    ("GET", "/api/findings/{finding_id}/feedback"): _RESULTS,
    ("POST", "/api/findings/{finding_id}/feedback"): _CHANGED,
    ("GET", "/api/studies/{study_instance_uid}/measurements"): _RESULTS,
    ("POST", "/api/studies/{study_instance_uid}/measurements"): _STORES,
    ("GET", "/api/studies/{study_instance_uid}/key-images"): _RESULTS,
    ("POST", "/api/studies/{study_instance_uid}/key-images"): _STORES,
    ("POST", "/api/studies/{study_instance_uid}/segmentations/{sop_instance_uid}/edits"): _STORES,
    ("GET", "/api/reports"): _RESULTS,
    ("GET", "/api/reports/{report_id}"): _RESULTS,
    ("GET", "/api/reports/{report_id}/versions"): _RESULTS,
    ("GET", "/api/reports/{report_id}/diff"): _RESULTS,
    ("GET", "/api/reports/{report_id}/text"): _RESULTS,
    ("GET", "/api/reports/{report_id}/pdf"): _RESULTS,
    ("GET", "/api/reports/{report_id}/pages"): _RESULTS,
    ("GET", "/api/reports/{report_id}/pages/{page_number}"): _RESULTS,
    ("GET", "/api/alerts"): _RESULTS,
    ("POST", "/api/alerts/{alert_id}/acknowledge"): _CHANGED,
    ("GET", "/api/hl7/messages"): _UIDS_ALONE,
    ("GET", "/api/hl7/messages/{message_id}"): _UIDS_ALONE,
    ("POST", "/api/hl7/messages/{message_id}/retry"): Told(Code.EXPORT, "E"),
    ("POST", "/api/reports/draft"): Told(Code.PROCEDURE_RECORD, "C"),
    ("PUT", "/api/reports/{report_id}"): _CHANGED,
    ("POST", "/api/reports/{report_id}/state"): _CHANGED,
    ("DELETE", "/api/reports/{report_id}/proposal"): _CHANGED,
    ("GET", "/api/reports/{report_id}/similar"): _RESULTS,
    ("GET", "/api/search"): _QUERY,
    # --- Questions in words ------------------------------------------------------------------
    ("POST", "/api/summarize"): Told(Code.PROCEDURE_RECORD, "E"),
    ("POST", "/api/vqa"): Told(Code.PROCEDURE_RECORD, "E"),
    ("POST", "/api/docqa"): Told(Code.PROCEDURE_RECORD, "E"),
    ("POST", "/api/deid/text"): Told(Code.PROCEDURE_RECORD, "E"),
    ("GET", "/api/answers/{job_id}"): Told(Code.PROCEDURE_RECORD, "R", repeated=True),
    ("GET", "/api/answers/{job_id}/events"): Told(Code.PROCEDURE_RECORD, "R", repeated=True),
    ("GET", "/api/answers/{job_id}/pages/{page_number}"): Told(
        Code.PROCEDURE_RECORD, "R", repeated=True
    ),
    # --- Work --------------------------------------------------------------------------------
    ("POST", "/api/studies/{study_instance_uid}/complete"): _CHANGED,
    ("POST", "/api/studies/{study_instance_uid}/series/{series_instance_uid}/complete"): _CHANGED,
    ("GET", "/api/series/{series_instance_uid}/expectations"): _UIDS_ALONE,
    ("PUT", "/api/series/{series_instance_uid}/expectations"): _CHANGED,
    ("DELETE", "/api/series/{series_instance_uid}/expectations"): _CHANGED,
    ("GET", "/api/deliveries"): _UIDS_ALONE,
    ("GET", "/api/deliveries/{delivery_id}"): Told(Code.PROCEDURE_RECORD, "R", repeated=True),
    ("POST", "/api/deliveries/retry"): Told(Code.EXPORT, "E"),
    ("POST", "/api/deliveries/{delivery_id}/retry"): Told(Code.EXPORT, "E"),
    ("GET", "/api/conflicts"): _UIDS_ALONE,
    ("GET", "/api/conflicts/{conflict_id}"): _RESULTS,
    ("GET", "/api/conflicts/{conflict_id}/file"): _RETRIEVED,
    ("POST", "/api/conflicts/{conflict_id}/accept"): Told(Code.INSTANCES_ACCESSED, "U"),
    ("DELETE", "/api/conflicts/{conflict_id}"): Told(Code.INSTANCES_ACCESSED, "D"),
    # --- What comes in -----------------------------------------------------------------------
    ("POST", "/api/analyze"): _STORES,
    ("POST", "/api/analyze/start"): _STORES,
    ("POST", "/api/uploads/presign"): _NOT_IN_YET,
    ("PUT", "/api/uploads/content"): Told(Code.IMPORT, "C"),
    ("POST", "/api/uploads/multipart"): _NOT_IN_YET,
    ("POST", "/api/uploads/{upload_id}/parts"): _NOT_IN_YET,
    ("PUT", "/api/uploads/parts"): _NOT_IN_YET,
    ("POST", "/api/uploads/{upload_id}/complete"): Told(Code.IMPORT, "C"),
    ("GET", "/api/uploads/{upload_id}"): _UIDS_ALONE,
    ("DELETE", "/api/uploads/{upload_id}"): Told(Code.IMPORT, "D"),
    # --- Worklist ----------------------------------------------------------------------------
    ("GET", "/api/worklist"): _QUERY,
    ("POST", "/api/worklist"): Told(Code.ORDER_RECORD, "C"),
    ("GET", "/api/worklist/{worklist_item_id}"): Told(Code.ORDER_RECORD, "R"),
    ("PATCH", "/api/worklist/{worklist_item_id}"): Told(Code.ORDER_RECORD, "U"),
    ("DELETE", "/api/worklist/{worklist_item_id}"): Told(Code.ORDER_RECORD, "D"),
    # --- Models ------------------------------------------------------------------------------
    ("POST", "/api/models/{name}/verify"): _MODEL_CHANGED,
    ("POST", "/api/models/{name}/activate"): _MODEL_CHANGED,
    ("POST", "/api/models/{name}/shadow"): _MODEL_CHANGED,
    ("POST", "/api/models/{name}/retire"): _MODEL_CHANGED,
    ("POST", "/api/drift/baseline"): _MODEL_CHANGED,
    # --- Peers -------------------------------------------------------------------------------
    ("GET", "/api/destination-kinds"): Quiet("It describes the node, and nobody's data."),
    ("GET", "/api/peers"): Quiet("It shows addresses of systems, and nobody's data."),
    ("GET", "/api/peers/{name}"): Quiet("It shows the address of a system."),
    ("POST", "/api/peers"): Told(Code.SECURITY_ALERT, "C", _PEER),
    ("PUT", "/api/peers/{name}"): Told(Code.SECURITY_ALERT, "U", _PEER),
    ("DELETE", "/api/peers/{name}"): Told(Code.SECURITY_ALERT, "D", _PEER),
    ("POST", "/api/peers/{name}/test"): Told(Code.SECURITY_ALERT, "E", _PEER),
    # --- Webhooks ----------------------------------------------------------------------------
    ("GET", "/api/webhooks"): Quiet("It shows addresses of systems, and nobody's data."),
    ("GET", "/api/webhooks/{webhook_id}"): Quiet("It shows the address of a system."),
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): _UIDS_ALONE,
    ("POST", "/api/webhooks"): Told(Code.SECURITY_ALERT, "C", _PEER),
    ("PATCH", "/api/webhooks/{webhook_id}"): Told(Code.SECURITY_ALERT, "U", _PEER),
    ("DELETE", "/api/webhooks/{webhook_id}"): Told(Code.SECURITY_ALERT, "D", _PEER),
    ("POST", "/api/webhooks/{webhook_id}/secret"): Told(Code.SECURITY_ALERT, "U", _PEER),
    ("POST", "/api/webhooks/{webhook_id}/ping"): Told(Code.SECURITY_ALERT, "E", _PEER),
    ("POST", f"{_NOTICE}/redeliver"): Told(Code.SECURITY_ALERT, "E", _PEER),
    # --- Webhooks and rules ------------------------------------------------------------------
    ("GET", "/api/rules"): _PUBLIC,
    ("GET", "/api/hanging-protocols"): _PUBLIC,
    ("PUT", "/api/hanging-protocols"): Told(Code.SECURITY_ALERT, "U", _SOFTWARE),
    ("DELETE", "/api/hanging-protocols"): Told(Code.SECURITY_ALERT, "D", _SOFTWARE),
    ("POST", f"{_WEBHOOK}/deliveries/{{delivery_id}}/redeliver"): Told(Code.EXPORT, "E"),
    # --- DICOMweb: QIDO-RS -------------------------------------------------------------------
    ("GET", "/dicom-web/studies"): _QUERY,
    ("GET", "/dicom-web/series"): _QUERY,
    ("GET", "/dicom-web/instances"): _QUERY,
    ("GET", f"{_STUDY}/series"): _QUERY,
    ("GET", f"{_STUDY}/instances"): _QUERY,
    ("GET", f"{_SERIES}/instances"): _QUERY,
    # --- DICOMweb: WADO-RS -------------------------------------------------------------------
    ("GET", _STUDY): _RETRIEVED,
    ("GET", _SERIES): _RETRIEVED,
    ("GET", _INSTANCE): _view("instances"),
    ("GET", f"{_STUDY}/metadata"): _view("metadata"),
    ("GET", f"{_SERIES}/metadata"): _view("metadata"),
    ("GET", f"{_INSTANCE}/metadata"): _view("metadata"),
    ("GET", f"{_STUDY}/rendered"): _view("rendered"),
    ("GET", f"{_SERIES}/rendered"): _view("rendered"),
    ("GET", f"{_INSTANCE}/rendered"): _view("rendered"),
    ("GET", f"{_FRAMES}/rendered"): _view("rendered"),
    ("GET", f"{_STUDY}/thumbnail"): _view("rendered"),
    ("GET", f"{_SERIES}/thumbnail"): _view("rendered"),
    ("GET", f"{_INSTANCE}/thumbnail"): _view("rendered"),
    ("GET", f"{_FRAMES}/thumbnail"): _view("rendered"),
    ("GET", f"{_INSTANCE}/bulkdata/{{element_path:path}}"): _view("bulk data"),
    ("GET", _FRAMES): _view("frames"),
    ("GET", f"{_STUDY}/bulkdata"): _view("bulk data"),
    ("GET", f"{_SERIES}/bulkdata"): _view("bulk data"),
    ("GET", f"{_INSTANCE}/bulkdata"): _view("bulk data"),
    ("GET", f"{_STUDY}/pixeldata"): _view("bulk data"),
    ("GET", f"{_SERIES}/pixeldata"): _view("bulk data"),
    ("GET", f"{_INSTANCE}/pixeldata"): _view("bulk data"),
    ("GET", "/dicom-web/wado"): _view("WADO-URI"),
    # --- FHIR --------------------------------------------------------------------------------
    ("GET", "/fhir/metadata"): _PUBLIC,
    ("GET", "/fhir/AuditEvent"): Told(Code.AUDIT_LOG_USED, "R"),
    ("GET", "/fhir/AuditEvent/{resource_id}"): Told(Code.AUDIT_LOG_USED, "R"),
    ("GET", "/fhir/Device"): _PUBLIC,
    ("GET", "/fhir/Device/{resource_id}"): _PUBLIC,
    ("GET", "/fhir/DiagnosticReport"): _QUERY,
    ("GET", "/fhir/DiagnosticReport/{resource_id}"): _READ,
    ("GET", "/fhir/ImagingStudy"): _QUERY,
    ("GET", "/fhir/ImagingStudy/{resource_id}"): _READ,
    ("GET", "/fhir/Observation"): _QUERY,
    ("GET", "/fhir/Observation/{resource_id}"): _READ,
    # --- DICOMweb: deleting ------------------------------------------------------------------
    ("DELETE", _STUDY): Told(Code.STUDY_DELETED, "D"),
    ("DELETE", _SERIES): Told(Code.INSTANCES_ACCESSED, "D"),
    ("DELETE", _INSTANCE): Told(Code.INSTANCES_ACCESSED, "D"),
    # --- DICOMweb: UPS-RS --------------------------------------------------------------------
    ("POST", "/dicom-web/workitems"): Told(Code.PROCEDURE_RECORD, "C"),
    ("GET", "/dicom-web/workitems"): _QUERY,
    ("GET", _WORKITEM): Told(Code.PROCEDURE_RECORD, "R", repeated=True),
    ("POST", _WORKITEM): _CHANGED,
    ("PUT", f"{_WORKITEM}/state"): _CHANGED,
    ("POST", f"{_WORKITEM}/cancelrequest"): _CHANGED,
    ("POST", _SUBSCRIBER): _SUBSCRIBED,
    ("POST", f"{_SUBSCRIBER}/suspend"): _SUBSCRIBED,
    ("DELETE", _SUBSCRIBER): _SUBSCRIBED,
    ("WEBSOCKET", "/dicom-web/subscribers/{ae_title}"): _SUBSCRIBED,
    # --- DICOMweb: STOW-RS -------------------------------------------------------------------
    ("POST", "/dicom-web/studies"): _STORES,
    ("POST", _STUDY): _STORES,
}

_UNKNOWN: dict[str, Told] = {
    "GET": Told(Code.INSTANCES_ACCESSED, "R"),
    "WEBSOCKET": Told(Code.INSTANCES_ACCESSED, "R"),
    "DELETE": Told(Code.INSTANCES_ACCESSED, "D"),
    "POST": Told(Code.INSTANCES_ACCESSED, "U"),
    "PUT": Told(Code.INSTANCES_ACCESSED, "U"),
    "PATCH": Told(Code.INSTANCES_ACCESSED, "U"),
}
_CAPABILITIES = Quiet("It says what the node can do.")


def decision(method: str, template: str) -> Decision:
    """What to tell of a route; one without a line is told by its method."""
    method = "GET" if method == "HEAD" else method
    found = DECISIONS.get((method, template))
    if found is not None:
        return found
    return _UNKNOWN.get(method, _CAPABILITIES)


def undecided(routes: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Routes without a line, for the test; what a node can do is nobody's data."""
    asked = {(method, path) for method, path in routes if method not in ("HEAD", "OPTIONS")}
    return sorted(asked - DECISIONS.keys())
