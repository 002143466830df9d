"""What a storage commitment is about (PS3.4 J): the references, a report owed, a request made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class Reference:
    """One SOP instance that a commitment is about."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class CommitmentReport:
    """An N-EVENT-REPORT that we owe to a peer."""

    transaction_uid: str
    peer_ae_title: str
    references: tuple[Reference, ...]
    state: Literal["DUE", "REPORTED"]
    attempts: int
    next_attempt_at: datetime
    last_error: str
    created_at: datetime


@dataclass(frozen=True)
class CommitmentRequest:
    """A commitment that we asked a destination for. `failed`: UID → the standard's reason."""

    transaction_uid: str
    destination: str
    references: tuple[Reference, ...]
    state: Literal["WAITING", "ANSWERED"]
    failed: Mapping[str, int]
    created_at: datetime


def references_to_json(references: Sequence[Reference]) -> list[list[str]]:
    return [[one.sop_class_uid, one.sop_instance_uid] for one in references]


def references_from_json(value: list[list[str]]) -> tuple[Reference, ...]:
    return tuple(Reference(sop_class, sop_instance) for sop_class, sop_instance in value)
