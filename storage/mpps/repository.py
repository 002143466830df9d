"""Performed procedure steps and availability notices, as modalities and archives sent them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Engine, delete, insert, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, UidConflict
from storage.db.engine import insert_or_ignore, reading, writing
from storage.index.expected_instances import announce

ProcedureStepState = Literal["IN PROGRESS", "COMPLETED", "DISCONTINUED"]
PROCEDURE_STEP_STATES: tuple[ProcedureStepState, ...] = get_args(ProcedureStepState)


@dataclass(frozen=True)
class ProcedureStep:
    """A Modality Performed Procedure Step. `attributes`: its data set in DICOM JSON."""

    sop_instance_uid: str
    state: ProcedureStepState
    calling_ae_title: str
    attributes: dict[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class AvailabilityNotice:
    """An Instance Availability Notification. `attributes`: its data set in DICOM JSON."""

    sop_instance_uid: str
    calling_ae_title: str
    study_instance_uid: str
    attributes: dict[str, Any]
    received_at: datetime


class StepEnded(InvalidRequest):
    """A procedure step is COMPLETED or DISCONTINUED and does not change any more."""

    code = "procedure_step_ended"


class ProcedureSteps:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self,
        sop_instance_uid: str,
        calling_ae_title: str,
        attributes: Mapping[str, Any],
        expected: Mapping[str, Collection[str]],
    ) -> ProcedureStep:
        """A step begins. Raises UidConflict when there is one under that UID.

        `expected` are the instances of each series that the step has named so far.
        """
        now = utcnow()
        with writing(self._engine) as connection:
            created = insert_or_ignore(
                connection,
                t.procedure_step,
                {
                    "sop_instance_uid": sop_instance_uid,
                    "state": "IN PROGRESS",
                    "calling_ae_title": calling_ae_title,
                    "attributes": dict(attributes),
                    "created_at": now,
                    "updated_at": now,
                },
            )
            if not created:
                raise UidConflict(
                    f"There is a performed procedure step {sop_instance_uid} already.",
                    remedy="Change it by N-SET, or create another one under a UID of its own.",
                )
            announce(connection, f"mpps:{sop_instance_uid}", expected, is_final=False)
        return self.get(sop_instance_uid)

    def change(
        self,
        sop_instance_uid: str,
        state: ProcedureStepState,
        attributes: Mapping[str, Any],
        expected: Mapping[str, Collection[str]],
    ) -> ProcedureStep:
        """Keep a step's new state and attributes. Raises NotFound, StepEnded.

        A discontinued step promises nothing: what it named may never be sent.
        """
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(t.procedure_step)
                .where(
                    t.procedure_step.c.sop_instance_uid == sop_instance_uid,
                    t.procedure_step.c.state == "IN PROGRESS",
                )
                .values(state=state, attributes=dict(attributes), updated_at=utcnow())
                .returning(t.procedure_step.c.sop_instance_uid)
            ).first()
            if changed is not None:
                announce(
                    connection,
                    f"mpps:{sop_instance_uid}",
                    {} if state == "DISCONTINUED" else expected,
                    is_final=state == "COMPLETED",
                )
        step = self.get(sop_instance_uid)
        if changed is None:
            raise StepEnded(
                f"The performed procedure step {sop_instance_uid} is {step.state}.",
                remedy="A step that has ended may no longer be updated (PS3.4 F.7.2.2.2).",
            )
        return step

    def get(self, sop_instance_uid: str) -> ProcedureStep:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(
                    select(t.procedure_step).where(
                        t.procedure_step.c.sop_instance_uid == sop_instance_uid
                    )
                )
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(
                f"There is no performed procedure step {sop_instance_uid}.",
                remedy="Create it by N-CREATE first.",
            )
        return ProcedureStep(**row)

    def notify(
        self,
        sop_instance_uid: str,
        calling_ae_title: str,
        study_instance_uid: str,
        attributes: Mapping[str, Any],
        expected: Mapping[str, Collection[str]],
    ) -> None:
        """Keep an availability notice; one that comes again replaces itself."""
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.availability_notice).where(
                    t.availability_notice.c.sop_instance_uid == sop_instance_uid
                )
            )
            connection.execute(
                insert(t.availability_notice).values(
                    sop_instance_uid=sop_instance_uid,
                    calling_ae_title=calling_ae_title,
                    study_instance_uid=study_instance_uid,
                    attributes=dict(attributes),
                    received_at=utcnow(),
                )
            )
            announce(connection, f"ian:{sop_instance_uid}", expected, is_final=True)

    def notices_of(self, study_instance_uid: str) -> list[AvailabilityNotice]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.availability_notice)
                .where(t.availability_notice.c.study_instance_uid == study_instance_uid)
                .order_by(t.availability_notice.c.received_at)
            )
            return [AvailabilityNotice(**row) for row in rows.mappings()]
