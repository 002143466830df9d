"""Pipelines that take results of others are asked again where a result came, changed or went."""

from collections.abc import Sequence
from datetime import datetime

from inference.model_registry.chains import takes_results
from inference.model_registry.status import offered
from inference.pipeline import Pipeline
from inference.rules.rule_set import RuleSet
from inference.scheduling.due_studies import (
    AskedAgain,
    LaterDecisionStorage,
    asked_again,
    decide_due,
)
from inference.scheduling.schedule import in_order
from inference.scheduling.shadowing import schedule_shadow_again
from inference.scheduling.studies_awaiting_priors import decide_again
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.jobs.upstream import RESULT_CHANGED


def look_for_results_again(
    storage: LaterDecisionStorage, now: datetime, pipelines: Sequence[Pipeline] | None = None
) -> int:
    """Ask pipelines that take results about studies in which some came, changed or went; about how
    many."""

    def asked() -> list[AskedAgain]:
        standings = in_order(offered(storage.settings, storage.model_states, pipelines))
        return asked_again(storage, standings, takes_results, pipelines)

    return decide_due(storage, storage.due_for_results, now, asked, _ask)


@as_node()
def _ask(
    storage: LaterDecisionStorage,
    study_instance_uid: str,
    asked: Sequence[AskedAgain],
    rules: RuleSet,
) -> None:
    """Each in the order of the chain, so that the next one knows whether the one before runs."""
    storage.index.study(study_instance_uid)
    for one in asked:
        if one.in_shadow:
            schedule_shadow_again(storage, study_instance_uid, one.standing.pipeline)
        else:
            decide_again(storage, study_instance_uid, one.standing, rules)
    names = {one.standing.pipeline.name for one in asked if not one.in_shadow}
    for job in storage.jobs.of_studies([study_instance_uid])[study_instance_uid]:
        # Where a new job took its place, it is superseded already.
        if (
            job.pipeline in names
            and not job.ending
            and any(one.upstream_job_id for one in storage.jobs.inputs_of(job.job_id))
            and not storage.jobs.is_current(job)
        ):
            storage.withdrawals.supersede(job.job_id, RESULT_CHANGED, utcnow())
