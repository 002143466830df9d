"""Why a study is late: the first thing on its way that holds it back."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from inference.delays.decisions import of_refused, of_undecided
from inference.delays.deliveries import of_cancelled, of_deliveries
from inference.delays.entities import Delay
from inference.delays.facts import StudyFacts, StudyFactStorage, read_facts
from inference.delays.jobs import of_failed, of_running, of_waiting
from inference.delays.receiving import of_receiving
from inference.delays.sent_on import with_images
from inference.pipeline import Pipeline
from inference.scheduling.deciding import DecisionStorage

_FOR_NOBODY_ELSE = {"administrators"}


class DelayStorage(DecisionStorage, StudyFactStorage, Protocol):
    """What of the storage layer is asked why a study is late."""


def delay_of(
    storage: DelayStorage,
    study_instance_uid: str,
    now: datetime,
    pipelines: Sequence[Pipeline] | None = None,
) -> Delay:
    """What holds a study back now, in the order in which it goes through the node.

    `pipelines`: those of the node where none are given. Raises NotFound, StorageUnavailable.
    """
    facts = read_facts(storage, study_instance_uid, now)
    return with_images(next(_delays(storage, facts, pipelines)), facts)


def _delays(
    storage: DecisionStorage, facts: StudyFacts, pipelines: Sequence[Pipeline] | None
) -> Iterator[Delay]:
    yield from of_receiving(facts)
    yield from of_running(facts)
    yield from of_waiting(facts)
    yield from of_undecided(storage.settings, facts)
    yield from of_failed(facts)
    yield from of_refused(storage, facts, pipelines)
    yield from of_deliveries(facts)
    yield from of_cancelled(facts)
    if facts.groups_enforced and facts.groups <= _FOR_NOBODY_ELSE:
        yield Delay(
            "in_no_group",
            "No rule of an access group matches the study, so administrators alone see it and its"
            " results.",
        )
    if facts.ignored_notes:
        note = facts.ignored_notes[0]
        yield Delay(
            "rejection_ignored",
            f"A rejection note hides nothing: its sender ({note.sender}) may not reject images.",
            note.received_at,
        )
    yield _nothing(facts)


def _nothing(facts: StudyFacts) -> Delay:
    confirmed = sorted({one.destination for one in facts.deliveries if one.state == "CONFIRMED"})
    if confirmed:
        return Delay("nothing", f"Nothing: the results are confirmed by {', '.join(confirmed)}.")
    if any(job.status == "COMPLETED" for job in facts.jobs):
        return Delay("nothing", "Nothing: the results are here.")
    return Delay("nothing", "Nothing: everything has arrived, and no pipeline is to run on it.")
