"""Write an instance into the index, and find an index row again for a volume's record."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, select, update

from storage import tables as t
from storage.core.callers.shares import address_caller
from storage.core.entities import NO_ASSOCIATION, Location, Origin, StoreAssociation
from storage.core.text.bounded_text import indexed_name
from storage.core.text.text_folding import search_text
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.find_or_add import find_or_add
from storage.dicom.accession_issuer import accession_issuer_of
from storage.dicom.part10 import Header
from storage.events.payloads import StudyEvent
from storage.events.repository import add_event
from storage.index.generated_instances import note_generated
from storage.patient_identity.rows import AssignedPatient, patient_of_new_study
from storage.volumes.records import Note

Outcome = Literal["stored", "duplicate", "conflict"]


@dataclass(frozen=True)
class NewInstance:
    """A durable record that wants its row."""

    header: Header
    location: Location
    digest: str
    source: str
    origin: Origin
    received_at: datetime
    generation: int = 0
    """Of its record: how many deletions came before it."""
    association: StoreAssociation = NO_ASSOCIATION
    sent_by: str = ""
    """The identity or address that sent it."""

    @classmethod
    def of_note(
        cls, header: Header, location: Location, digest: str, note: Note, sent_by: str = ""
    ) -> "NewInstance":
        """What the record at `location` says of itself. `sent_by`: who sent it over HTTP, which no
        record says."""
        return cls(
            header,
            location,
            digest,
            note.source,
            note.origin,
            note.received_at,
            note.generation,
            note.association,
            sent_by or address_caller(note.association.peer_address),
        )


def insert_instances(engine: Engine, batch: Iterable[NewInstance]) -> list[Outcome]:
    """Index each instance in one transaction.

    A UID that is known with the same digest is a duplicate; with another, a
    conflict: it is noted aside and the first stays (design, decision 2).
    """
    with writing(engine) as connection:
        return [insert_instance(connection, new) for new in batch]


def find_known(connection: Connection, sop_instance_uid: str) -> str | None:
    """The digest under which an instance is already indexed."""
    return connection.execute(
        select(t.instance.c.digest).where(t.instance.c.sop_instance_uid == sop_instance_uid)
    ).scalar()


def find_or_add_series(connection: Connection, new: NewInstance) -> tuple[int, int, bool]:
    """The ids of study and series, and whether the series was added now."""
    study_id = connection.execute(
        select(t.study.c.id).where(t.study.c.study_instance_uid == new.header.study_instance_uid)
    ).scalar()
    new_study = False
    if study_id is None:
        study_id, new_study = _study(connection, new)
    if new_study:
        add_event(
            connection,
            new.received_at,
            "study",
            new.header.study_instance_uid,
            payload=StudyEvent(change="study_received"),
        )
    series_id, new_series = _series(connection, study_id, new)
    if new_series and not new_study and new.origin == "received":
        _decide_access_again(connection, study_id, series_id, new.header.study_instance_uid)
    return study_id, series_id, new_series


def _decide_access_again(
    connection: Connection, study_id: int, series_id: int, study_instance_uid: str
) -> None:
    """Where what the node made came back before the images, these decide who sees the study; where
    somebody of some groups began it (`StudySenders`), what others send does."""
    c = t.series.c
    others = select(c.id).where(c.study_fk == study_id, c.origin == "received", c.id != series_id)
    begun = select(t.study_sender.c.identity_id).where(
        t.study_sender.c.study_instance_uid == study_instance_uid
    )
    connection.execute(
        update(t.study)
        .where(t.study.c.id == study_id, ~others.exists() | begun.exists())
        .values(access_rules_version=0)
    )


def insert_instance(connection: Connection, new: NewInstance) -> Outcome:
    """As `insert_instances`, one instance in the caller's transaction."""
    header = new.header
    known = find_known(connection, header.sop_instance_uid)
    if known is None:
        study_id, series_id, _ = find_or_add_series(connection, new)
        if insert_or_ignore(connection, t.instance, instance_values(new, series_id)):
            _touch(connection, study_id, series_id, new.received_at)
            note_if_generated(connection, new)
            return "stored"
        known = find_known(connection, header.sop_instance_uid)
    if known == new.digest:
        return "duplicate"
    insert_or_ignore(
        connection,
        t.conflict,
        {
            "sop_instance_uid": header.sop_instance_uid,
            "size_bytes": new.location.length,
            "digest": new.digest,
            "source": new.source,
            "sent_by": new.sent_by,
            **new.association._asdict(),
            "received_at": new.received_at,
            "volume": new.location.volume,
            "volume_offset": new.location.offset,
        },
    )
    return "conflict"


def note_if_generated(connection: Connection, new: NewInstance) -> None:
    """Remember what the node made beyond its row."""
    if new.origin == "generated":
        uid = new.header.sop_instance_uid
        note_generated(connection, uid, new.digest, new.source, new.received_at)


def received_aside_at(engine: Engine, sop_instance_uid: str, digest: str) -> datetime | None:
    """When this content was kept aside; None where it does not wait for a decision."""
    with reading(engine) as connection:
        return connection.execute(
            select(t.conflict.c.received_at).where(
                t.conflict.c.sop_instance_uid == sop_instance_uid,
                t.conflict.c.digest == digest,
            )
        ).scalar()


def _study(connection: Connection, new: NewInstance) -> tuple[int, bool]:
    header = new.header
    assigned = patient_of_new_study(connection, header)
    issuer = accession_issuer_of(header)
    return find_or_add(
        connection,
        t.study,
        {"study_instance_uid": header.study_instance_uid},
        {
            "patient_fk": assigned.row_id,
            "person_fk": assigned.person_id,
            "patient_digest": assigned.digest,
            **assigned.patient.columns_of_study,
            "study_date": header.text("StudyDate"),
            "study_time": header.text("StudyTime"),
            "timezone_offset_from_utc": header.text("TimezoneOffsetFromUTC"),
            "accession_number": header.text("AccessionNumber"),
            "accession_number_namespace": issuer.namespace,
            "accession_number_system": issuer.system,
            "study_description": header.text("StudyDescription"),
            "study_id": header.text("StudyID"),
            "referring_physician_name": header.text("ReferringPhysicianName"),
            "referring_physician_name_folded": indexed_name(header.text("ReferringPhysicianName")),
            "search_text": _search_text(assigned, header),
            "received_at": new.received_at,
            "updated_at": new.received_at,
        },
    )


def _search_text(assigned: AssignedPatient, header: Header) -> str:
    return search_text(
        assigned.patient.patient_name,
        assigned.patient.patient_id,
        header.text("StudyDescription"),
        header.text("AccessionNumber"),
    )


def _series(connection: Connection, study_fk: int, new: NewInstance) -> tuple[int, bool]:
    header = new.header
    return find_or_add(
        connection,
        t.series,
        {"study_fk": study_fk, "series_instance_uid": header.series_instance_uid},
        {
            "modality": header.text("Modality"),
            "series_number": header.number("SeriesNumber"),
            "series_description": header.text("SeriesDescription"),
            "series_date": header.text("SeriesDate"),
            "series_time": header.text("SeriesTime"),
            "body_part_examined": header.text("BodyPartExamined"),
            "protocol_name": header.text("ProtocolName"),
            "frame_of_reference_uid": header.text("FrameOfReferenceUID"),
            "manufacturer": header.text("Manufacturer"),
            "manufacturer_model_name": header.text("ManufacturerModelName"),
            "station_name": header.text("StationName"),
            "institution_name": header.text("InstitutionName"),
            "performed_procedure_step_start_date": header.text("PerformedProcedureStepStartDate"),
            "performed_procedure_step_start_time": header.text("PerformedProcedureStepStartTime"),
            "state": "RECEIVING",
            "origin": new.origin,
            "first_instance_at": new.received_at,
            "last_instance_at": new.received_at,
        },
    )


def _touch(connection: Connection, study_fk: int, series_fk: int, now: datetime) -> None:
    """A late instance opens a complete series again, and so leads to a revised result."""
    connection.execute(
        update(t.series)
        .where(t.series.c.id == series_fk)
        .values(state="RECEIVING", last_instance_at=now)
    )
    connection.execute(update(t.study).where(t.study.c.id == study_fk).values(updated_at=now))


def instance_values(new: NewInstance, series_fk: int) -> dict[str, Any]:
    """The instance's row, by column."""
    header = new.header
    return {
        "series_fk": series_fk,
        "sop_instance_uid": header.sop_instance_uid,
        "sop_class_uid": header.sop_class_uid,
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "instance_number": header.number("InstanceNumber"),
        "rows": header.number("Rows"),
        "columns": header.number("Columns"),
        "bits_allocated": header.number("BitsAllocated"),
        "number_of_frames": header.number("NumberOfFrames"),
        "size_bytes": new.location.length,
        "digest": new.digest,
        "source": new.source,
        "called_ae_title": new.association.called_ae_title,
        "peer_address": new.association.peer_address,
        "received_at": new.received_at,
        "volume": new.location.volume,
        "volume_offset": new.location.offset,
        "object_key": new.location.object_key,
        "is_rejected": False,
    }
