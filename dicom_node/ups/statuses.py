"""The status codes of workitems (PS3.4 Tables CC.2.1-2, CC.2.2-2, CC.2.3-3, CC.2.5-4, CC.2.6-1)."""

from dicom_node.normalized.requests import (
    MISSING_ATTRIBUTE,
    MISSING_ATTRIBUTE_VALUE,
    NOT_AUTHORIZED,
)
from storage.core.errors import MediViewError, NotFound
from storage.ups.refusals import Cause, MissingValue, NotScheduled, WorkitemRefused

OPTIONAL_NOT_SUPPORTED = 0x0001
CREATED_WITH_MODIFICATIONS = 0xB300
ALREADY_CANCELED = 0xB304
ALREADY_COMPLETED = 0xB306
NO_LONGER_UPDATED = 0xC300
WRONG_TRANSACTION_UID = 0xC301
ALREADY_IN_PROGRESS = 0xC302
ONLY_CREATED_SCHEDULED = 0xC303
FINAL_STATE_NOT_MET = 0xC304
NO_SUCH_WORKITEM = 0xC307
RECEIVER_UNKNOWN = 0xC308
NOT_CREATED_SCHEDULED = 0xC309
NOT_IN_PROGRESS = 0xC310
COMPLETED = 0xC311
PERFORMER_OUT_OF_REACH = 0xC312
PERFORMER_DECLINES = 0xC313
ACTION_NOT_APPROPRIATE = 0xC314

_OF_CAUSE: dict[Cause, int] = {
    "ended": NO_LONGER_UPDATED,
    "transaction": WRONG_TRANSACTION_UID,
    "in progress": ALREADY_IN_PROGRESS,
    "never scheduled": ONLY_CREATED_SCHEDULED,
    "final state": FINAL_STATE_NOT_MET,
    "not in progress": NOT_IN_PROGRESS,
    "completed": COMPLETED,
    "unreachable": PERFORMER_OUT_OF_REACH,
    "declined": PERFORMER_DECLINES,
    # PS3.4 has no code of its own: nobody but this node is to perform it.
    "performed here": NOT_AUTHORIZED,
}


def workitem_status(error: MediViewError) -> int | None:
    """The status of what is refused of a workitem; None where the general ones say it."""
    if isinstance(error, WorkitemRefused):
        return _OF_CAUSE[error.cause]
    if isinstance(error, NotFound):
        return NO_SUCH_WORKITEM
    if isinstance(error, NotScheduled):
        return NOT_CREATED_SCHEDULED
    if isinstance(error, MissingValue):
        return MISSING_ATTRIBUTE_VALUE if error.is_there else MISSING_ATTRIBUTE
    return None
