"""What holds received images back on their way to other systems, by a rule or by hand."""

from collections.abc import Iterator
from dataclasses import replace

from inference.delays.durations import at, count, sentence, span
from inference.delays.entities import Cause, Delay
from inference.delays.facts import StudyFacts
from storage.routing.repository import Route

# The answers about a study whose results never come, or are all where they are to be.
_NOTHING_COMES: tuple[Cause, ...] = (
    "imported",
    "excluded_by_rules",
    "input_missing",
    "no_pipeline_fits",
    "no_destination",
)


def with_images(delay: Delay, facts: StudyFacts) -> Delay:
    """The same, and of images that wait, where nothing is waited for otherwise."""
    waiting = next(_of_images(facts), None)
    if waiting is None or delay.cause not in (*_NOTHING_COMES, "nothing"):
        return delay
    if delay.cause == "nothing":
        return waiting
    return replace(
        delay,
        sentence=f"{delay.sentence} {waiting.sentence}",
        expected_at=waiting.expected_at,
    )


def _of_images(facts: StudyFacts) -> Iterator[Delay]:
    """Those of one destination after the other; what does not go by itself first."""
    delays = [_of_route(facts, one) for one in facts.routes if one.total > one.confirmed + one.sent]
    yield from sorted(delays, key=lambda one: one.expected_at is not None)


def _of_route(facts: StudyFacts, route: Route) -> Delay:
    name, number = route.destination, route.total - route.confirmed - route.sent
    wait = f"{count(number, 'received instance')} {'waits' if number == 1 else 'wait'}"
    breaker = facts.breakers.get(name)
    if name not in facts.peers:
        return Delay(
            "destination_removed", f"{wait} for {name}, and no peer has this name: add it."
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
    if route.waits_until is not None and route.waiting == number:
        return Delay(
            "delivery_queued",
            f"{wait} for {name} until the hours of the rule begin, at {at(route.waits_until)}.",
            expected_at=route.waits_until,
        )
    return Delay("delivery_queued", f"{wait} to be sent to {name}.")
