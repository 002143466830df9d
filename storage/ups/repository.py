"""Workitems that others have created: claimed, updated and ended by the rules of PS3.4 CC.

Jobs of the node are workitems too, without a row here (`storage.ups.job_mapping`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from storage.access_groups.orders import orderer_groups
from storage.access_groups.visibility import check_may_name
from storage.core.callers.shares import current_caller
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.core.entities import ENDED_STATES
from storage.core.errors import NotFound, UidConflict
from storage.core.uids import new_uid
from storage.db.engine import reading, writing
from storage.ups.adding import add_item
from storage.ups.dicom_json import JsonAttributes, attributes_of, text_of
from storage.ups.events import cancel_requested, of_update, state_report
from storage.ups.refusals import Cause, WorkitemRefused
from storage.ups.room import check_room
from storage.ups.rows import (
    Edit,
    Workitem,
    canceled,
    edit_item,
    missing_item,
    read_item,
)
from storage.ups.validation import (
    WorkitemState,
    check_final,
    check_uid_given,
    created,
    performer_of,
    studies_of,
    study_of,
    updated,
)


class Workitems:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, uid: str, given: Mapping[str, Any]) -> tuple[Workitem, bool]:
        """A new item, and whether the node had to add attributes.

        Raises InvalidRequest for what a creator must give, UidConflict for a UID that is taken,
        NotPermitted for a study that the caller does not see.
        """
        now = utcnow()
        uid = check_uid_given(uid, "SOPInstanceUID") if uid else new_uid()
        attributes, modified = created(uid, given, now)
        check_may_name(self._engine, studies_of(attributes))
        created_by = current_caller()
        check_room(self._engine, created_by)
        with writing(self._engine) as connection:
            made_by = {"created_by": created_by, "orderer_groups": orderer_groups()}
            if not add_item(connection, uid, attributes, now, **made_by):
                raise UidConflict(
                    f"There is a workitem {uid} already.",
                    remedy="Create it under a UID of its own, or leave the UID to the node.",
                )
        # Who made it need not see it: its study may not be here yet.
        with as_node():
            return self.get(uid), modified

    def find(self, uid: str) -> Workitem | None:
        with reading(self._engine) as connection:
            return read_item(connection, uid)

    def get(self, uid: str) -> Workitem:
        """Raises NotFound."""
        found = self.find(uid)
        if found is None:
            raise self.missing(uid)
        return found

    def missing(self, uid: str) -> NotFound:
        """What to raise of an item that is not there: Gone, where it was."""
        with reading(self._engine) as connection:
            return missing_item(connection, uid)

    def update(self, uid: str, transaction_uid: str, given: Mapping[str, Any]) -> Workitem:
        """Change attributes (PS3.18 11.6).

        Raises NotFound, WorkitemRefused, InvalidRequest, NotPermitted for a study that the caller
        does not see.
        """

        check_may_name(self._engine, studies_of(given))

        def edit(item: Workitem, now: datetime) -> Edit:
            if item.state in ENDED_STATES:
                raise WorkitemRefused(
                    "The submitted request is inconsistent with the current state of the Workitem.",
                    f"The workitem is {item.state} and does not change any more.",
                    "ended",
                    status=400,
                    remedy="Only what is SCHEDULED or IN PROGRESS is changed; create another one.",
                )
            if item.state == "SCHEDULED" and transaction_uid:
                raise WorkitemRefused(
                    "The target URI did not reference a claimed Workitem.",
                    "Nobody has claimed the workitem, and the request names a claim.",
                    "not in progress",
                    remedy="Leave the Transaction UID out, or claim the item first.",
                )
            _check_owner(item, transaction_uid, claimed=item.state == "IN PROGRESS")
            attributes = updated(item.attributes, given, item.state, now)
            values: dict[str, Any] = {"attributes": attributes}
            if item.state == "SCHEDULED":
                values |= {
                    "performer": performer_of(attributes),
                    "study_instance_uid": study_of(attributes),
                }
                if (groups := orderer_groups()) is not None:
                    values["orderer_groups"] = groups
            return Edit(values, of_update(item.attributes, attributes))

        return edit_item(self._engine, uid, edit)

    def change_state(
        self, uid: str, state: WorkitemState, transaction_uid: str, *, outside: bool = True
    ) -> tuple[Workitem, bool]:
        """Claim, complete or cancel an item (PS3.4 Table CC.1.1-2).

        Also whether it was in that final state already, which is no error. Raises
        NotFound, WorkitemRefused. `outside`: another performer than this node asks.
        """
        already = False

        def edit(item: Workitem, now: datetime) -> Edit:
            nonlocal already
            if not transaction_uid:
                raise _missing_transaction()
            if item.state in ENDED_STATES and item.state == state:
                # One that was cancelled before anybody claimed it is nobody's.
                _check_owner(item, transaction_uid, claimed=bool(item.transaction_uid))
                already = True
                return Edit()
            if state == "SCHEDULED" or item.state in ENDED_STATES or item.state == state:
                raise _inconsistent(
                    f"The workitem is {item.state} and cannot become {state}.",
                    _cause(item, state, transaction_uid),
                )
            if state == "IN PROGRESS":
                if outside and item.performer:
                    raise _inconsistent(
                        f"The workitem asks for {item.performer}, which this node performs.",
                        "performed here",
                        "Request its cancellation, or create one for another performer.",
                    )
                check_uid_given(transaction_uid, "TransactionUID")
                values = {"transaction_uid": transaction_uid}
                attributes = item.attributes
            else:
                if item.state == "SCHEDULED":
                    raise _inconsistent(
                        "The workitem is SCHEDULED: it ends after somebody has claimed it.",
                        "not in progress",
                    )
                _check_owner(item, transaction_uid, claimed=True)
                check_final(item.attributes, state)
                values, attributes = {}, item.attributes
            attributes = attributes | attributes_of(ProcedureStepState=state)
            return Edit(
                {**values, "state": state, "attributes": attributes}, [state_report(attributes)]
            )

        return edit_item(self._engine, uid, edit), already

    def request_cancel(self, uid: str, requested_by: str, details: JsonAttributes) -> bool:
        """Cancel what nobody has claimed or the node performs, else ask its performer.

        Whether it was CANCELED already (PS3.4 CC.2.2.3). Raises NotFound, WorkitemRefused.
        """
        already = False

        def edit(item: Workitem, now: datetime) -> Edit:
            nonlocal already
            if item.state == "CANCELED":
                already = True
                return Edit()
            if item.state == "COMPLETED":
                raise WorkitemRefused(
                    "The UPS is already COMPLETED.",
                    "The workitem is COMPLETED: it stays so.",
                    "completed",
                    remedy="What has ended is not cancelled; nothing is to be done.",
                )
            if item.state == "IN PROGRESS" and not item.performer:
                return Edit({}, [cancel_requested(requested_by, details)])
            return canceled(item, text_of(details, "ReasonForCancellation"), now, details)

        edit_item(self._engine, uid, edit)
        return already


def _check_owner(item: Workitem, transaction_uid: str, *, claimed: bool) -> None:
    if not claimed:
        return
    if not transaction_uid:
        raise _missing_transaction()
    if transaction_uid != item.transaction_uid:
        raise WorkitemRefused(
            "The Transaction UID is incorrect.",
            "The Transaction UID is not the one that the item was claimed with.",
            "transaction",
            remedy="Only who claimed it may change it; others may request its cancellation.",
            status=400,
        )


def _missing_transaction() -> WorkitemRefused:
    return WorkitemRefused(
        "The Transaction UID is missing.",
        "The request names no Transaction UID.",
        "transaction",
        remedy="Make one when you claim the item, and give it each time (PS3.18 11.7.1.4).",
        status=400,
    )


def _cause(item: Workitem, state: WorkitemState, transaction_uid: str) -> Cause:
    """By PS3.4 Table CC.1.1-2, which first compares the Transaction UID with that of the claim."""
    if state == "SCHEDULED":
        return "never scheduled"
    if transaction_uid != item.transaction_uid:
        return "transaction"
    return "ended" if item.state in ENDED_STATES else "in progress"


def _inconsistent(message: str, cause: Cause, remedy: str = "") -> WorkitemRefused:
    return WorkitemRefused(
        "The submitted request is inconsistent with the state of the UPS Instance.",
        message,
        cause,
        remedy=remedy or "GET the item to see its state (PS3.4 Table CC.1.1-2).",
    )
