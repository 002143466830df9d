"""The resources of FHIR R4 that belong to the server itself; the others are in `inference.fhir`."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import Field

from inference.fhir.resources import Patient, Resource
from inference.fhir.types import (
    Annotation,
    CodeableConcept,
    Coding,
    FhirModel,
    Identifier,
    Period,
    Reference,
)


class AuditEventNetwork(FhirModel):
    address: str
    type: str


class AuditEventAgent(FhirModel):
    type: CodeableConcept | None = None
    who: Reference
    alt_id: str | None = None
    name: str | None = None
    requestor: bool
    network: AuditEventNetwork | None = None


class AuditEventSource(FhirModel):
    observer: Reference
    type: list[Coding] | None = None


class AuditEventDetail(FhirModel):
    type: str
    value_string: str


class AuditEventEntity(FhirModel):
    what: Reference | None = None
    type: Coding | None = None
    role: Coding | None = None
    detail: list[AuditEventDetail] | None = None


class AuditEvent(Resource):
    """One event of the audit trail."""

    resource_type: Literal["AuditEvent"] = "AuditEvent"
    type: Coding
    subtype: list[Coding] | None = None
    action: str
    period: Period | None = None
    recorded: datetime
    outcome: str
    agent: list[AuditEventAgent]
    source: AuditEventSource
    entity: list[AuditEventEntity] | None = None


class ServiceRequest(Resource):
    """An order, which is an item of the modality worklist."""

    resource_type: Literal["ServiceRequest"] = "ServiceRequest"
    contained: list[Patient]
    identifier: list[Identifier]
    status: str = Field(examples=["active", "completed", "revoked"])
    intent: Literal["order"]
    priority: str | None = None
    code: CodeableConcept | None = None
    order_detail: list[CodeableConcept] | None = None
    subject: Reference
    occurrence_date_time: str | None = None
    requester: Reference | None = None
    reason_code: list[CodeableConcept] | None = None
    note: list[Annotation] | None = None


class IssueDetails(FhirModel):
    severity: str
    code: str
    details: CodeableConcept | None = None
    diagnostics: str | None = None


class OperationOutcome(Resource):
    """Why a request failed; `details.coding` is the node's own code."""

    resource_type: Literal["OperationOutcome"] = "OperationOutcome"
    issue: list[IssueDetails]


ResourceT = TypeVar("ResourceT", bound=Resource)


class BundleLink(FhirModel):
    relation: str
    url: str


class EntrySearch(FhirModel):
    mode: Literal["match", "include", "outcome"] = "match"


class BundleEntry(FhirModel, Generic[ResourceT]):
    full_url: str
    resource: ResourceT
    search: EntrySearch


class Bundle(Resource, Generic[ResourceT]):
    """What a search found, one page of it."""

    resource_type: Literal["Bundle"] = "Bundle"
    type: Literal["searchset"] = "searchset"
    total: int
    link: list[BundleLink]
    entry: list[BundleEntry[ResourceT]] | None = None


class CapabilityStatement(Resource):
    """What the FHIR side of the node can do (hl7.org/fhir/R4/capabilitystatement.html)."""

    resource_type: Literal["CapabilityStatement"] = "CapabilityStatement"
    status: str
    date: str
    kind: str
    software: dict[str, str]
    implementation: dict[str, str]
    fhir_version: str
    format: list[str]
    rest: list[dict[str, Any]]
