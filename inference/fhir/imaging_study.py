"""Studies as ImagingStudy (hl7.org/fhir/R4/imagingstudy.html)."""

from collections.abc import Sequence

from inference.fhir.resources import (
    Endpoint,
    ImagingStudy,
    ImagingStudyInstance,
    ImagingStudySeries,
)
from inference.fhir.subject import accession_of, order_of, patient_of, started, subject_of
from inference.fhir.types import DCM, Coding, Reference, meta, plain, some, uid_identifier
from storage.core.entities import Instance, Series, Study

_URI = "urn:ietf:rfc:3986"
_SUBSETTED = Coding(
    system="http://terminology.hl7.org/CodeSystem/v3-ObservationValue", code="SUBSETTED"
)
_ENDPOINT = Reference(reference="#dicom-web", type="Endpoint")


def imaging_study(
    study: Study,
    series: Sequence[Series],
    dicomweb_url: str,
    instances: Sequence[Instance] | None = None,
) -> ImagingStudy:
    """With `instances` the whole study; without them marked as a part of it."""
    of_series: dict[str, list[Instance]] = {}
    for instance in instances or ():
        of_series.setdefault(instance.series_instance_uid, []).append(instance)
    tags = (_SUBSETTED,) if instances is None else ()
    identifiers = [uid_identifier(study.study_instance_uid)]
    if study.accession_number.strip():
        identifiers.append(accession_of(study))
    referrer = study.referring_physician_name.replace("^", " ").strip()
    return ImagingStudy(
        id=study.study_instance_uid,
        meta=meta(study.updated_at, *tags),
        contained=[patient_of(study), _endpoint(dicomweb_url)],
        identifier=identifiers,
        status="available",
        modality=some(_modality_coding(code) for code in study.modalities),
        subject=subject_of(study),
        started=started(study.study_date),
        based_on=order_of(study),
        referrer=Reference(display=referrer) if referrer else None,
        endpoint=[_ENDPOINT],
        number_of_series=study.series_count,
        number_of_instances=study.instance_count,
        description=study.study_description.strip() or None,
        series=some(_series(one, of_series.get(one.series_instance_uid)) for one in series),
    )


def _series(series: Series, instances: Sequence[Instance] | None) -> ImagingStudySeries:
    number = series.series_number
    return ImagingStudySeries(
        uid=series.series_instance_uid,
        number=number if number is not None and 0 <= number < 2**31 else None,
        modality=_modality_coding(series.modality),
        description=series.series_description.strip() or None,
        number_of_instances=series.instance_count,
        body_site=Coding(display=series.body_part_examined.strip())
        if series.body_part_examined.strip()
        else None,
        instance=some(_instance(one) for one in instances or ()),
    )


def _instance(instance: Instance) -> ImagingStudyInstance:
    number = instance.instance_number
    return ImagingStudyInstance(
        uid=instance.sop_instance_uid,
        sop_class=Coding(system=_URI, code=f"urn:oid:{instance.sop_class_uid}"),
        number=number if number is not None and 0 <= number < 2**31 else None,
    )


def _modality_coding(code: str) -> Coding:
    # OT is DICOM's word for a modality that none of the others names.
    return Coding(system=DCM, code=code.strip() or "OT")


def _endpoint(dicomweb_url: str) -> Endpoint:
    return Endpoint(
        id="dicom-web",
        status="active",
        connection_type=Coding(
            system="http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
            code="dicom-wado-rs",
        ),
        payload_type=[plain("DICOM")],
        address=dicomweb_url,
    )
