"""Studies on a list (`storage.db.due.studies`) are decided on again, a few in each round."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from inference.failures import place
from inference.model_registry.status import Standing, shadows
from inference.pipeline import Pipeline
from inference.rules.file import current_rules
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import DecisionStorage
from storage.container.has import HasEngine, HasShadowRuns
from storage.core.errors import NotFound
from storage.db.due.studies import StudiesDue
from storage.outbox.retry_policies import RetryPolicy

log = structlog.get_logger(__name__)

_STUDIES_PER_ROUND = 16
# Headers are read for each study: other work of the round is not to wait for long.
_ROUND_S = 1.0
_AGAIN = RetryPolicy(60.0, 3600.0)
# While no pipeline asks. One that is added later does not run over what came long before it.
_NOBODY_ASKS = timedelta(minutes=5)
_FORGOTTEN_AFTER = timedelta(days=1)

Asked = TypeVar("Asked")
"""What is asked about a study: pipelines, or more."""


@dataclass(frozen=True)
class AskedAgain:
    """A pipeline that a study is decided on again for, or only its run in the shadow."""

    standing: Standing
    in_shadow: bool = False


def asked_again(
    storage: "LaterDecisionStorage",
    offered_ones: Sequence[Standing],
    asks: Callable[[Pipeline], bool],
    pipelines: Sequence[Pipeline] | None,
) -> list[AskedAgain]:
    """Of those offered, and of those in the shadow, which `asks` says yes of."""
    found = [AskedAgain(one) for one in offered_ones]
    found += [
        AskedAgain(one, in_shadow=True)
        for one in shadows(storage.settings, storage.model_states, pipelines)
    ]
    return [one for one in found if asks(one.standing.pipeline)]


class LaterDecisionStorage(DecisionStorage, HasShadowRuns, HasEngine, Protocol):
    """What of the storage layer studies are decided on again with."""

    @property
    def due_for_priors(self) -> StudiesDue: ...
    @property
    def due_for_results(self) -> StudiesDue: ...


def decide_due(
    storage: LaterDecisionStorage,
    studies: StudiesDue,
    now: datetime,
    asked: Callable[[], Sequence[Asked]],
    decide: Callable[[LaterDecisionStorage, str, Sequence[Asked], RuleSet], None],
    forgotten_after: timedelta = _FORGOTTEN_AFTER,
) -> int:
    """Decide on the longest due; how many were looked at.

    `asked`: what may say otherwise now, which is looked up where something is due only. `decide`:
    by it on the study of this UID; it raises NotFound for a deleted one. `forgotten_after`: while
    there is nothing that is asked. One study that cannot be decided on keeps no other waiting, and
    is tried again.
    """
    due = studies.due(now, _STUDIES_PER_ROUND)
    if not due:
        return 0
    what = asked()
    if not what:
        studies.put_off(now, _NOBODY_ASKS, forget_before=now - forgotten_after)
        return 0
    rules = current_rules(storage.settings)
    done = 0
    deadline = time.monotonic() + _ROUND_S
    for one in due:
        if done and time.monotonic() >= deadline:
            break
        # Before: a process that does not survive it would begin with the same study again.
        studies.failed(one, _AGAIN.again_at(one.attempts + 1, now))
        try:
            decide(storage, one.study_instance_uid, what, rules)
        except NotFound:
            studies.done(one)  # deleted meanwhile
        except Exception as error:  # noqa: BLE001 - one study must not hold up the others
            log.error(
                "study_not_decided_again",
                study_instance_uid=one.study_instance_uid,
                error=type(error).__name__,
                place=place(error),
            )
        else:
            studies.done(one)
        done += 1
    return done
