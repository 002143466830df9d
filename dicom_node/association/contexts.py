"""Which SOP classes and transfer syntaxes the node accepts as an SCP.

Any class that may be a storage class is stored: those of the standard, those
that a later standard may add under the same root, and private ones. Instances
are kept in the transfer syntax in which they come; nothing is decoded, so that
every syntax whose data set is an ordinary one can be taken.
"""

from collections.abc import Iterable
from functools import lru_cache

from pydicom._uid_dict import UID_dictionary
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
    Verification,
)

from dicom_node.association.pynetdicom_adapter import ALL_TRANSFER_SYNTAXES
from storage.dicom.storage_classes import is_storage_class

_TRANSFER_SYNTAX_ROOT = "1.2.840.10008.1.2"

# Registered as transfer syntaxes, but what they carry is not a DICOM data set
# that C-STORE could bring: MIME, XML (PS3.6 annex A, retired) and SMPTE flows.
_NOT_DATA_SETS = (
    "1.2.840.10008.1.2.6.1",
    "1.2.840.10008.1.2.6.2",
    "1.2.840.10008.1.2.7.1",
    "1.2.840.10008.1.2.7.2",
    "1.2.840.10008.1.2.7.3",
)

FIND_CLASSES: frozenset[str] = frozenset(
    (
        PatientRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelFind,
    )
)
MOVE_CLASSES: frozenset[str] = frozenset(
    (
        PatientRootQueryRetrieveInformationModelMove,
        StudyRootQueryRetrieveInformationModelMove,
    )
)
GET_CLASSES: frozenset[str] = frozenset(
    (
        PatientRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelGet,
    )
)
WORKFLOW_CLASSES: frozenset[str] = frozenset(
    (
        ModalityWorklistInformationFind,
        ModalityPerformedProcedureStep,
        InstanceAvailabilityNotification,
        StorageCommitmentPushModel,
    )
)
UPS_CLASSES: frozenset[str] = frozenset(
    (
        UnifiedProcedureStepPush,
        UnifiedProcedureStepWatch,
        UnifiedProcedureStepPull,
        UnifiedProcedureStepQuery,
    )
)
UPS_EVENT_CLASS = str(UnifiedProcedureStepEvent)
SERVICE_CLASSES: frozenset[str] = (
    frozenset((str(Verification), UPS_EVENT_CLASS))
    | FIND_CLASSES
    | MOVE_CLASSES
    | GET_CLASSES
    | WORKFLOW_CLASSES
    | UPS_CLASSES
)

# For messages that the node reads and writes itself; the first is preferred.
MESSAGE_TRANSFER_SYNTAXES: tuple[str, ...] = (
    str(ExplicitVRLittleEndian),
    str(ImplicitVRLittleEndian),
    str(ExplicitVRBigEndian),
    str(DeflatedExplicitVRLittleEndian),
)


# What pydicom can write from one another without touching a pixel.
PLAIN_TRANSFER_SYNTAXES: tuple[str, ...] = (
    str(ExplicitVRLittleEndian),
    str(ImplicitVRLittleEndian),
)


def _storage_transfer_syntaxes() -> frozenset[str]:
    registered = {
        uid
        for uid, (_, kind, *_) in UID_dictionary.items()
        if kind == "Transfer Syntax" and f"{uid}.".startswith(f"{_TRANSFER_SYNTAX_ROOT}.")
    }
    # pynetdicom's list is newer than pydicom's dictionary in places (JPEG XL).
    return frozenset((registered | set(ALL_TRANSFER_SYNTAXES)) - set(_NOT_DATA_SETS))


STORAGE_TRANSFER_SYNTAXES: frozenset[str] = _storage_transfer_syntaxes()


def supported_contexts(
    proposed: Iterable[PresentationContext],
    services: frozenset[str] = SERVICE_CLASSES,
    fetched: frozenset[str] = frozenset(),
) -> list[PresentationContext]:
    """What the node supports of what a peer proposes.

    Only proposed classes are listed, so that negotiation costs what the peer
    asks for instead of every class times every syntax. Within a class the
    peer's own order of syntaxes is kept: it names first what it holds. Not so for
    the classes that it means to fetch by C-GET, see `_for_fetching`.
    """
    syntaxes: dict[str, dict[str, None]] = {}
    for context in proposed:
        abstract_syntax = str(context.abstract_syntax)
        if abstract_syntax in services:
            syntaxes[abstract_syntax] = dict.fromkeys(MESSAGE_TRANSFER_SYNTAXES)
        elif is_storage_class(abstract_syntax):
            syntaxes.setdefault(abstract_syntax, {}).update(
                dict.fromkeys(
                    str(uid)
                    for uid in context.transfer_syntax
                    if str(uid) in STORAGE_TRANSFER_SYNTAXES
                )
            )
    return [
        _context(
            abstract_syntax,
            _for_fetching(tuple(accepted)) if abstract_syntax in fetched else tuple(accepted),
        )
        for abstract_syntax, accepted in syntaxes.items()
        if accepted
    ]


def fetched_classes(user_information: Iterable[object]) -> frozenset[str]:
    """SOP classes of a request that the peer proposes to be the SCP of (PS3.7 D.3.3.4)."""
    return frozenset(
        str(item.sop_class_uid)
        for item in user_information
        if isinstance(item, SCP_SCU_RoleSelectionNegotiation) and item.scp_role
    )


@lru_cache(maxsize=1024)
def _for_fetching(transfer_syntaxes: tuple[str, ...]) -> tuple[str, ...]:
    """Of several syntaxes in a context one is chosen for all instances of a class.

    A plain one, where the peer takes it: instances in every other syntax that can be decoded
    are converted to it, but nothing is ever compressed. A peer that puts first what cannot be
    decoded here, as video, wants that.
    """
    first = transfer_syntaxes[0]
    if not (first in MESSAGE_TRANSFER_SYNTAXES or is_decodable(first)):
        return transfer_syntaxes
    plain = [uid for uid in PLAIN_TRANSFER_SYNTAXES if uid in transfer_syntaxes]
    return (*plain, *(uid for uid in transfer_syntaxes if uid not in plain))


@lru_cache(maxsize=256)
def is_decodable(transfer_syntax_uid: str) -> bool:
    """Whether compressed pixels of this syntax can be decompressed here."""
    uid = UID(transfer_syntax_uid)
    if not uid.is_transfer_syntax or not uid.is_encapsulated:
        return False
    try:
        return bool(get_decoder(uid).is_available)
    except NotImplementedError:
        return False


@lru_cache(maxsize=4096)
def _context(abstract_syntax: str, transfer_syntaxes: tuple[str, ...]) -> PresentationContext:
    # Negotiation reads these and makes contexts of its own, so they can be shared.
    context = PresentationContext()
    context.abstract_syntax = abstract_syntax
    context.transfer_syntax = list(transfer_syntaxes)
    # Both roles, for peers that fetch by C-GET and so act as storage SCP.
    context.scu_role = True
    context.scp_role = True
    return context
