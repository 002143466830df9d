"""Workitems that a pipeline of this node performs: claimed, followed and ended by it."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import Engine, and_, or_, select

from storage import tables as t
from storage.access_groups.orders import may_orderer_see
from storage.core.entities import OPEN_STATES
from storage.db.engine import reading
from storage.ups.dicom_json import JsonAttributes, attributes_of
from storage.ups.events import progress_report, state_report
from storage.ups.job_mapping import UNSPECIFIED
from storage.ups.rows import Edit, Workitem, canceled, edit_item, to_workitem
from storage.ups.validation import check_final, with_progress


class PerformedItems:
    """Every method gives None where the item is no longer the node's to change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, limit: int, after: Workitem | None = None) -> list[Workitem]:
        """Items that the node is to perform or performs, the oldest first.

        `after`: go on behind this one.
        """
        query = select(t.work_item).where(
            t.work_item.c.state.in_(OPEN_STATES), t.work_item.c.performer != ""
        )
        if after is not None:
            query = query.where(
                or_(
                    t.work_item.c.created_at > after.created_at,
                    and_(
                        t.work_item.c.created_at == after.created_at,
                        t.work_item.c.sop_instance_uid > after.sop_instance_uid,
                    ),
                )
            )
        ordered = query.order_by(t.work_item.c.created_at, t.work_item.c.sop_instance_uid)
        with reading(self._engine) as connection:
            rows = connection.execute(ordered.limit(limit))
            return [to_workitem(dict(row)) for row in rows.mappings()]

    def may_use(self, item: Workitem, study_instance_uids: Collection[str]) -> bool:
        """Whether who asks for it may see these studies, which are here."""
        return may_orderer_see(self._engine, item.orderer_groups, study_instance_uids)

    def claim(self, uid: str, transaction_uid: str, job_ids: Sequence[str]) -> Workitem | None:
        """Begin what was asked for."""

        def decide(item: Workitem, now: datetime) -> Edit:
            attributes = item.attributes | attributes_of(ProcedureStepState="IN PROGRESS")
            values = {
                "state": "IN PROGRESS",
                "transaction_uid": transaction_uid,
                "job_ids": list(job_ids),
                "attributes": attributes,
            }
            return Edit(values, [state_report(attributes)])

        return self._edit(uid, lambda item: item.state == "SCHEDULED", decide)

    def use_jobs(self, uid: str, job_ids: Sequence[str]) -> Workitem | None:
        """Other jobs take the place of those that a late instance made void."""
        return self._edit(uid, _is_claimed, lambda _item, _now: Edit({"job_ids": list(job_ids)}))

    def progress(
        self, uid: str, progress: JsonAttributes, performed: Sequence[JsonAttributes]
    ) -> Workitem | None:
        """Say how far the node is; saying the same again changes nothing."""

        def decide(item: Workitem, now: datetime) -> Edit:
            attributes = _after(item, progress, performed)
            if attributes == item.attributes:
                return Edit()
            return Edit({"attributes": attributes}, [progress_report(attributes)])

        return self._edit(uid, _is_claimed, decide)

    def complete(
        self, uid: str, progress: JsonAttributes, performed: Sequence[JsonAttributes]
    ) -> Workitem | None:
        """It is done, and `performed` says what came of it."""

        def decide(item: Workitem, now: datetime) -> Edit:
            attributes = _after(item, progress, performed)
            attributes |= attributes_of(ProcedureStepState="COMPLETED")
            check_final(attributes, "COMPLETED")
            return Edit(
                {"state": "COMPLETED", "attributes": attributes}, [state_report(attributes)]
            )

        return self._edit(uid, _is_claimed, decide)

    def refuse(
        self, uid: str, reason: str, code: tuple[str, str, str] = UNSPECIFIED
    ) -> Workitem | None:
        """It cannot be done, and `reason` says why."""
        return self._edit(
            uid,
            lambda item: item.state in OPEN_STATES,
            lambda item, now: canceled(item, reason, now, code=code),
        )

    def _edit(
        self,
        uid: str,
        holds: Callable[[Workitem], bool],
        decide: Callable[[Workitem, datetime], Edit],
    ) -> Workitem | None:
        held = False

        def checked(item: Workitem, now: datetime) -> Edit:
            nonlocal held
            held = bool(item.performer) and holds(item)
            return decide(item, now) if held else Edit()

        edited = edit_item(self._engine, uid, checked)
        return edited if held else None


def _is_claimed(item: Workitem) -> bool:
    return item.state == "IN PROGRESS"


def _after(
    item: Workitem, progress: JsonAttributes, performed: Sequence[JsonAttributes]
) -> JsonAttributes:
    return with_progress(item.attributes, progress) | attributes_of(
        UnifiedProcedureStepPerformedProcedureSequence=list(performed)
    )
