"""How items follow the steps that modalities perform."""

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.worklist.entities import OPEN_STATES, WorklistState


def follow_step(
    connection: Connection, study_instance_uids: Collection[str], state: WorklistState
) -> int:
    """Follow a performed procedure step; how many open items of these studies changed.

    An item of several steps stays in progress when one of them is completed: which
    one it was is not always stated, and an integrator knows when all are.
    """
    if not study_instance_uids:
        return 0
    rows = connection.execute(
        select(t.worklist_item).where(
            t.worklist_item.c.study_instance_uid.in_(study_instance_uids),
            t.worklist_item.c.state.in_(OPEN_STATES),
            t.worklist_item.c.state != state,
        )
    )
    ids = [
        row["worklist_item_id"]
        for row in rows.mappings().all()
        if state != "COMPLETED"
        or len(row["attributes"].get("ScheduledProcedureStepSequence", [])) <= 1
    ]
    connection.execute(
        update(t.worklist_item)
        .where(t.worklist_item.c.worklist_item_id.in_(ids))
        .values(state=state, updated_at=utcnow())
    )
    return len(ids)
