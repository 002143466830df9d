"""Why a request for a workitem is refused, in words that each protocol has its own codes for."""

from typing import Literal

from storage.core.errors import InvalidRequest, MediViewError

Complaint = Literal[
    "The Transaction UID is missing.",
    "The Transaction UID is incorrect.",
    "The submitted request is inconsistent with the state of the UPS Instance.",
    "The submitted request is inconsistent with the current state of the Workitem.",
    "The target URI did not reference a claimed Workitem.",
    "The UPS is already COMPLETED.",
    "The performer cannot be contacted.",
    "Performer chooses not to cancel.",
]
"""Sentences of PS3.18 11.6.3.2, 11.7.3.2 and 11.8.3.2."""

Cause = Literal[
    "ended",
    "transaction",
    "in progress",
    "never scheduled",
    "final state",
    "not in progress",
    "completed",
    "unreachable",
    "performed here",
    "declined",
]
"""What the status codes of PS3.4 CC.2 distinguish: it has ended; the Transaction UID is another or
none; it is IN PROGRESS already, or not yet; it cannot become SCHEDULED; it lacks what its end
requires; it is COMPLETED, and nothing is to be cancelled; nobody hears of it; this node does it;
its performer goes on with it."""


class WorkitemRefused(MediViewError):
    """The workitem's state does not allow it. `complaint` is the standard's sentence."""

    code = "work_item_refused"

    def __init__(
        self,
        complaint: Complaint,
        message: str,
        cause: Cause,
        *,
        remedy: str = "",
        status: int = 409,
    ):
        super().__init__(message, remedy=remedy)
        self.complaint = complaint
        self.cause = cause
        self.status = status
        """400 or 409, as PS3.18 has it for the request."""


class MissingValue(InvalidRequest):
    """A creator must give this attribute. `is_there`: without a value."""

    def __init__(self, keyword: str, *, is_there: bool) -> None:
        super().__init__(
            f"The workitem lacks {keyword}.",
            remedy="PS3.4 Table CC.2.5-3 lists what a creator must give.",
        )
        self.keyword = keyword
        self.is_there = is_there


class NotScheduled(InvalidRequest):
    """A new workitem has another state."""

    def __init__(self) -> None:
        super().__init__(
            "A workitem begins SCHEDULED.",
            remedy="Claim it by PUT …/state once it exists (PS3.4 CC.2.5.3).",
        )
