"""What was refused or changed nothing, and can be repeated without end by who has no rights here.

Each kind of it has a row of its own within a minute, up to a number by caller and in all; what
comes beyond shares rows in which it is counted. What somebody changed or saw is never among it.
"""

import threading
from dataclasses import replace
from datetime import datetime

from storage.audit.events import Actor, AuditEvent
from storage.audit.rows import window_of
from storage.core.addresses import address_group

MOST_OF_ONE = 60
"""Rows a minute, in each process: of an address (IPv6: its /64 network), or of one identity."""
MOST_OF_STRANGERS = 240
"""Of all that have no identity."""
MOST_SUMMARIES_OF_STRANGERS = 60
_KEPT: tuple[str, ...] = ("method", "route", "status", "toward", "via")
_KEPT_OF_STRANGERS = (*_KEPT, "reason")
"""A person gives reasons in own words; those of strangers are the node's."""
_WITH_IDENTITY = frozenset({"account", "key", "oidc", "local"})


class Refusals:
    """Chooses the row in which one of them is counted. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begin(None)

    def row_of(self, event: AuditEvent) -> AuditEvent:
        """The event as it came, where there is room for its row; else what is counted for it."""
        key, ends_at = window_of(event)
        with self._lock:
            if ends_at != self._ends_at:
                self._begin(ends_at)
            if key in self._known:
                return event
            if self._has_room(event.actor):
                self._known.add(key)
                return event
            summary = _summary(event)
            if event.actor.kind in _WITH_IDENTITY:
                return summary
            key, _ = window_of(summary)
            if key in self._summaries or len(self._summaries) < MOST_SUMMARIES_OF_STRANGERS:
                self._summaries.add(key)
                return summary
            return replace(summary, actor=Actor("anonymous", ""), detail=_FURTHER_OF_ALL)

    def _begin(self, ends_at: datetime | None) -> None:
        self._ends_at = ends_at
        self._known: set[str] = set()
        self._summaries: set[str] = set()
        self._of_caller: dict[str, int] = {}
        self._of_strangers = 0

    def _has_room(self, actor: Actor) -> bool:
        is_known = actor.kind in _WITH_IDENTITY
        caller = f"{actor.kind} {actor.id}" if is_known else address_group(actor.address)
        count = self._of_caller.get(caller, 0)
        if count >= MOST_OF_ONE or (not is_known and self._of_strangers >= MOST_OF_STRANGERS):
            return False
        self._of_caller[caller] = count + 1
        self._of_strangers += not is_known
        return True


_FURTHER = {"summary": "further ones of the same minute, counted"}
_FURTHER_OF_ALL = {"summary": "further ones of the same minute, of many addresses, counted"}


def _summary(event: AuditEvent) -> AuditEvent:
    """Who and what kind, without what a caller can make up."""
    actor = event.actor
    names = _KEPT if actor.kind in _WITH_IDENTITY else _KEPT_OF_STRANGERS
    if actor.kind not in _WITH_IDENTITY:
        actor = Actor(actor.kind, "", address_group(actor.address))
    kept = {name: event.detail[name] for name in names if name in event.detail}
    return replace(
        event, actor=actor, study_instance_uids=(), patient_ids=(), detail=kept | _FURTHER
    )
