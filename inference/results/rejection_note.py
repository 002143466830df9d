"""What withdraws results at an archive: a rejection note (IHE RAD TF-3 4.66).

A Key Object Selection (PS3.3 A.35.4) whose title rejects what it names. Archives that take part
in Imaging Object Change Management hide those objects then; others show the note beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    DEVICE_UID,
    MANUFACTURER,
    local_time,
)
from inference.results.coding import dicom_code
from inference.results.equipment import finish, node_equipment
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.source_references import reference_to
from storage.core.entities import Job
from storage.core.findings import Code
from storage.core.uids import UidScheme
from storage.findings.feedback_reports import VersionNumber

REJECTED = Code("113037", "DCM", "Rejected for Patient Safety Reasons")
SERIES_NUMBER = 9_920
_SERIES_DESCRIPTION = "Withdrawn AI results"
CORRECTED = (
    "A reader has rejected or corrected a value that they state; the report with that feedback"
    " replaces them."
)
COMPARED_OTHERWISE = (
    "They state a comparison with an earlier study that counts no more; the report without it"
    " replaces them."
)


@dataclass(frozen=True)
class Correction:
    """After what results state what counts no more; `number`: of the version that replaces them."""

    number: VersionNumber
    at: datetime
    why: str = CORRECTED


def encode_rejection_note(
    job: Job, rejected: Sequence[Dataset], correction: Correction | None = None
) -> Dataset:
    """The note that withdraws `rejected`, results of a superseded job; doing it again repeats it.

    `rejected`: headers of instances of one study, at least one. `correction`: where the job
    stands, and what these state counts no more.
    """
    first = rejected[0]
    at = local_time(job.updated_at if correction is None else correction.at, first)
    why = job.reason if correction is None else correction.why
    references = [reference_to(one) for one in rejected]
    content = hd.ko.KeyObjectSelection(
        document_title=dicom_code(REJECTED),
        referenced_objects=references,
        observer_device_context=hd.sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
                uid=DEVICE_UID,
                name=MANUFACTURER,
                manufacturer_name=MANUFACTURER,
                model_name=MANUFACTURER,
                serial_number=DEVICE_SERIAL_NUMBER,
            ),
        ),
        description=f"{job.pipeline} {job.pipeline_version}: results withdrawn. {why}",
    )
    document = hd.ko.KeyObjectSelectionDocument(
        evidence=references,
        content=content,
        series_instance_uid=_note_uid(job, job.uids, "series", correction),
        series_number=SERIES_NUMBER,
        sop_instance_uid=rejection_note_uid(job, job.uids, correction),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        device_serial_number=DEVICE_SERIAL_NUMBER,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=_SERIES_DESCRIPTION,
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    inherit_patient_and_study(document, first)
    return finish(document, at, node_equipment(at))


def rejection_note_uid(job: Job, uids: UidScheme, correction: Correction | None = None) -> str:
    """SOPInstanceUID of the note that withdraws what the job made."""
    return _note_uid(job, uids, "instance", correction)


def _note_uid(job: Job, uids: UidScheme, what: str, correction: Correction | None) -> str:
    if correction is not None:
        return uids.derive(what, "rejection", job.job_id, "feedback", str(correction.number))
    return uids.derive(what, "rejection", job.job_id, job.updated_at.isoformat())
