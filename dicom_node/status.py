"""Our errors as DIMSE statuses, translated here and nowhere else.

C-STORE: PS3.4 Table B.2-1, and PS3.7 annex C for the general ones. C-FIND,
C-MOVE and C-GET: PS3.4 Tables C.4-1 to C.4-3. An Error Comment says what to
do, never what was received: it ends up in other systems' logs.
"""

from dataclasses import dataclass

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from dicom_node.network.command_set import ERROR_COMMENT_MAX_LENGTH
from storage.core.errors import (
    InstanceDamaged,
    InvalidInstance,
    InvalidKey,
    InvalidRequest,
    LimitExceeded,
    MediViewError,
    NoRoom,
    NotConfigured,
    NotFound,
    NotPermitted,
    NotStorable,
    StorageFull,
    StorageUnavailable,
    UidConflict,
)

SUCCESS = 0x0000
PENDING = 0xFF00
PENDING_OPTIONAL_KEYS_UNSUPPORTED = 0xFF01
CANCEL = 0xFE00
SOP_CLASS_NOT_SUPPORTED = 0x0122  # PS3.7 C.5.6
OUT_OF_RESOURCES = 0xA700  # PS3.4 Table B.2-1: A7xx
SOP_CLASS_MISMATCH = 0xA900  # PS3.4 Table B.2-1: A9xx
COERCION = 0xB000  # PS3.4 Table B.2-1, warning
MOVE_DESTINATION_UNKNOWN = 0xA801  # PS3.4 Table C.4-2
SUB_OPERATIONS_FAILED = 0xA702  # PS3.4 Tables C.4-2 and C.4-3
SUB_OPERATIONS_WARNING = 0xB000  # PS3.4 Tables C.4-2 and C.4-3: one or more failures or warnings
REFUSED_NOT_AUTHORIZED = 0x0124  # PS3.7 C.5.18
CANNOT_UNDERSTAND = 0xC000  # PS3.4 Table B.2-1: Cxxx
PROCESSING_FAILURE = 0x0110  # PS3.7 C.5.21
RESOURCE_LIMITATION = 0x0213  # PS3.7 C.5.23, of the DIMSE-N services
DUPLICATE_SOP_INSTANCE = 0x0111  # PS3.7 C.5.4
INVALID_OBJECT_INSTANCE = 0x0117  # PS3.7 C.5.7


@dataclass(frozen=True, slots=True)
class DimseStatus:
    """A status with the comment that goes with it, at most 64 characters."""

    code: int
    comment: str = ""
    offending_tag: int | None = None
    """The Offending Element (0000,0901) of PS3.7 annex C."""

    def __post_init__(self) -> None:
        if len(self.comment) > ERROR_COMMENT_MAX_LENGTH:
            raise ValueError(f"An Error Comment has at most 64 characters: {self.comment!r}")


STORED = DimseStatus(SUCCESS)
SET_ASIDE = DimseStatus(COERCION, "Same SOP Instance UID, other content: first one is kept.")
UNEXPECTED = DimseStatus(PROCESSING_FAILURE, "Internal error; see the node's log, send again.")
TOO_LARGE = DimseStatus(OUT_OF_RESOURCES, "Instance exceeds the node's size limit.")
NO_DATA_SET = DimseStatus(CANNOT_UNDERSTAND, "The request carries no data set.")
NOT_AUTHORIZED = DimseStatus(REFUSED_NOT_AUTHORIZED, "This AE title may not ask for this here.")
NOT_FIND = DimseStatus(SOP_CLASS_NOT_SUPPORTED, "No C-FIND on this presentation context.")
NOT_RETRIEVE = DimseStatus(SOP_CLASS_NOT_SUPPORTED, "No retrieval on this presentation context.")
NOT_STORAGE = DimseStatus(SOP_CLASS_NOT_SUPPORTED, "SOP class differs from the negotiated one.")

# One row an error of storage.errors; subclasses inherit their base's row.
_STORE: dict[type[MediViewError], DimseStatus] = {
    StorageFull: DimseStatus(OUT_OF_RESOURCES, "Disk nearly full; send again when space is free."),
    StorageUnavailable: DimseStatus(OUT_OF_RESOURCES, "Storage unavailable just now; send again."),
    LimitExceeded: TOO_LARGE,
    NoRoom: DimseStatus(OUT_OF_RESOURCES, "Too many conflicts from here wait for a decision."),
    NotPermitted: DimseStatus(
        REFUSED_NOT_AUTHORIZED, "Results exist: only known peers add to this series."
    ),
    InvalidInstance: DimseStatus(CANNOT_UNDERSTAND, "Data set incomplete or not valid DICOM."),
    NotStorable: DimseStatus(SOP_CLASS_NOT_SUPPORTED, "The SOP class is not a storage class."),
    InvalidRequest: DimseStatus(SOP_CLASS_MISMATCH, "Data set does not match the request."),
    UidConflict: DimseStatus(
        DUPLICATE_SOP_INSTANCE, "Same SOP Instance UID, other content: refused."
    ),
}
_QUERY: dict[type[MediViewError], DimseStatus] = {
    StorageUnavailable: DimseStatus(OUT_OF_RESOURCES, "Index unavailable just now; ask again."),
    InstanceDamaged: DimseStatus(PROCESSING_FAILURE, "The stored instance is damaged or lost."),
    LimitExceeded: DimseStatus(OUT_OF_RESOURCES, "The query asks for more than is allowed."),
    InvalidRequest: DimseStatus(SOP_CLASS_MISMATCH, "Identifier does not match the SOP class."),
    NotFound: DimseStatus(CANNOT_UNDERSTAND, "Nothing under that identifier."),
    NotConfigured: DimseStatus(CANNOT_UNDERSTAND, "Not configured on this node."),
}


def store_status(error: MediViewError) -> DimseStatus:
    """The C-STORE status of an error, with the attribute that is wrong where one is."""
    status = _look_up(_STORE, error)
    if not isinstance(error, InvalidInstance):
        return status
    tag = error.tag if error.tag is not None else tag_for_keyword(error.keyword or "")
    if tag is None:
        return status
    named = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword_for_tag(tag)}".strip()
    comment = f"Missing or not valid: {named}"[:ERROR_COMMENT_MAX_LENGTH]
    return DimseStatus(status.code, comment, int(tag))


def query_status(error: MediViewError) -> DimseStatus:
    """The C-FIND, C-MOVE or C-GET status of an error, with the key that cannot be where one is."""
    status = _look_up(_QUERY, error)
    tag = tag_for_keyword(error.keyword) if isinstance(error, InvalidKey) else None
    if tag is None:
        return status
    named = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword_for_tag(tag)}"
    comment = f"No such value can be: {named}"[:ERROR_COMMENT_MAX_LENGTH]
    return DimseStatus(status.code, comment, int(tag))


def _look_up(table: dict[type[MediViewError], DimseStatus], error: MediViewError) -> DimseStatus:
    for kind in type(error).__mro__:
        if kind in table:
            return table[kind]
    return UNEXPECTED


def describe(code: int) -> str:
    """What a peer's C-STORE status means, in words for people."""
    known = {
        SUCCESS: "success",
        SOP_CLASS_NOT_SUPPORTED: "SOP class not supported",
        REFUSED_NOT_AUTHORIZED: "not authorised",
        DUPLICATE_SOP_INSTANCE: "duplicate SOP instance",
        PROCESSING_FAILURE: "processing failure",
        INVALID_OBJECT_INSTANCE: "invalid SOP instance",
        COERCION: "warning: data elements coerced",
        0xB006: "warning: data elements discarded",
        0xB007: "warning: data set does not match SOP class",
    }
    if code in known:
        return known[code]
    ranges = {0xA700: "out of resources", 0xA900: "data set does not match SOP class"}
    if code & 0xFF00 in ranges:
        return ranges[code & 0xFF00]
    if code & 0xF000 == 0xC000:
        return "cannot understand"
    return "unknown status"


def is_stored(code: int) -> bool:
    """Whether a C-STORE status says that the peer keeps the instance (success or warning)."""
    return code == SUCCESS or code & 0xF000 == 0xB000 or code == 0x0001
