"""An item of the worklist as a ServiceRequest."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from api.fhir.resources import ServiceRequest
from inference.fhir.subject import accession_of, patient_of, subject_of
from inference.fhir.types import (
    DCM,
    Annotation,
    CodeableConcept,
    Coding,
    Reference,
    code_system,
    meta,
    plain,
    uid_identifier,
)
from storage.core.entities import Study
from storage.core.text.dicom_values import dicom_date, dicom_time
from storage.worklist.entities import WorklistItem, WorklistState

_STATUS: Mapping[WorklistState, str] = {
    "SCHEDULED": "active",
    "IN PROGRESS": "active",
    "COMPLETED": "completed",
    "CANCELED": "revoked",
}
_PRIORITIES = {"STAT": "stat", "HIGH": "urgent", "ROUTINE": "routine", "MEDIUM": "routine"}


def service_request(item: WorklistItem) -> ServiceRequest:
    """What the node has of the order, by whatever way it came."""
    has = item.attributes
    of = _subject(item)
    identifiers = [uid_identifier(item.study_instance_uid)]
    if of.accession_number.strip():
        identifiers.insert(0, accession_of(of))
    steps = has.get("ScheduledProcedureStepSequence") or [{}]
    reason = str(has.get("ReasonForTheRequestedProcedure") or "")
    comments = str(has.get("RequestedProcedureComments") or "")
    requester = str(has.get("RequestingPhysician") or "").replace("^", " ").strip()
    modality = str(steps[0].get("Modality") or "")
    return ServiceRequest(
        id=item.worklist_item_id,
        meta=meta(item.updated_at),
        contained=[patient_of(of)],
        identifier=identifiers,
        status=_STATUS[item.state],
        intent="order",
        priority=_PRIORITIES.get(str(has.get("RequestedProcedurePriority") or "")),
        code=_code(has),
        order_detail=[CodeableConcept(coding=[Coding(system=DCM, code=modality)])]
        if modality
        else None,
        subject=subject_of(of),
        occurrence_date_time=_start(steps[0]),
        requester=Reference(display=requester) if requester else None,
        reason_code=[plain(reason)] if reason else None,
        note=[Annotation(text=comments)] if comments else None,
    )


def _subject(item: WorklistItem) -> Study:
    """As far as it is about the patient and the order; of images there are none yet."""

    def text(keyword: str) -> str:
        return str(item.attributes.get(keyword) or "")

    return Study(
        study_instance_uid=item.study_instance_uid,
        patient_id=text("PatientID"),
        issuer_of_patient_id=text("IssuerOfPatientID"),
        patient_name=text("PatientName"),
        patient_birth_date=text("PatientBirthDate"),
        patient_sex=text("PatientSex"),
        study_date="",
        study_time="",
        accession_number=item.accession_number,
        accession_number_namespace=item.accession_number_namespace,
        accession_number_system=item.accession_number_system,
        study_description="",
        study_id="",
        referring_physician_name="",
        received_at=item.created_at,
        updated_at=item.updated_at,
        series_count=0,
        instance_count=0,
        size_bytes=0,
        modalities=(),
    )


def _code(has: Mapping[str, Any]) -> CodeableConcept | None:
    codings = [
        Coding(
            system=code_system(str(one.get("CodingSchemeDesignator") or "")),
            code=str(one.get("CodeValue") or "") or None,
            display=str(one.get("CodeMeaning") or "") or None,
        )
        for one in has.get("RequestedProcedureCodeSequence") or ()
    ]
    text = str(has.get("RequestedProcedureDescription") or "")
    return CodeableConcept(coding=codings or None, text=text or None) if codings or text else None


def _start(step: Mapping[str, Any]) -> str | None:
    """With the node's own zone, as modalities are in it."""
    day = dicom_date(str(step.get("ScheduledProcedureStepStartDate") or ""))
    if day is None:
        return None
    at = dicom_time(str(step.get("ScheduledProcedureStepStartTime") or "")) or "00:00:00"
    return datetime.combine(day, time.fromisoformat(at)).astimezone().isoformat(timespec="seconds")
