"""What the rule that wants a delivery says about the sending, as the rules are now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from inference.rules.file import current_rules
from inference.rules.rule_set import RuleSet
from inference.rules.sending import SendingTerms
from storage.container.has import HasEngine
from storage.core.clock import utcnow
from storage.core.entities import Delivery
from storage.deliveries.terms import change_hours, rules_that_wait, wait_for_hours
from storage.settings import Settings


def rule_of(settings: Settings, delivery: Delivery) -> SendingTerms | None:
    """The rule that wanted it, if there is one of that name. Raises InvalidRequest where the
    rules are wrong and were never right: nobody knows then how it should leave."""
    if not delivery.rule:
        return None
    return current_rules(settings).sending(delivery.rule)


def opening(
    rule: SendingTerms | None, now: datetime, *, is_urgent: bool = False
) -> datetime | None:
    """When its hours begin; None where something may go now."""
    if rule is None or rule.hours is None or is_urgent:
        return None
    opens_at = rule.hours.opens_at(now)
    return opens_at if opens_at > now else None


def why_waiting(name: str, rule: SendingTerms) -> str:
    """The sentence beside the time until which something waits."""
    hours = rule.hours.text if rule.hours is not None else "always"
    return f"The rule '{name}' sends in these hours: {hours}."


class TermsStorage(HasEngine, Protocol):
    """What of the storage layer deliveries that wait for hours are changed in."""


def put_off(
    storage: TermsStorage,
    claimant: str,
    deliveries: Sequence[Delivery],
    rule: SendingTerms | None,
    now: datetime,
) -> list[Delivery]:
    """Those that may go now; the others wait for the hours of their rule."""
    closed = [one for one in deliveries if opening(rule, now, is_urgent=one.is_urgent)]
    # One that was sent is only asked for, which takes no time of the network.
    closed = [one for one in closed if one.sent_at is None]
    until = opening(rule, now)
    if closed and rule is not None and until is not None:
        ids = [one.delivery_id for one in closed]
        note = why_waiting(closed[0].rule, rule)
        wait_for_hours(storage.engine, ids, claimant, until, note, now)
    return [one for one in deliveries if one not in closed]


class HoursWatch:
    """Has what waits for hours follow the rules when these are changed."""

    def __init__(self, storage: TermsStorage) -> None:
        self._storage = storage
        self._seen: RuleSet | None = None

    def follow(self, rules: RuleSet, now: datetime | None = None) -> None:
        """To be called often: asks the database where the rules are others than before."""
        if rules is self._seen:
            return
        at = now or utcnow()
        for name in rules_that_wait(self._storage.engine):
            rule = rules.sending(name)
            until = opening(rule, at)
            note = "" if rule is None else why_waiting(name, rule)
            change_hours(self._storage.engine, name, until or at, note, at)
        self._seen = rules
