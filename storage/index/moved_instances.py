"""Instances whose bytes are moved into another volume."""

from typing import Any

from sqlalchemy import case

from storage import tables as t
from storage.volumes.files import SUFFIX


def not_copied_from_here() -> dict[str, Any]:
    """What an UPDATE of `instance` that gives it another volume says of its copy in the bucket.

    Where objects are whole volumes, the new one is in none yet. Until it is the copy of the volume
    that the bytes come from stays, so that the bucket has them all the time.
    """
    is_whole = t.instance.c.object_key.endswith(SUFFIX)
    return {
        "object_key": case((is_whole, ""), else_=t.instance.c.object_key),
        "former_volume": case((is_whole, t.instance.c.volume), else_=t.instance.c.former_volume),
    }
