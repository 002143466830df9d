"""What a check of the storage finds wrong, and what helps."""

from dataclasses import dataclass
from typing import Literal

from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.index.repository import Index
from storage.integrity.copies import state_in_bucket
from storage.objects.store import ObjectStore

ProblemKind = Literal[
    "record_damaged",
    "record_missing",
    "record_moved",
    "tail_torn",
    "record_covered",
    "counter_damaged",
    "not_indexed",
    "object_missing",
    "object_size",
    "object_damaged",
    "conflict_missing",
]
SEND_AGAIN = "Have the instance sent to this node again, which repairs it."


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be. `place` is a volume and offset, or an object key."""

    kind: ProblemKind
    place: str
    sop_instance_uid: str
    remedy: str


def is_moved(index: Index, instance: Instance) -> bool:
    """Whether the row says something else by now."""
    try:
        return index.instance(instance.sop_instance_uid).location != instance.location
    except NotFound:
        return True


def remedy_for(index: Index, objects: ObjectStore, sop_instance_uid: str) -> str:
    try:
        instance = index.instance(sop_instance_uid)
    except NotFound:
        return "Nothing refers to it; compacting leaves it behind."
    # Of these few the object is read: what it promises has to be there.
    if state_in_bucket(objects, instance) == "whole":
        return "The running node repairs it from the bucket within minutes."
    return SEND_AGAIN
