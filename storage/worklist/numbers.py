"""Whether somebody may order under an accession number."""

from sqlalchemy import Engine, select

from storage import tables as t
from storage.access_groups.visibility import unseen
from storage.core.callers.visibility import as_node, current_visibility
from storage.core.errors import NotPermitted
from storage.db.engine import reading
from storage.worklist.entities import OPEN_STATES


def check_may_use_number(engine: Engine, accession_number: str) -> None:
    """Raises NotPermitted where an order of other groups has it that is still to be done.

    A second one of that number would be taken for it: what its system changes or cancels next
    would be the other.
    """
    visibility = current_visibility()
    if visibility is None or not accession_number:
        return
    item = t.worklist_item.c
    with as_node(), reading(engine) as connection:
        uids = connection.scalars(
            select(item.study_instance_uid).where(
                item.accession_number == accession_number, item.state.in_(OPEN_STATES)
            )
        ).all()
    with as_node():
        hidden = unseen(engine, visibility, uids)
    if hidden:
        raise NotPermitted(
            "An order under that accession number is there that you may not change.",
            remedy="Check the number, or ask an administrator for access to the order.",
        )
