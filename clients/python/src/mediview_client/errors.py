"""What a call can raise beside httpx's own errors of the connection."""

from typing import Any


class MediViewClientError(Exception):
    """Base of all errors of this package."""


class ApiError(MediViewClientError):
    """The node refused a request, and says why (RFC 9457).

    `code` is a stable name for programs, `remedy` says what to do, and the node's log tells more
    under `request_id`. `problem` has every member, such as `errors` or `decisions`.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail", ""))
        self.remedy = str(problem.get("remedy", ""))
        self.request_id = str(problem.get("request_id", ""))
        super().__init__(f"{status} {self.code}: {self.detail} {self.remedy}".strip())


class Unreadable(MediViewClientError):
    """What answered is no node, or one of a version that this package does not know."""


class UploadInterrupted(MediViewClientError):
    """An upload stopped on its way; `upload_id` resumes it."""

    def __init__(self, upload_id: str) -> None:
        self.upload_id = upload_id
        super().__init__(
            f"The upload {upload_id} stopped on its way."
            f" Send the rest with uploads.send(source, resume={upload_id!r})."
        )


class SourceChanged(MediViewClientError):
    """What should be resumed is not what was begun."""


class ClaimUnanswered(MediViewClientError):
    """It is not known whether a workitem was claimed. With `transaction_uid` it can be claimed
    again, or updated and ended where it was."""

    def __init__(self, workitem_uid: str, transaction_uid: str) -> None:
        self.transaction_uid = transaction_uid
        super().__init__(
            f"The node did not answer the claim of {workitem_uid}."
            f" Ask again with workitems.claim({workitem_uid!r}, {transaction_uid!r})."
        )


class WaitTimeout(MediViewClientError, TimeoutError):
    """What was waited for did not end in time; the node goes on with it."""


class InvalidSignature(MediViewClientError):
    """A notice that is not from the node, was altered, or is too old."""
