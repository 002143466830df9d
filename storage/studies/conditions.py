"""Conditions over studies and their patients, for every query that joins the two."""

from collections.abc import Collection

from sqlalchemy import and_, select

from storage import tables as t
from storage.core.accession_issuers import AccessionIssuer
from storage.db.conditions import Condition, TimeSpan, at_time, never, on_day


def patient_id_is(patient_id: str, issuer_of_patient_id: str | None = None) -> Condition:
    """Of any issuer where none is given; an empty patient ID is nobody's."""
    if not patient_id:
        return never()
    same = t.patient.c.patient_id == patient_id
    if issuer_of_patient_id is None:
        return same
    return and_(same, t.patient.c.issuer_of_patient_id == issuer_of_patient_id)


def has_patient_id_of(issuer_of_patient_id: str) -> Condition:
    """Any patient ID of that issuer; empty: of those that DICOM names no issuer for."""
    return and_(
        t.patient.c.patient_id != "", t.patient.c.issuer_of_patient_id == issuer_of_patient_id
    )


def study_uid_in(study_instance_uids: Collection[str]) -> Condition:
    return t.study.c.study_instance_uid.in_(study_instance_uids)


def accession_number_is(accession_number: str) -> Condition:
    """Of any issuer."""
    if not accession_number:
        return never()
    return t.study.c.accession_number == accession_number


def accession_number_is_of(issuer: AccessionIssuer, accession_number: str = "") -> Condition:
    """Issued by that one as the study states it; by nobody who is known, where it is nobody.

    Any number where none is given.
    """
    study = t.study.c
    if issuer.system:
        of_issuer = study.accession_number_system == issuer.system
    else:
        of_issuer = and_(
            study.accession_number_system == "",
            study.accession_number_namespace == issuer.namespace,
        )
    if accession_number:
        return and_(study.accession_number == accession_number, of_issuer)
    return and_(study.accession_number != "", of_issuer)


def study_has_modality(modality: str) -> Condition:
    return (
        select(t.series.c.id)
        .where(t.series.c.study_fk == t.study.c.id, t.series.c.modality == modality)
        .correlate(t.study)
        .exists()
    )


def study_updated(span: TimeSpan) -> Condition:
    return at_time(t.study.c.updated_at, span)


def study_dated(span: TimeSpan) -> Condition:
    return on_day(t.study.c.study_date, span)
