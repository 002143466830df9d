"""Read the rejection notes that came, and hide what they reject.

Hidden instances are no input of pipelines, and no list, query or retrieval has them. The series
completes again over what is left, so results over all of it are withdrawn as those over late
instances are (`inference.late_instances`).
"""

from collections.abc import Iterator
from datetime import datetime

import structlog
from pydicom.dataset import Dataset

from storage.audit import NODE, AuditEvent, Code
from storage.container import Storage
from storage.core.entities import Instance
from storage.core.errors import InstanceDamaged
from storage.dicom.value_errors import DAMAGED

log = structlog.get_logger(__name__)

REJECTING = frozenset({"113001", "113037", "113038", "113039"})
"""Of DCM (CID 7010, 7011): quality, patient safety, incorrect worklist entry, retention expired."""

_NOTES_PER_ROUND = 32


def hide_rejected(storage: Storage, now: datetime, since: datetime | None = None) -> int:
    """How many instances were hidden. `since` spares it series without news."""
    for note in storage.rejections.unread(_NOTES_PER_ROUND, since):
        try:
            code, rejected = _rejection(storage, note)
        except InstanceDamaged:
            continue  # noted where damage is; it may be repaired
        shown = storage.rejections.read(note, code, rejected, now)
        if shown:
            log.info("rejection_revoked", sop_instance_uid=note.sop_instance_uid, instances=shown)
            _record(storage, note.study_instance_uid, {"shown_instances": shown})
    hidden = storage.rejections.apply(now, since)
    for one in hidden:
        log.info(
            "instances_rejected",
            study_instance_uid=one.study_instance_uid,
            instances=one.instances,
        )
        _record(storage, one.study_instance_uid, {"rejected_instances": one.instances})
    return sum(one.instances for one in hidden)


def _record(storage: Storage, study_instance_uid: str, detail: dict[str, int]) -> None:
    storage.audit.record(
        AuditEvent(
            Code.PROCEDURE_RECORD,
            "U",
            NODE,
            study_instance_uids=(study_instance_uid,),
            detail={**detail, "via": "IOCM"},
        )
    )


def _rejection(storage: Storage, note: Instance) -> tuple[str, set[str]]:
    """The code of a rejection note and what it names; nothing of another Key Object Selection."""
    try:
        document = storage.instances.dataset(note)
        titles = document.get("ConceptNameCodeSequence") or [Dataset()]
        code = str(titles[0].get("CodeValue") or "")
        if titles[0].get("CodingSchemeDesignator") != "DCM" or code not in REJECTING:
            return "", set()
        return code, set(_referenced(document)) - {note.sop_instance_uid}
    except DAMAGED as error:
        log.error(
            "rejection_note_unreadable",
            sop_instance_uid=note.sop_instance_uid,
            error=type(error).__name__,
        )
        return "", set()


def _referenced(document: Dataset) -> Iterator[str]:
    """The evidence of the note's own study (PS3.3 C.17.6.1); those of others are left alone."""
    for study in document.get("CurrentRequestedProcedureEvidenceSequence") or ():
        if study.get("StudyInstanceUID") != document.get("StudyInstanceUID"):
            continue
        for series in study.get("ReferencedSeriesSequence") or ():
            for one in series.get("ReferencedSOPSequence") or ():
                yield str(one.get("ReferencedSOPInstanceUID") or "")
