"""What holds received images back on their way to other systems, by a rule or by hand."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from inference.delays.durations import at, count, sentence, span
from inference.delays.entities import Cause, Delay
from inference.delays.facts import StudyFacts
from inference.rules.routing_rule import RoutingRule
from storage.routing.repository import Route

# The answers about a study on which nothing is computed, and nobody has to do anything about it.
_NOTHING_IS_COMPUTED: tuple[Cause, ...] = ("imported", "excluded_by_rules", "no_pipeline_fits")
# About a study whose results never come, or are all where they are to be.
_NOTHING_COMES: tuple[Cause, ...] = (
    *_NOTHING_IS_COMPUTED,
    "input_missing",
    "no_destination",
)
# What monitors look for, which know a study by its cause.
_OVERDUE: tuple[Cause, ...] = (
    "destination_removed",
    "destination_unreachable",
    "destination_refuses",
)


def with_images(delay: Delay, facts: StudyFacts) -> Delay:
    """The same, and of images that wait, where nothing is waited for otherwise."""
    waiting = next(_of_images(facts), None)
    if waiting is None or delay.cause not in (*_NOTHING_COMES, "nothing"):
        return delay
    if delay.cause == "nothing":
        return waiting
    if delay.cause in _NOTHING_IS_COMPUTED and waiting.cause in _OVERDUE:
        return replace(waiting, sentence=f"{waiting.sentence} {delay.sentence}")
    return replace(
        delay,
        sentence=f"{delay.sentence} {waiting.sentence}",
        expected_at=waiting.expected_at,
    )


def _of_images(facts: StudyFacts) -> Iterator[Delay]:
    """Those of one destination after the other; what does not go by itself first."""
    delays = [_of_route(facts, one) for one in facts.routes if one.total > one.confirmed + one.sent]
    yield from sorted(delays, key=lambda one: one.expected_at is not None)
    if facts.study_rules_asked_at is not None:
        yield _of_whole_study(facts.study_rules_asked_at, facts.study_rules, facts)


def _of_whole_study(asked_at: datetime, rules: Sequence[RoutingRule], facts: StudyFacts) -> Delay:
    names = ", ".join(f"'{one.name}' (to {', '.join(one.to)})" for one in rules)
    which = (
        f"the rule {names}, which sends whole studies, is"
        if len(rules) == 1
        else f"the rules {names}, which send whole studies, are"
    )
    if asked_at <= facts.now:
        return Delay("delivery_queued", f"Next, {which} asked about it.")
    return Delay(
        "delivery_queued",
        f"At {at(asked_at)}, if nothing more comes, {which} asked about it.",
        expected_at=asked_at,
    )


def _of_route(facts: StudyFacts, route: Route) -> Delay:
    name, number = route.destination, route.total - route.confirmed - route.sent
    wait = f"{count(number, 'received instance')} {'waits' if number == 1 else 'wait'}"
    breaker = facts.breakers.get(name)
    if name not in facts.peers:
        return Delay(
            "destination_removed", f"{wait} for {name}, and no peer has this name: add it."
        )
    if route.waits_until is not None and route.waits_until > facts.now and route.waiting == number:
        also = (
            ""
            if breaker is None
            else f"; it has been out of reach for {span(facts.now - breaker.since)}"
            f" ({sentence(breaker.last_error)})"
        )
        return Delay(
            "delivery_queued",
            f"{wait} for {name} until the hours of the rule begin, at"
            f" {at(route.waits_until)}{also}.",
            expected_at=route.waits_until,
        )
    if breaker is not None:
        return Delay(
            "destination_unreachable",
            f"{wait} for {name}, which has been out of reach for"
            f" {span(facts.now - breaker.since)} ({sentence(breaker.last_error)}); the next call is"
            f" at {at(breaker.open_until)}.",
            breaker.since,
            breaker.open_until,
        )
    if route.failing:
        return Delay(
            "destination_refuses",
            f"{wait} for {name}, which did not take {route.failing} of them"
            f" ({sentence(route.last_error)}); the page of deliveries says when they are tried"
            " again.",
        )
    return Delay("delivery_queued", f"{wait} to be sent to {name}.")
