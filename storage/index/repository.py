"""The index: which patients, studies, series and instances the node holds."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    exists,
    func,
    or_,
    select,
    update,
)

from storage import tables as t
from storage.core.callers.visibility import as_node
from storage.core.entities import Instance, Series, Study
from storage.core.errors import NotFound
from storage.db.engine import reading, writing
from storage.events.payloads import StudyEvent
from storage.events.repository import add_event
from storage.index.first_instances import INSTANCE_BY_UID, first_of_each
from storage.index.patient_studies import PatientStudies
from storage.index.row_mapping import to_instance, to_series
from storage.index.select_statements import (
    select_in_order,
    select_series,
    select_stored_instances,
)
from storage.index.study_list import list_studies, read_studies
from storage.peers.notifications import want_notified
from storage.prior_inputs.queue import mark_later_studies


class Content(NamedTuple):
    """What names the bytes of an instance as it leaves, and so all that is derived from them."""

    sop_instance_uid: str
    digest: str
    size_bytes: int
    transfer_syntax_uid: str
    patient_digest: str


class Index:
    """Look up what is there. `insert_instance` writes it; `query` matches keys against it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.patient_studies = PatientStudies(engine)

    def study(self, study_instance_uid: str) -> Study:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            studies = read_studies(connection, t.study.c.study_instance_uid == study_instance_uid)
        if not studies:
            raise _not_found("study", study_instance_uid)
        return studies[0]

    def patient_key(self, study_instance_uid: str) -> str:
        """What stands for the patient of a study: of issuer, ID and person, so that another node
        makes the same of it. Empty where the patient has no ID, or the study is not there."""
        query = (
            select(t.patient.c.patient_key)
            .join(t.study, t.study.c.patient_fk == t.patient.c.id)
            .where(t.study.c.study_instance_uid == study_instance_uid, t.patient.c.patient_id != "")
        )
        with reading(self._engine) as connection:
            return connection.execute(query).scalar() or ""

    def studies(
        self,
        limit: int,
        offset: int,
        text: str = "",
        *,
        where: Sequence[ColumnElement[bool]] = (),
        order: Sequence[ColumnElement[Any]] = (),
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[Study], int]:
        """The newest first unless `order` says otherwise, and how many there are in all.

        `beyond` begins the page where another one ended (`storage.db.keyset`).

        `text` is looked for in patient name and ID, description, accession
        number and the start of the study date. `where` are further conditions
        over the tables of studies and patients (`storage.studies.filter` makes them).
        """
        with reading(self._engine) as connection:
            return list_studies(connection, limit, offset, text, where, order, beyond)

    def patients_of(self, study_instance_uids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Name (PN) and ID of each study's patient, for lists of what belongs to studies."""
        wanted = set(study_instance_uids) - {""}
        if not wanted:
            return {}
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.study.c.study_instance_uid, t.study.c.patient_name, t.patient.c.patient_id)
                .join_from(t.study, t.patient, t.study.c.patient_fk == t.patient.c.id)
                .where(t.study.c.study_instance_uid.in_(wanted))
            )
            return {uid: (name, patient_id) for uid, name, patient_id in rows}

    def named_differently(self, study_instance_uids: Sequence[str]) -> frozenset[str]:
        """Those of which the patient's studies state different names, as far as the caller sees
        them; case and accents tell no names apart, and no name is none."""
        c = t.study.c
        asked = t.study.alias("asked")
        patients = select(asked.c.patient_fk).where(
            asked.c.study_instance_uid.in_(study_instance_uids)
        )
        several = (
            select(c.patient_fk)
            .where(c.patient_fk.in_(patients), c.patient_name_folded != "")
            .group_by(c.patient_fk)
            .having(func.min(c.patient_name_folded) != func.max(c.patient_name_folded))
        )
        of_them = select(asked.c.study_instance_uid).where(
            asked.c.study_instance_uid.in_(study_instance_uids), asked.c.patient_fk.in_(several)
        )
        with reading(self._engine) as connection:
            return frozenset(connection.execute(of_them).scalars())

    def study_count(self) -> int:
        with reading(self._engine) as connection:
            count = select(func.count()).select_from(t.study)
            return int(connection.execute(count).scalar_one())

    def series_of(self, study_instance_uid: str) -> list[Series]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select_series(t.study.c.study_instance_uid == study_instance_uid)
            )
            return [to_series(row) for row in rows.mappings()]

    def series_of_studies(self, study_instance_uids: list[str]) -> dict[str, list[Series]]:
        """The series of several studies at once, each study's in their order."""
        found: dict[str, list[Series]] = {uid: [] for uid in study_instance_uids}
        with reading(self._engine) as connection:
            rows = connection.execute(
                select_series(t.study.c.study_instance_uid.in_(study_instance_uids))
            )
            for row in rows.mappings():
                found[row["study_instance_uid"]].append(to_series(row))
        return found

    def series(self, study_instance_uid: str, series_instance_uid: str) -> Series:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(
                    select_series(
                        t.study.c.study_instance_uid == study_instance_uid,
                        t.series.c.series_instance_uid == series_instance_uid,
                    )
                )
                .mappings()
                .first()
            )
        if row is None:
            raise _not_found("series", series_instance_uid)
        return to_series(row)

    def series_named(self, series_instance_uid: str) -> list[Series]:
        """Series of that UID: one, unless two studies share it, which DICOM forbids."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select_series(t.series.c.series_instance_uid == series_instance_uid)
            )
            return [to_series(row) for row in rows.mappings()]

    def instances_of(
        self, study_instance_uid: str, series_instance_uid: str | None = None
    ) -> list[Instance]:
        """Ordered by series, instance number and UID."""
        statement = select_in_order(study_instance_uid, series_instance_uid)
        with reading(self._engine) as connection:
            return [to_instance(row) for row in connection.execute(statement).mappings()]

    def first_instance_of(
        self, study_instance_uid: str, series_instance_uid: str | None = None
    ) -> Instance:
        """The first of what `instances_of` would give. Raises NotFound."""
        (found,) = self.first_of_each([(study_instance_uid, series_instance_uid, None)])
        if found is None:
            raise _not_found("study", study_instance_uid)
        return found

    def first_of_each(
        self, wanted: Iterable[tuple[str, str | None, str | None]]
    ) -> list[Instance | None]:
        """See `storage.index.first_instances`."""
        return first_of_each(self._engine, wanted)

    def stored_instances_of(
        self, study_instance_uid: str, series_instance_uid: str | None = None
    ) -> list[Instance]:
        """With those that a rejection note hides."""
        conditions = [t.study.c.study_instance_uid == study_instance_uid]
        if series_instance_uid is not None:
            conditions.append(t.series.c.series_instance_uid == series_instance_uid)
        with reading(self._engine) as connection:
            rows = connection.execute(select_stored_instances(*conditions))
            return [to_instance(row) for row in rows.mappings()]

    def contents_of(
        self, study_instance_uid: str, series_instance_uid: str | None = None
    ) -> list[Content]:
        """What `instances_of` would give, in the same order, at a fraction of the time."""
        statement = select_in_order(study_instance_uid, series_instance_uid).with_only_columns(
            *(t.instance.c[name] for name in Content._fields if name in t.instance.c),
            t.study.c.patient_digest,
            maintain_column_froms=True,
        )
        with reading(self._engine) as connection:
            return [Content._make(row) for row in connection.execute(statement)]

    def instance(self, sop_instance_uid: str) -> Instance:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(INSTANCE_BY_UID, {"uid": sop_instance_uid}).mappings().first()
        if row is None:
            raise _not_found("instance", sop_instance_uid)
        return to_instance(row)

    def quiet_series(self, now: datetime, quiet_s: float, forced_s: float) -> list[Series]:
        """Received series in which nothing arrived for `quiet_s`, or that grow since `forced_s`."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select_series(
                    t.series.c.state == "RECEIVING",
                    or_(
                        t.series.c.last_instance_at <= now - timedelta(seconds=quiet_s),
                        # Since it was last complete, for a series that was opened again.
                        func.coalesce(t.series.c.completed_at, t.series.c.first_instance_at)
                        <= now - timedelta(seconds=forced_s),
                        # A clock that was set back would otherwise hold the series for ever.
                        t.series.c.last_instance_at > now + timedelta(seconds=quiet_s),
                    ),
                )
            )
            return [to_series(row) for row in rows.mappings()]

    def waits_for_bucket(self, series: Series) -> bool:
        """Whether an instance of the series is on the host alone that received it, which is about
        to copy it: not one whose bytes are damaged."""
        is_damaged = exists().where(
            t.damaged_instance.c.sop_instance_uid == t.instance.c.sop_instance_uid,
            t.damaged_instance.c.has_copy.is_(False),
        )
        with reading(self._engine) as connection:
            waiting = (
                select(t.instance.c.id)
                .join(t.series, t.series.c.id == t.instance.c.series_fk)
                .join(t.study, t.study.c.id == t.series.c.study_fk)
                .where(
                    t.NOT_UPLOADED,
                    ~is_damaged,
                    t.series.c.series_instance_uid == series.series_instance_uid,
                    t.study.c.study_instance_uid == series.study_instance_uid,
                )
            )
            return connection.execute(waiting.limit(1)).first() is not None

    def receiving(self) -> tuple[int, datetime | None]:
        """How many series arrive, and when the last instance of them did."""
        arriving = select(func.count(), func.max(t.series.c.last_instance_at)).where(
            t.series.c.state == "RECEIVING"
        )
        with reading(self._engine) as connection:
            count, last = connection.execute(arriving).one()
        return count, last

    def mark_complete(self, series: Series, now: datetime) -> Series | None:
        """Complete the series as it was read; None when an instance arrived meanwhile.

        Later studies of the patient may take it as a prior, also those that who asks may not see.
        """
        with as_node(), writing(self._engine) as connection:
            row = (
                connection.execute(
                    select_series(
                        t.study.c.study_instance_uid == series.study_instance_uid,
                        t.series.c.series_instance_uid == series.series_instance_uid,
                    )
                )
                .mappings()
                .one_or_none()
            )
            # Deleted meanwhile, or grown.
            if row is None or (
                row["state"] != "RECEIVING"
                or row["last_instance_at"] != series.last_instance_at
                or row["instance_count"] != series.instance_count
            ):
                return None
            connection.execute(
                update(t.series)
                .where(t.series.c.id == row["id"])
                .values(
                    state="COMPLETE",
                    completed_at=now,
                    fingerprint=_fingerprint(connection, row["id"]),
                    roles=None,
                )
            )
            add_event(
                connection,
                now,
                "study",
                series.study_instance_uid,
                payload=StudyEvent(
                    change="series_complete", series_instance_uid=series.series_instance_uid
                ),
            )
            want_notified(connection, "ian", series.study_instance_uid, now)
            if row["origin"] == "received":
                mark_later_studies(connection, series.study_instance_uid, row["modality"], now)
            completed = connection.execute(select_series(t.series.c.id == row["id"]))
            return to_series(completed.mappings().one())


def _fingerprint(connection: Connection, series_id: int) -> str:
    digest = hashlib.sha256()
    for uid, kept in connection.execute(
        select(t.instance.c.sop_instance_uid, t.instance.c.digest)
        .where(t.instance.c.series_fk == series_id, ~t.instance.c.is_rejected)
        .order_by(t.instance.c.sop_instance_uid)
    ):
        digest.update(f"{uid} {kept}\n".encode())
    return digest.hexdigest()


def _not_found(what: str, uid: str) -> NotFound:
    return NotFound(
        f"The node holds no {what} {uid}.",
        remedy="Check the UID, or send the instances to this node.",
    )
