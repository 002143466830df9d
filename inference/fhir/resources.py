"""The resources of FHIR R4 that the node answers and writes (hl7.org/fhir/R4/resourcelist.html)."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from inference.fhir.types import (
    Annotation,
    Attachment,
    CodeableConcept,
    Coding,
    Extension,
    FhirModel,
    Identifier,
    Meta,
    Narrative,
    Quantity,
    Range,
    Reference,
)


class Resource(FhirModel):
    resource_type: str
    id: str | None = None
    meta: Meta | None = None


class HumanName(FhirModel):
    text: str | None = None
    family: str | None = None
    given: list[str] | None = None
    prefix: list[str] | None = None
    suffix: list[str] | None = None
    extension: list[Extension] | None = None


class Patient(Resource):
    """Contained in what is about the patient: the node is no register of patients."""

    resource_type: Literal["Patient"] = "Patient"
    identifier: list[Identifier] | None = None
    name: list[HumanName] | None = None
    gender: str | None = None
    birth_date: str | None = None


class Endpoint(Resource):
    """Where the images are: DICOMweb's studies service. Contained in the ImagingStudy."""

    resource_type: Literal["Endpoint"] = "Endpoint"
    status: str
    connection_type: Coding
    payload_type: list[CodeableConcept]
    address: str


class ImagingStudyInstance(FhirModel):
    uid: str
    sop_class: Coding
    number: int | None = None


class ImagingStudySeries(FhirModel):
    uid: str
    number: int | None = None
    modality: Coding
    description: str | None = None
    number_of_instances: int
    body_site: Coding | None = None
    started: str | None = None
    instance: list[ImagingStudyInstance] | None = Field(
        None, description="Left out of searches; read the study to have them."
    )


class ImagingStudy(Resource):
    resource_type: Literal["ImagingStudy"] = "ImagingStudy"
    contained: list[Patient | Endpoint] | None = None
    identifier: list[Identifier]
    status: str = Field(examples=["available"])
    modality: list[Coding] | None = None
    subject: Reference
    started: str | None = None
    based_on: list[Reference] | None = None
    referrer: Reference | None = None
    endpoint: list[Reference] | None = None
    number_of_series: int
    number_of_instances: int
    description: str | None = None
    series: list[ImagingStudySeries] | None = None


class Media(Resource):
    """A picture of a result. Contained in the report that shows it; of R4 alone."""

    resource_type: Literal["Media"] = "Media"
    identifier: list[Identifier]
    status: Literal["completed", "entered-in-error"]
    type: CodeableConcept
    subject: Reference
    created_date_time: datetime
    content: Attachment


class DiagnosticReportMedia(FhirModel):
    comment: str | None = None
    link: Reference


class DiagnosticReport(Resource):
    """A draft: `preliminary` until a person signs elsewhere; this node never says `final`."""

    resource_type: Literal["DiagnosticReport"] = "DiagnosticReport"
    text: Narrative | None = None
    contained: list[Patient | Media] | None = None
    identifier: list[Identifier]
    based_on: list[Reference] | None = None
    status: str = Field(examples=["preliminary", "final", "amended"])
    category: list[CodeableConcept]
    code: CodeableConcept
    subject: Reference
    effective_date_time: str | None = None
    issued: datetime
    results_interpreter: list[Reference] | None = None
    result: list[Reference] | None = None
    imaging_study: list[Reference]
    media: list[DiagnosticReportMedia] | None = None
    conclusion: str | None = None
    presented_form: list[Attachment] | None = None


class ObservationComponent(FhirModel):
    code: CodeableConcept
    value_quantity: Quantity | None = None
    value_range: Range | None = None
    value_string: str | None = None
    value_codeable_concept: CodeableConcept | None = None


class ObservationReferenceRange(FhirModel):
    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None
    applies_to: list[CodeableConcept] | None = None
    text: str | None = None


class Observation(Resource):
    """One statement of a model; what people say of it stands in `note` and makes its status."""

    resource_type: Literal["Observation"] = "Observation"
    contained: list[Patient] | None = None
    identifier: list[Identifier]
    status: Literal["preliminary", "final", "corrected", "entered-in-error"]
    category: list[CodeableConcept]
    code: CodeableConcept
    subject: Reference
    effective_date_time: str | None = None
    issued: datetime
    value_quantity: Quantity | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | None = None
    note: list[Annotation]
    body_site: CodeableConcept | None = None
    method: CodeableConcept
    device: Reference
    reference_range: list[ObservationReferenceRange] | None = None
    derived_from: list[Reference]
    component: list[ObservationComponent] | None = None


class DeviceName(FhirModel):
    name: str
    type: str = "user-friendly-name"


class DeviceVersion(FhirModel):
    type: CodeableConcept | None = None
    value: str


class Device(Resource):
    """A pipeline with its model, or this node."""

    resource_type: Literal["Device"] = "Device"
    identifier: list[Identifier]
    status: str = Field(examples=["active", "inactive"])
    status_reason: list[CodeableConcept] | None = None
    manufacturer: str | None = None
    device_name: list[DeviceName]
    model_number: str | None = None
    type: CodeableConcept
    version: list[DeviceVersion]
    parent: Reference | None = None
    url: str | None = None
    note: list[Annotation] | None = None
