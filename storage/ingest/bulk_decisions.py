"""Many conflicts decided at once, as one person decided for all of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from storage.core.errors import (
    InstanceDamaged,
    InvalidInstance,
    MediViewError,
    NotFound,
    StateConflict,
)
from storage.ingest.conflict_bytes import Conflict
from storage.ingest.conflicts import Conflicts

ConflictDecision = Literal["accept", "discard"]


@dataclass
class Decided:
    """What became of each conflict that was named."""

    conflict_ids: list[int] = field(default_factory=list)
    left: dict[int, str] = field(default_factory=dict)
    """Why a conflict still waits, by its number."""
    gone: list[int] = field(default_factory=list)
    """Those that somebody else decided meanwhile, or that went with what was stored."""


def decide_all(
    conflicts: Conflicts, chosen: Iterable[Conflict], decision: ConflictDecision
) -> Decided:
    """Accept or discard each of them, one after the other; a failure leaves that one alone.

    Where several contents wait under one UID, chosen or not, none is accepted, since the order in
    which they came does not say which is right. Raises StorageFull and StorageUnavailable.
    """
    chosen = list(chosen)
    contents = conflicts.contents_under([one.sop_instance_uid for one in chosen])
    done = Decided()
    for conflict in chosen:
        number = conflict.conflict_id
        if decision == "accept" and contents[conflict.sop_instance_uid] > 1:
            done.left[number] = (
                f"{contents[conflict.sop_instance_uid]} contents wait under this UID:"
                " decide each by itself."
            )
            continue
        try:
            (conflicts.accept if decision == "accept" else conflicts.discard)(number)
        except NotFound:
            done.gone.append(number)
            continue
        except (InstanceDamaged, InvalidInstance, StateConflict) as error:
            done.left[number] = _sentence(error)
            continue
        done.conflict_ids.append(number)
    return done


def _sentence(error: MediViewError) -> str:
    return f"{error.message} {error.remedy}".strip()
