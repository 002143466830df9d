"""Which order an accession number names, for who orders under it.

Numbers run in sequence, and each site gives out its own. So the order that somebody means is of
those that this one may see: of its own groups, of the systems that see everything, or of the very
patient. What others have ordered under the number beforehand is no claim to it. A number that
another has issued is another (`AccessionIssuer`); `patient` also has who issued this one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, case, exists, select

from storage import tables as t
from storage.access_groups.orders import is_callers, is_callers_order
from storage.core.accession_issuers import AccessionIssuer, issuer_in
from storage.core.callers.visibility import as_node, current_visibility
from storage.db.engine import reading
from storage.index.accession_issuers import may_be_issued_by
from storage.worklist.entities import WorklistItem
from storage.worklist.patients import are_of_two_patients, is_same_id

_OF_ONE_NUMBER = 100


def order_meant(
    connection: Connection, accession_number: str, patient: Mapping[str, Any]
) -> WorklistItem | None:
    """The order in any state that who orders now for this patient means by the number.

    Its patient's before others', then its own, then those of who sees everything; of these the
    newest. None where the number names only other patients' orders that are not its own.
    """
    found = [
        one
        for one in _of_number(connection, accession_number, issuer_in(patient))
        if is_callers(one.orderer_groups) or not are_of_two_patients(one.attributes, patient)
    ]
    return min(found, key=lambda one: _rank(one, patient), default=None)


def is_number_taken(
    connection: Connection,
    accession_number: str,
    patient: Mapping[str, Any],
    apart_from: str = "",
) -> bool:
    """Whether an order of this patient would be a second one of the caller's, or of the systems
    that see everything; `apart_from` is this order itself, where it is there already."""
    return any(
        one.worklist_item_id != apart_from
        and (
            is_callers(one.orderer_groups)
            or (one.orderer_groups is None and not are_of_two_patients(one.attributes, patient))
        )
        for one in _of_number(connection, accession_number, issuer_in(patient))
    )


def has_undecided(engine: Engine, accession_number: str, issuer: AccessionIssuer) -> bool:
    """Whether the caller has an order of that number that no rule has decided on, which it does
    not see until then."""
    if current_visibility() is None:
        return False
    item, group = t.worklist_item.c, t.study_group.c
    undecided = (
        select(item.worklist_item_id)
        .where(
            item.accession_number == accession_number,
            may_be_issued_by(t.worklist_item, issuer),
            is_callers_order(item.orderer_groups),
            ~exists().where(group.study_instance_uid == item.study_instance_uid),
        )
        .limit(1)
    )
    with as_node(), reading(engine) as connection:
        return connection.execute(undecided).first() is not None


def _of_number(
    connection: Connection, accession_number: str, issuer: AccessionIssuer
) -> Sequence[WorklistItem]:
    """Those that the caller sees; its own first, so that no others keep them from being found."""
    item = t.worklist_item.c
    rows = connection.execute(
        select(t.worklist_item)
        .where(item.accession_number == accession_number, may_be_issued_by(t.worklist_item, issuer))
        .order_by(
            case((is_callers_order(item.orderer_groups), 0), else_=1),
            item.orderer_groups.is_not(None),
            item.created_at.desc(),
        )
        .limit(_OF_ONE_NUMBER)
    ).mappings()
    return [WorklistItem(**row) for row in rows]


def _rank(item: WorklistItem, patient: Mapping[str, Any]) -> tuple[bool | float, ...]:
    return (
        are_of_two_patients(item.attributes, patient),
        not is_callers(item.orderer_groups),
        item.orderer_groups is not None,
        not is_same_id(item.attributes, patient),
        issuer_in(patient).distance(item.accession_issuer),
        -item.created_at.timestamp(),
    )
