"""Pipelines that take results of others are asked again where a result came, changed or went."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from inference.failures import place
from inference.model_registry.chains import takes_results
from inference.model_registry.status import Standing, offered
from inference.pipeline import Pipeline
from inference.rules.file import current_rules
from inference.rules.model import RuleSet
from inference.scheduling.later_studies import decide_again
from inference.scheduling.schedule import in_order
from storage.container import Storage
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.jobs.upstream import RESULT_CHANGED
from storage.outbox.retry_policies import RetryPolicy

log = structlog.get_logger(__name__)

_STUDIES_PER_ROUND = 16
_AGAIN = RetryPolicy(60.0, 3600.0)
# While no pipeline takes results. One that is added later does not run over what came long before.
_NOBODY_ASKS = timedelta(minutes=5)
_FORGOTTEN_AFTER = timedelta(days=1)


def look_for_results_again(
    storage: Storage, now: datetime, pipelines: Sequence[Pipeline] | None = None
) -> int:
    """Ask pipelines that take results about studies in which some came, changed or went; about how
    many. One that cannot be decided on keeps no other waiting, and is tried again."""
    due = storage.results_due.due(now, _STUDIES_PER_ROUND)
    if not due:
        return 0
    standings = in_order(offered(storage.settings, storage.model_states, pipelines))
    asked = [one for one in standings if takes_results(one.pipeline)]
    if not asked:
        storage.results_due.put_off(now, _NOBODY_ASKS, forget_before=now - _FORGOTTEN_AFTER)
        return 0
    rules = current_rules(storage.settings)
    for one in due:
        try:
            _ask(storage, one.study_instance_uid, asked, rules)
        except NotFound:
            storage.results_due.done(one)  # deleted meanwhile
        except Exception as error:  # noqa: BLE001 - one study must not hold up the others
            log.error(
                "study_with_results_not_decided",
                study_instance_uid=one.study_instance_uid,
                error=type(error).__name__,
                place=place(error),
            )
            storage.results_due.failed(one, _AGAIN.again_at(one.attempts + 1, now))
        else:
            storage.results_due.done(one)
    return len(due)


@as_node()
def _ask(
    storage: Storage, study_instance_uid: str, asked: Sequence[Standing], rules: RuleSet
) -> None:
    """Each in the order of the chain, so that the next one knows whether the one before runs."""
    storage.index.study(study_instance_uid)
    for standing in asked:
        decide_again(storage, study_instance_uid, standing, rules)
    names = {one.pipeline.name for one in asked}
    for job in storage.jobs.of_studies([study_instance_uid])[study_instance_uid]:
        # Where a new job took its place, it is superseded already.
        if (
            job.pipeline in names
            and not job.ending
            and any(one.upstream_job_id for one in storage.jobs.inputs_of(job.job_id))
            and not storage.jobs.is_current(job)
        ):
            storage.withdrawals.supersede(job.job_id, RESULT_CHANGED, utcnow())
