"""Ask the cross-reference manager (IHE PIX) for the other IDs of a study's patient, and link them.

Once for each study that arrives; what changes later the manager says by itself (ITI-10).
"""

from typing import Protocol

import structlog

from dicom_node.patient_identity.systems import cross_reference_manager
from storage.audit import NODE, SUCCESS, AuditEvent, Code
from storage.container.has import (
    HasAudit,
    HasIndex,
    HasPatientChanges,
    HasPriorFetches,
    HasPriorSearches,
    HasSettings,
)
from storage.core.clock import utcnow
from storage.core.entities import Series
from storage.core.sources import are_imported
from storage.patient_identity.entities import PIX, PatientKey

log = structlog.get_logger(__name__)

SOURCE = "PIX"


class WantingStorage(HasSettings, HasIndex, HasPriorFetches, HasPriorSearches, Protocol):
    """What of the storage layer is asked for what makes the node ask the manager."""


class AskingStorage(HasSettings, HasIndex, HasPatientChanges, HasPriorSearches, HasAudit, Protocol):
    """What of the storage layer patients are linked with."""


def want_cross_references(storage: WantingStorage, series: Series) -> bool:
    """Have the manager asked on behalf of a series that is complete; False where it is not.

    Not for what was fetched or imported: a migration would ask for every patient at once.
    """
    study = series.study_instance_uid
    if not storage.settings.pix_url or storage.prior_fetches.find(study):
        return False
    if are_imported(storage.index.instances_of(study, series.series_instance_uid)):
        return False
    return storage.prior_searches.want("IDENTITY", study, "", SOURCE)


def cross_reference(storage: AskingStorage, study_instance_uid: str) -> int:
    """Link the IDs that the manager names; how many there are beside the study's own.

    Raises NotFound, PeerFailed, InvalidRequest, StateConflict.
    """
    settings, changes = storage.settings, storage.patient_changes
    study = storage.index.study(study_instance_uid)
    key = PatientKey(study.patient_id, study.issuer_of_patient_id)
    key = key.of_issuer(settings.patient_id_issuer)
    if not key.patient_id or not key.issuer_of_patient_id:
        # Of an ID whose issuer is not known the manager cannot know whom it means.
        return 0
    keys = cross_reference_manager(settings).ids_of(key)
    recorded = changes.cross_reference(keys, PIX, utcnow(), settings.patient_id_issuer)
    storage.audit.record(
        AuditEvent(
            Code.PATIENT_RECORD if recorded.change_ids else Code.QUERY,
            "U" if recorded.change_ids else "E",
            NODE,
            outcome=SUCCESS,
            study_instance_uids=(study_instance_uid, *recorded.study_instance_uids),
            patient_ids=tuple(one.patient_id for one in keys),
            detail={"source": SOURCE, "for": "patient identity"},
        )
    )
    if recorded.change_ids:
        log.info("patients_linked", study_instance_uid=study_instance_uid, ids=len(keys))
    for uid in {study_instance_uid, *recorded.study_instance_uids} if recorded.change_ids else ():
        # Other archives know the patient by the other ID.
        storage.prior_searches.ask_again("STUDY", uid)
    return len(keys) - 1
