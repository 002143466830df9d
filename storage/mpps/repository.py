"""Performed procedure steps and availability notices, as modalities and archives sent them."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Engine, Text, cast, delete, insert, select, update

from storage import tables as t
from storage.core.callers.one_at_a_time import OneAtATime
from storage.core.callers.visibility import as_node, current_visibility
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, StateConflict, UidConflict
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.json_text import JsonText, to_json
from storage.index.expected_instances import announce
from storage.mpps.kept import let_notices_go, let_steps_go, notices_to_let_go, steps_to_let_go
from storage.mpps.senders import Sender, may_go_on, reached_studies
from storage.mpps.step_text import announced_bytes, encoded, undecoded
from storage.peers.notifications import want_notified
from storage.worklist.entities import WorklistState
from storage.worklist.performed_steps import follow_step

ProcedureStepState = Literal["IN PROGRESS", "COMPLETED", "DISCONTINUED"]
_WORKLIST_STATES: dict[ProcedureStepState, WorklistState] = {
    "IN PROGRESS": "IN PROGRESS",
    "COMPLETED": "COMPLETED",
    # What was broken off is still to be done, unless an integrator cancels it.
    "DISCONTINUED": "SCHEDULED",
}
PROCEDURE_STEP_STATES: tuple[ProcedureStepState, ...] = get_args(ProcedureStepState)


@dataclass(frozen=True)
class ProcedureStep:
    """A Modality Performed Procedure Step. `attributes`: its data set in DICOM JSON.

    `identity_id`: the peer that began it, None where an earlier version noted its title alone.
    """

    sop_instance_uid: str
    state: ProcedureStepState
    calling_ae_title: str
    attributes: dict[str, Any]
    identity_id: str | None
    size_bytes: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class AvailabilityNotice:
    """An Instance Availability Notification. `attributes`: its data set in DICOM JSON."""

    sop_instance_uid: str
    calling_ae_title: str
    study_instance_uid: str
    attributes: dict[str, Any]
    identity_id: str | None
    size_bytes: int
    received_at: datetime


class StepEnded(InvalidRequest):
    """A procedure step is COMPLETED or DISCONTINUED and does not change any more."""

    code = "procedure_step_ended"


class StepChanged(StateConflict):
    """Another message changed the procedure step since its attributes were read."""


class ProcedureSteps:
    """What access groups keep a sender from is in `storage.mpps.senders`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._one_at_a_time = OneAtATime()

    def create(
        self,
        sop_instance_uid: str,
        sender: Sender,
        attributes: Mapping[str, Any],
        study_instance_uids: Collection[str],
        expected: Mapping[str, Collection[str]],
    ) -> ProcedureStep:
        """A step of these studies begins, and so do their orders.

        `expected` are the instances of each series that the step has named so far. Raises
        UidConflict when there is one under that UID, LimitExceeded (`storage.mpps.kept`).
        """
        now = utcnow()
        reached = self._announced_studies(sender, study_instance_uids)
        text = encoded(attributes)
        size_bytes = announced_bytes(text, len(study_instance_uids))
        let_go = steps_to_let_go(self._engine, sender, size_bytes)
        with as_node(), writing(self._engine) as connection:
            let_steps_go(connection, let_go)
            created = insert_or_ignore(
                connection,
                t.procedure_step,
                {
                    "sop_instance_uid": sop_instance_uid,
                    "state": "IN PROGRESS",
                    "calling_ae_title": sender.ae_title,
                    "attributes": text,
                    "identity_id": sender.identity_id or None,
                    "size_bytes": size_bytes,
                    "created_at": now,
                    "updated_at": now,
                },
            )
            if not created:
                raise UidConflict(
                    f"There is a performed procedure step {sop_instance_uid} already.",
                    remedy="Change it by N-SET, or create another one.",
                )
            announce(
                connection,
                f"mpps:{sop_instance_uid}",
                {} if reached is None else expected,
                reached or (),
                is_final=False,
            )
            follow_step(connection, reached or (), "IN PROGRESS")
            want_notified(connection, "mpps", sop_instance_uid, now, but_not=(sender.ae_title,))
        return self.get(sop_instance_uid)

    def change(
        self,
        sop_instance_uid: str,
        sender: Sender,
        state: ProcedureStepState,
        attributes: Mapping[str, Any],
        study_instance_uids: Collection[str],
        expected: Mapping[str, Collection[str]] | None,
        known: ProcedureStep | None = None,
    ) -> ProcedureStep:
        """Keep a step's new state and attributes, and let the orders of its studies follow.

        `expected`: None where the message leaves it as it is. `known`: the step before, as
        `of_sender` gave it, from which the new attributes were made; series that were undecoded
        may be so still. Raises NotFound, StepEnded, and StepChanged where it is another by now.

        A discontinued step promises nothing: what it named may never be sent.
        """
        before = known or self.of_sender(sop_instance_uid, sender)
        if before.state != "IN PROGRESS":
            raise _ended(before)
        reached = self._announced_studies(sender, study_instance_uids)
        # All that takes long is done before the transaction, for which others wait.
        text = encoded(attributes)
        size_bytes = announced_bytes(text, len(study_instance_uids))
        let_go: list[str] = []
        if size_bytes > before.size_bytes:
            owner = Sender(before.identity_id or "", before.calling_ae_title)
            more_bytes = size_bytes - before.size_bytes
            let_go = steps_to_let_go(self._engine, owner, more_bytes, grows=True)
        now = utcnow()
        # It tells one state of the step from another, whatever the clock does.
        updated_at = max(now, before.updated_at + timedelta(microseconds=1))
        row = t.procedure_step.c
        is_it = row.sop_instance_uid == sop_instance_uid
        with as_node(), writing(self._engine) as connection:
            let_steps_go(connection, let_go)
            changed = connection.execute(
                update(t.procedure_step)
                .where(
                    is_it,
                    row.state == "IN PROGRESS",
                    *([] if known is None else [row.updated_at == known.updated_at]),
                )
                .values(state=state, attributes=text, size_bytes=size_bytes, updated_at=updated_at)
            ).rowcount
            if changed:
                if expected is not None or state == "DISCONTINUED":
                    announce(
                        connection,
                        f"mpps:{sop_instance_uid}",
                        {} if state == "DISCONTINUED" or reached is None else expected or {},
                        reached or (),
                        is_final=state == "COMPLETED",
                    )
                follow_step(connection, reached or (), _WORKLIST_STATES[state])
                want_notified(connection, "mpps", sop_instance_uid, now, but_not=(sender.ae_title,))
        if changed:
            return replace(
                before,
                state=state,
                attributes=dict(attributes),
                size_bytes=size_bytes,
                updated_at=updated_at,
            )
        step = self.get(sop_instance_uid)
        if step.state != "IN PROGRESS":
            raise _ended(step)
        raise StepChanged(
            f"The performed procedure step {sop_instance_uid} was changed meanwhile.",
            remedy="Send the change again.",
        )

    def alone(self, sender: Sender) -> AbstractContextManager[None]:
        """The messages of one peer are worked on one after the other. Raises LimitExceeded."""
        return self._one_at_a_time.of(sender)

    def of_sender(self, sop_instance_uid: str, sender: Sender) -> ProcedureStep:
        """The step that the sender may go on with, its series undecoded (`step_text`).

        Raises NotFound, in the same words for a step of other groups.
        """
        row = t.procedure_step.c
        others = [column for column in row if column is not row.attributes]
        step = self._get(sop_instance_uid, *others, cast(row.attributes, Text).label("attributes"))
        step = replace(step, attributes=undecoded(str(step.attributes)))
        visibility = current_visibility()
        with as_node(), reading(self._engine) as connection:
            owner = step.identity_id, step.calling_ae_title
            if not may_go_on(connection, visibility, sender, *owner):
                raise _no_step(sop_instance_uid)
        return step

    def reached_studies(self, sender: Sender, study_instance_uids: Collection[str]) -> set[str]:
        """The studies whose orders follow what the sender performs."""
        visibility = current_visibility()
        with as_node():
            return reached_studies(self._engine, visibility, sender, study_instance_uids)

    def get(self, sop_instance_uid: str) -> ProcedureStep:
        """Raises NotFound."""
        return self._get(sop_instance_uid, *t.procedure_step.c)

    def _get(self, sop_instance_uid: str, *columns: ColumnElement[Any]) -> ProcedureStep:
        query = select(*columns).where(t.procedure_step.c.sop_instance_uid == sop_instance_uid)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise _no_step(sop_instance_uid)
        return ProcedureStep(**row)

    def notify(
        self,
        sop_instance_uid: str,
        sender: Sender,
        study_instance_uid: str,
        attributes: Mapping[str, Any],
        expected: Mapping[str, Collection[str]],
    ) -> None:
        """Keep one; it replaces itself. Raises UidConflict for one of other groups of that UID."""
        visibility = current_visibility()
        reached = self._announced_studies(sender, [study_instance_uid])
        text = JsonText(to_json(dict(attributes)))
        notice = t.availability_notice.c
        size_bytes = 2 * len(text)
        let_go = notices_to_let_go(self._engine, sender, size_bytes)
        with as_node(), writing(self._engine) as connection:
            let_notices_go(connection, let_go)
            earlier = connection.execute(
                delete(t.availability_notice)
                .where(notice.sop_instance_uid == sop_instance_uid)
                .returning(notice.identity_id, notice.calling_ae_title)
            ).first()
            if earlier is not None and not may_go_on(connection, visibility, sender, *earlier):
                raise UidConflict(
                    f"There is an availability notice {sop_instance_uid} already.",
                    remedy="Send another one under a UID of its own.",
                )
            connection.execute(
                insert(t.availability_notice).values(
                    sop_instance_uid=sop_instance_uid,
                    calling_ae_title=sender.ae_title,
                    study_instance_uid=study_instance_uid,
                    attributes=text,
                    identity_id=sender.identity_id or None,
                    size_bytes=size_bytes,
                    received_at=utcnow(),
                )
            )
            announce(
                connection,
                f"ian:{sop_instance_uid}",
                {} if reached is None else expected,
                reached or (),
                is_final=True,
            )

    def notices_of(self, study_instance_uid: str) -> list[AvailabilityNotice]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.availability_notice)
                .where(t.availability_notice.c.study_instance_uid == study_instance_uid)
                .order_by(t.availability_notice.c.received_at)
            )
            return [AvailabilityNotice(**row) for row in rows.mappings()]

    def _announced_studies(
        self, sender: Sender, study_instance_uids: Collection[str]
    ) -> Collection[str] | None:
        """The studies of which the sender may announce series; None where there are none."""
        if current_visibility() is None:
            return study_instance_uids
        return self.reached_studies(sender, study_instance_uids) or None


def _ended(step: ProcedureStep) -> StepEnded:
    return StepEnded(
        f"The performed procedure step {step.sop_instance_uid} is {step.state}.",
        remedy="A step that has ended may no longer be updated (PS3.4 F.7.2.2.2).",
    )


def _no_step(sop_instance_uid: str) -> NotFound:
    return NotFound(
        f"There is no performed procedure step {sop_instance_uid}.",
        remedy="Create it by N-CREATE first.",
    )
