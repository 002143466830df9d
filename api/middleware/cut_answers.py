"""Answers that cannot be sent to their end, as damage is found once their status has left."""

import structlog
from starlette.types import Scope

from storage.core.errors import InstanceDamaged

log = structlog.get_logger(__name__)

CUT = "mediview.cut"
"""An extension of our own: a function that ends the connection within an answer."""


def is_cut(scope: Scope, error: Exception) -> bool:
    """Whether `error` is damage, for which the connection was ended."""
    # Starlette raises a RuntimeError of what is answered by a handler, and comes too late for that.
    damage = error if isinstance(error, InstanceDamaged) else error.__cause__
    cut = (scope.get("extensions") or {}).get(CUT)
    if cut is None or not isinstance(damage, InstanceDamaged):
        return False
    log.warning("answer_cut", code=damage.code, detail=damage.message)
    cut()
    return True
