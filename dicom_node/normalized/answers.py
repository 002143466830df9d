"""What peers answer to N-CREATE and N-SET."""

from collections.abc import Collection

from pydicom.dataset import Dataset

from dicom_node.normalized.requests import SUCCESS
from dicom_node.peers import Peer, PeerDidNotAnswer, PeerLacksService

# PS3.7 C.3: it was done, and some attribute was not liked.
_WARNINGS = frozenset({0x0001, 0x0107, 0x0116})


def status_of(answer: Dataset, peer: Peer, what: str, allowed: Collection[int] = ()) -> int:
    """The status, where it is a success, a warning or one of `allowed`.

    Raises PeerDidNotAnswer without an answer, PeerLacksService with another one.
    """
    if "Status" not in answer:
        raise PeerDidNotAnswer(f"{peer} did not answer to {what}.")
    status = int(answer.Status)
    if status == SUCCESS or status in _WARNINGS or status in allowed:
        return status
    raise PeerLacksService(
        f"{peer} answered status {status:#06x} to {what}.",
        remedy="Look into the peer's log, or notify it no more.",
    )
