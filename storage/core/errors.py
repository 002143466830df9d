"""The few causes by which the node refuses or fails.

Each error says the thing, the value and the remedy. It is translated once, at
the edge: `dicom_node.status` for DIMSE, `api.errors` for HTTP. No message ever
carries what identifies a patient.
"""

from typing import ClassVar

from storage.core.text.outside_text import text_from_outside

_AT_MOST_CHARACTERS = 4000
"""Of a message, and of a remedy: names and words from outside are quoted in some."""


class MediViewError(Exception):
    """Base of every error that a person or program outside may see.

    `code` is a stable name for programs, `remedy` one sentence for people.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        message = text_from_outside(message, _AT_MOST_CHARACTERS, lines=True)
        super().__init__(message)
        self.message = message
        self.remedy = text_from_outside(remedy, _AT_MOST_CHARACTERS, lines=True)


class InvalidInstance(MediViewError):
    """The bytes are not a DICOM instance that can be kept.

    `keyword` names the attribute that is wrong, where it is one; `tag` where it has no keyword.
    """

    code = "invalid_instance"

    def __init__(
        self, message: str, *, remedy: str = "", keyword: str = "", tag: int | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.keyword = keyword
        self.tag = tag


class NotStorable(InvalidInstance):
    """The SOP class is none that is stored (PS3.4 Annex B)."""


class InvalidRequest(MediViewError):
    """The request itself is wrong; sending it again unchanged will not help."""

    code = "invalid_request"


class ValueRefused(InvalidRequest):
    """The database answers, and does not take a value: it is too long for an index, say."""


class InvalidKey(InvalidRequest):
    """A matching key has a value that cannot be; `keyword` names its attribute."""

    def __init__(self, message: str, *, remedy: str, keyword: str) -> None:
        super().__init__(message, remedy=remedy)
        self.keyword = keyword


class LimitExceeded(MediViewError):
    """Something is larger, deeper or more numerous than the node allows."""

    code = "limit_exceeded"


class NoRoom(LimitExceeded):
    """As much of this kind is kept as may be; some of it has to be decided on or removed first."""


class TooManyRequests(MediViewError):
    """Who asks has as much under way as one may have; a part of it has to end first."""

    code = "too_many_requests"


class UidConflict(MediViewError):
    """A UID arrived again with other content, and the policy refuses it."""

    code = "uid_conflict"


class UidOccupied(UidConflict):
    """What others sent is stored under a UID that the node was to use for its own."""


class NotPermitted(MediViewError):
    """Who asks may not do it with the study that the request names."""

    code = "not_permitted"


class NotFound(MediViewError):
    """Nothing under that identifier."""

    code = "not_found"


class Gone(NotFound):
    """It was there, and was deleted since."""

    code = "gone"


class NotConfigured(MediViewError):
    """The part that would answer is not configured; it never invents."""

    code = "not_configured"


class StorageFull(MediViewError):
    """Too little free disk to keep what arrives (DIMSE 0xA700)."""

    code = "storage_full"


class StorageUnavailable(MediViewError):
    """Database, object store or data folder cannot be reached just now."""

    code = "storage_unavailable"


class IndexDamaged(StorageUnavailable):
    """SQLite's file is no database any more, or a part of it cannot be read."""

    code = "index_damaged"


class InstanceDamaged(MediViewError):
    """The stored bytes of an instance are lost, or not those that arrived, and no copy has them."""

    code = "instance_damaged"


class VersionConflict(MediViewError):
    """Somebody else has changed the thing since it was read."""

    code = "version_conflict"


class StateConflict(MediViewError):
    """The thing is in a state that does not allow it."""

    code = "state_conflict"


class SharedViewOver(Gone):
    """A link to a view that has expired or was revoked."""

    code = "shared_view_over"


class SessionOver(StateConflict):
    """A session of an interactive model that has ended."""

    code = "session_over"
