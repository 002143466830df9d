"""What holds results back on their way to the destinations."""

from collections.abc import Iterator

from inference.delays.durations import at, count, sentence, span
from inference.delays.entities import Delay
from inference.delays.facts import StudyFacts
from inference.delays.receiving import control_worker_away
from storage.core.entities import Delivery


def of_deliveries(facts: StudyFacts) -> Iterator[Delay]:
    done = [job for job in facts.jobs if job.status == "COMPLETED"]
    if not done:
        return
    if not facts.deliveries:
        if not facts.destinations:
            yield Delay(
                "no_destination",
                "The results are here, and no destination is configured that they could go to.",
                done[0].finished_at,
            )
        return
    waiting = [one for one in facts.deliveries if one.state in ("PENDING", "SENDING")]
    for one in waiting:
        if one.destination not in facts.destinations:
            yield Delay(
                "destination_removed",
                f"Results wait for {one.destination}, which is no longer a destination: add it"
                " again under this name.",
                one.created_at,
            )
    for_hours = [
        one for one in waiting if one.waits_until is not None and one.waits_until > facts.now
    ]
    now = [one for one in waiting if one not in for_hours]
    yield from _unreachable(facts, now)
    yield from _refused(facts, now)
    refused = [one for one in facts.deliveries if one.state == "REFUSED"]
    if refused:
        yield Delay(
            "destination_refuses",
            f"{_names(refused)} refused the results ({sentence(refused[0].last_error)}); they are"
            " not tried again until a person retries the delivery.",
            refused[0].updated_at,
        )
    awaiting = [one for one in facts.deliveries if one.state == "AWAITING_RELEASE"]
    if awaiting:
        yield Delay(
            "awaiting_release",
            f"The results have waited {span(facts.now - awaiting[0].created_at)} for a person to"
            f" release them to {_names(awaiting)}.",
            awaiting[0].created_at,
        )
    yield from _under_way(facts, now)
    if for_hours:
        first = min(for_hours, key=lambda one: one.next_attempt_at)
        yield Delay(
            "delivery_queued",
            f"The results wait for {first.destination} until the hours of the rule begin, at"
            f" {at(first.next_attempt_at)}.",
            first.created_at,
            first.next_attempt_at,
        )
    sent = [one for one in facts.deliveries if one.state == "SENT"]
    if sent:
        yield Delay(
            "proof_awaited",
            f"The results were sent to {_names(sent)}, and nothing proves that they are held there"
            f" ({sentence(sent[0].last_error)}).",
            sent[0].sent_at,
        )
    if all(one.state == "WITHHELD" for one in facts.deliveries):
        yield Delay(
            "withheld", "A person has withheld the results.", facts.deliveries[0].updated_at
        )


def of_cancelled(facts: StudyFacts) -> Iterator[Delay]:
    """What ended because its instances were rejected, or are gone."""
    if facts.cancelled:
        first = facts.cancelled[0]
        yield Delay(
            "not_sent",
            f"{count(len(facts.cancelled), 'delivery', 'deliveries')} to"
            f" {_names(facts.cancelled)} ended ({sentence(first.last_error)}).",
            first.updated_at,
        )


def _unreachable(facts: StudyFacts, waiting: list[Delivery]) -> Iterator[Delay]:
    for one in waiting:
        breaker = facts.breakers.get(one.destination)
        if breaker is not None:
            yield Delay(
                "destination_unreachable",
                f"{one.destination} has been out of reach for {span(facts.now - breaker.since)}"
                f" ({sentence(breaker.last_error)}); the next call is at {at(breaker.open_until)}.",
                breaker.since,
                breaker.open_until,
            )


def _refused(facts: StudyFacts, waiting: list[Delivery]) -> Iterator[Delay]:
    for one in waiting:
        if not one.last_error or one.state != "PENDING":
            continue
        if one.sent_at is not None:
            yield Delay(
                "proof_awaited",
                f"{one.destination} took the results and has not proved yet that it holds them"
                f" ({sentence(one.last_error)}); it is asked again at {at(one.next_attempt_at)}.",
                one.sent_at,
                one.next_attempt_at,
            )
            continue
        yield Delay(
            "destination_refuses",
            f"{one.destination} did not take the results at attempt {one.attempts}"
            f" ({sentence(one.last_error)}); the next is at {at(one.next_attempt_at)}.",
            one.created_at,
            one.next_attempt_at,
        )


def _under_way(facts: StudyFacts, waiting: list[Delivery]) -> Iterator[Delay]:
    if not waiting:
        return
    yield from control_worker_away(facts)
    sending = [one for one in waiting if one.state == "SENDING"]
    if sending:
        yield Delay(
            "sending",
            f"The results are being sent to {_names(sending)}.",
            sending[0].updated_at,
        )
        return
    others = max(facts.due_deliveries - len(waiting), 0)
    yield Delay(
        "delivery_queued",
        f"The results have waited {span(facts.now - waiting[0].created_at)} to be sent to"
        f" {_names(waiting)}, with {count(others, 'other instance')} due.",
        waiting[0].created_at,
    )


def _names(deliveries: list[Delivery]) -> str:
    return ", ".join(sorted({one.destination for one in deliveries}))
