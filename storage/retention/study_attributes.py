"""What is known of studies without reading their instances: from columns of the index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, exists, func, select

from storage import tables as t
from storage.core.entities import Instance, StoreAssociation
from storage.db.engine import reading
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_instances
from storage.index.study_list import total

_OF_PATIENT = {
    "PatientID": t.patient.c.patient_id,
    "IssuerOfPatientID": t.patient.c.issuer_of_patient_id,
    "PatientName": t.study.c.patient_name,
    "PatientBirthDate": t.study.c.patient_birth_date,
    "PatientSex": t.study.c.patient_sex,
}
_OF_STUDY = {
    "StudyInstanceUID": t.study.c.study_instance_uid,
    "StudyDate": t.study.c.study_date,
    "AccessionNumber": t.study.c.accession_number,
    "StudyDescription": t.study.c.study_description,
    "StudyID": t.study.c.study_id,
    "ReferringPhysicianName": t.study.c.referring_physician_name,
}
_OF_SERIES = {
    "Modality": t.series.c.modality,
    "SeriesDescription": t.series.c.series_description,
    "BodyPartExamined": t.series.c.body_part_examined,
    "ProtocolName": t.series.c.protocol_name,
    "Manufacturer": t.series.c.manufacturer,
    "ManufacturerModelName": t.series.c.manufacturer_model_name,
    "StationName": t.series.c.station_name,
    "InstitutionName": t.series.c.institution_name,
}
_RECEIVED = t.series.c.origin == "received"
_DIMSE = "dimse:"


@dataclass(frozen=True)
class StudyAttributes:
    """`values` holds, by DICOM keyword, every value among the received series; none: no entry.

    A keyword that is not in `INDEXED` is in the instances alone.
    """

    study_instance_uid: str
    updated_at: datetime
    last_instance_at: datetime
    """When the last instance was received."""
    last_used_at: datetime | None
    """When somebody opened or changed it, or a job on it ended, to the hour."""
    instance_count: int
    size_bytes: int
    values: Mapping[str, tuple[str, ...]]

    @property
    def last_needed_at(self) -> datetime:
        return max(self.last_instance_at, self.last_used_at or self.last_instance_at)


INDEXED = frozenset({*_OF_PATIENT, *_OF_STUDY, *_OF_SERIES})
"""Keywords that the index knows."""


class StudyAttributesReader:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, study_instance_uids: Sequence[str]) -> list[StudyAttributes]:
        """In the order of the UIDs; those that are gone are left out."""
        with reading(self._engine) as connection:
            studies = (
                connection.execute(
                    select(
                        t.study.c.id,
                        t.study.c.study_instance_uid,
                        t.study.c.updated_at,
                        *(column.label(name) for name, column in (_OF_PATIENT | _OF_STUDY).items()),
                    )
                    .join_from(t.study, t.patient, t.study.c.patient_fk == t.patient.c.id)
                    .where(t.study.c.study_instance_uid.in_(study_instance_uids))
                )
                .mappings()
                .all()
            )
            ids = [row["id"] for row in studies]
            series = _series_values(connection, ids)
            sizes = _sizes(connection, ids)
            uses = _uses(connection, study_instance_uids)
        found = {}
        for row in studies:
            arrived, values = series.get(row["id"], (row["updated_at"], {}))
            own = {name: (row[name],) for name in (_OF_PATIENT | _OF_STUDY) if row[name]}
            uid = row["study_instance_uid"]
            count, size_bytes = sizes.get(row["id"], (0, 0))
            found[uid] = StudyAttributes(
                uid, row["updated_at"], arrived, uses.get(uid), count, size_bytes, own | values
            )
        return [found[uid] for uid in study_instance_uids if uid in found]

    def ae_titles(self, study_instance_uid: str) -> tuple[str, ...]:
        """Of who sent its instances by C-STORE."""
        query = (
            select(t.instance.c.source)
            .join_from(t.instance, t.series, t.instance.c.series_fk == t.series.c.id)
            .join(t.study, t.series.c.study_fk == t.study.c.id)
            .where(t.study.c.study_instance_uid == study_instance_uid, _RECEIVED)
            .distinct()
        )
        with reading(self._engine) as connection:
            sources = sorted(connection.execute(query).scalars())
        return tuple(one.removeprefix(_DIMSE) for one in sources if one.startswith(_DIMSE))

    def associations(self, study_instance_uid: str) -> list[StoreAssociation]:
        """By which its instances were sent by C-STORE."""
        query = (
            select(t.instance.c.called_ae_title, t.instance.c.peer_address)
            .join_from(t.instance, t.series, t.instance.c.series_fk == t.series.c.id)
            .join(t.study, t.series.c.study_fk == t.study.c.id)
            .where(t.study.c.study_instance_uid == study_instance_uid, _RECEIVED)
            .distinct()
        )
        with reading(self._engine) as connection:
            return [StoreAssociation(*row) for row in connection.execute(query)]

    def unconfirmed_instances(
        self, study_instance_uid: str, peer: str, limit: int | None = None
    ) -> list[Instance]:
        """Received instances without a delivery that the peer has confirmed, by series and UID."""
        delivery = t.delivery.c
        confirmed = exists().where(
            delivery.destination == peer,
            delivery.sop_instance_uid == t.instance.c.sop_instance_uid,
            delivery.state == "CONFIRMED",
        )
        of_study = t.study.c.study_instance_uid == study_instance_uid
        return self._instances(of_study, ~confirmed, limit=limit)

    def first_instances(self, study_instance_uid: str) -> list[Instance]:
        """The first that arrived of each received series."""
        first = (
            select(func.min(t.instance.c.id))
            .join_from(t.instance, t.series, t.instance.c.series_fk == t.series.c.id)
            .join(t.study, t.series.c.study_fk == t.study.c.id)
            .where(t.study.c.study_instance_uid == study_instance_uid, _RECEIVED)
            .group_by(t.series.c.id)
        )
        return self._instances(t.instance.c.id.in_(first))

    def _instances(
        self, *conditions: ColumnElement[bool], limit: int | None = None
    ) -> list[Instance]:
        query = (
            select_instances(*conditions, _RECEIVED)
            .order_by(t.series.c.series_instance_uid, t.instance.c.sop_instance_uid)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [to_instance(row) for row in connection.execute(query).mappings()]


def _series_values(
    connection: Connection, study_ids: Sequence[int]
) -> dict[int, tuple[datetime, dict[str, tuple[str, ...]]]]:
    """When the last instance of each study arrived, and the values of its received series."""
    rows = connection.execute(
        select(
            t.series.c.study_fk,
            t.series.c.last_instance_at,
            *(column.label(name) for name, column in _OF_SERIES.items()),
        )
        .where(t.series.c.study_fk.in_(study_ids), _RECEIVED)
        .order_by(t.series.c.id)
    ).mappings()
    found: dict[int, tuple[datetime, dict[str, tuple[str, ...]]]] = {}
    for row in rows:
        at, values = found.get(row["study_fk"], (row["last_instance_at"], {}))
        for name in _OF_SERIES:
            if row[name]:
                values[name] = tuple(dict.fromkeys((*values.get(name, ()), row[name])))
        found[row["study_fk"]] = max(at, row["last_instance_at"]), values
    return found


def _sizes(connection: Connection, study_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    rows = connection.execute(
        select(t.series.c.study_fk, func.count(), total(t.instance.c.size_bytes))
        .join_from(t.instance, t.series, t.instance.c.series_fk == t.series.c.id)
        .where(t.series.c.study_fk.in_(study_ids))
        .group_by(t.series.c.study_fk)
    )
    return {study_id: (count, size_bytes) for study_id, count, size_bytes in rows}


def _uses(connection: Connection, study_instance_uids: Sequence[str]) -> dict[str, datetime]:
    noted = connection.execute(
        select(t.study_use.c.study_instance_uid, t.study_use.c.used_at).where(
            t.study_use.c.study_instance_uid.in_(study_instance_uids)
        )
    )
    worked_on = connection.execute(
        select(t.job.c.study_instance_uid, func.max(t.job.c.finished_at))
        .where(
            t.job.c.study_instance_uid.in_(study_instance_uids), t.job.c.finished_at.is_not(None)
        )
        .group_by(t.job.c.study_instance_uid)
    )
    found: dict[str, datetime] = {}
    for uid, at in (*noted, *worked_on):
        found[uid] = max(found.get(uid, at), at)
    return found
