"""Read the rejection notes that came, and hide what they reject, where the sender may.

Hidden instances are no input of pipelines, and no list, query or retrieval has them. The series
completes again over what is left, so results over all of it are withdrawn as those over late
instances are (`inference.withdrawals`).
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from pydicom.dataset import Dataset

from storage.audit import MINOR_FAILURE, NODE, SUCCESS, Audit, AuditEvent, Code
from storage.container.has import (
    HasAudit,
    HasDeliveries,
    HasInstances,
    HasPeers,
    HasRejectionNotes,
    HasSettings,
)
from storage.core.entities import Instance
from storage.core.errors import InstanceDamaged
from storage.core.postponed import Postponed
from storage.core.sources import named_sender, senders_of
from storage.deliveries.repository import Deliveries
from storage.dicom.value_errors import DAMAGED
from storage.integrity.instance_reader import InstanceReader
from storage.peers.repository import Peers
from storage.rejection_notes.repository import RejectionNotes
from storage.rejection_notes.rights import may_reject

log = structlog.get_logger(__name__)

REJECTING = frozenset({"113001", "113037", "113038", "113039"})
"""Of DCM (CID 7010, 7011): quality, patient safety, incorrect worklist entry, retention expired."""

FOLLOWING = "rejection notes follow their images"
"""In place of a rule's name."""
_NOTES_PER_ROUND = 32
_STUDIES_PER_ROUND = 32
_RECENT = timedelta(days=1)
_DAMAGED_AGAIN_S = 600.0


class RejectionStorage(
    HasSettings, HasInstances, HasPeers, HasAudit, HasDeliveries, HasRejectionNotes, Protocol
):
    """What of the storage layer rejection notes are read with."""


class RejectionRounds:
    """Remembers between rounds which notes could not be read, and what was looked at."""

    def __init__(self, storage: RejectionStorage) -> None:
        self._storage = storage
        self._postponed = Postponed(_DAMAGED_AGAIN_S)
        self._looked_at_everything = False
        self._judged_up_to: str | None = ""
        """The study; None: all."""

    def look_at_everything(self) -> None:
        """Also at what came long ago: at first, and when the clock is set."""
        self._looked_at_everything = False

    def round(self, now: datetime) -> int:
        """Read the notes that came; how many instances were hidden."""
        storage = self._storage
        self._judge(now)
        since = now - _RECENT if self._looked_at_everything else None
        notes = storage.rejection_notes.unread(_NOTES_PER_ROUND, since, self._postponed.current())
        for note in notes:
            try:
                code, rejected = _rejection(storage.instances, note)
            except InstanceDamaged:
                # Noted where damage is; it may be repaired.
                self._postponed.add(note.sop_instance_uid)
                continue
            if code and not may_reject(note.source, storage.peers, storage.settings):
                _ignore(storage.audit, storage.rejection_notes, note, code, now)
                continue
            if code:
                # First: a note that was read is not looked at again.
                _send_after(storage.deliveries, storage.peers, note, rejected)
            shown = storage.rejection_notes.read(note, code, rejected, now)
            _note_shown(storage.audit, note.study_instance_uid, shown)
        hidden = storage.rejection_notes.apply(now, since)
        for one in hidden:
            log.info(
                "instances_rejected",
                study_instance_uid=one.study_instance_uid,
                instances=one.instances,
                senders=one.senders,
            )
            _record(
                storage.audit,
                one.study_instance_uid,
                {"rejected_instances": one.instances, "senders": list(one.senders)},
            )
        # A round takes a few: what is left of long ago is read until there is none.
        if len(notes) < _NOTES_PER_ROUND:
            self._looked_at_everything = True
        return sum(one.instances for one in hidden)

    def _judge(self, now: datetime) -> None:
        """Once, what former versions read: they did not judge a note by those that reject it."""
        if self._judged_up_to is None:
            return
        judged = self._storage.rejection_notes.judge(_STUDIES_PER_ROUND, self._judged_up_to, now)
        for study_instance_uid, shown in judged.items():
            _note_shown(self._storage.audit, study_instance_uid, shown)
        self._judged_up_to = max(judged) if len(judged) == _STUDIES_PER_ROUND else None


def _send_after(
    deliveries: Deliveries, peers: Peers, note: Instance, rejected: Collection[str]
) -> None:
    """Where images were sent on, the note must follow: they are in use there."""
    for name in deliveries.sent_on_to(rejected):
        peer = peers.find(name)
        if peer is not None and peer.ae_title and peer.ae_title in senders_of([note]):
            continue
        if deliveries.enqueue(name, [note], None, cause="RULE", rule=FOLLOWING):
            log.info(
                "rejection_note_routed",
                study_instance_uid=note.study_instance_uid,
                destination=name,
            )


def _note_shown(audit: Audit, study_instance_uid: str, instances: int) -> None:
    if instances:
        log.info("rejection_revoked", study_instance_uid=study_instance_uid, instances=instances)
        _record(audit, study_instance_uid, {"shown_instances": instances})


def _ignore(audit: Audit, notes: RejectionNotes, note: Instance, code: str, now: datetime) -> None:
    if not notes.ignore(note, code, now):
        return
    sender = named_sender(note.source)
    log.warning(
        "rejection_note_ignored",
        sop_instance_uid=note.sop_instance_uid,
        study_instance_uid=note.study_instance_uid,
        sender=sender,
        remedy="Give the peer the right 'reject', delete the note, and have it sent again.",
    )
    detail = {"ignored_note": note.sop_instance_uid, "senders": [sender]}
    _record(audit, note.study_instance_uid, detail, MINOR_FAILURE)


def _record(
    audit: Audit, study_instance_uid: str, detail: dict[str, Any], outcome: int = SUCCESS
) -> None:
    audit.record(
        AuditEvent(
            Code.PROCEDURE_RECORD,
            "U",
            NODE,
            outcome,
            study_instance_uids=(study_instance_uid,),
            detail={**detail, "via": "IOCM"},
        )
    )


def _rejection(instances: InstanceReader, note: Instance) -> tuple[str, set[str]]:
    """The code of a rejection note and what it names; nothing of another Key Object Selection."""
    try:
        document = instances.header(note)
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
