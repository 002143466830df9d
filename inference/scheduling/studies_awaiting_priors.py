"""Studies that are decided on again because a prior of theirs came, changed or went."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from inference.failures import place
from inference.input_selection.prior_images import image_prior_of
from inference.input_selection.prior_inputs import earlier_studies
from inference.input_selection.study_inputs import inputs_of
from inference.model_registry.status import Standing, offered
from inference.pipeline import Pipeline
from inference.rules.file import current_rules
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import DecisionStorage, is_decided
from inference.scheduling.due_studies import (
    AskedAgain,
    LaterDecisionStorage,
    asked_again,
    decide_due,
)
from inference.scheduling.schedule_one_series import decide_on_series, read_candidate
from inference.scheduling.schedule_study import decide_on_study
from inference.scheduling.shadowing import schedule_shadow_again
from storage.core.callers.visibility import as_node
from storage.core.entities import Job
from storage.core.errors import NotFound
from storage.core.postponed import Postponed
from storage.core.sources import are_imported
from storage.jobs.acceptance_decisions import AcceptanceDecisions
from storage.jobs.lost_priors import superseded_without_decision

log = structlog.get_logger(__name__)

_POSTPONED = "decision "


def takes_priors(pipeline: Pipeline) -> bool:
    """Whether it takes series of earlier studies."""
    return bool(_spans_days(pipeline))


def look_for_priors_again(
    storage: LaterDecisionStorage, now: datetime, pipelines: Sequence[Pipeline] | None = None
) -> int:
    """Ask pipelines that take priors again about studies that may have got one; about how many.

    With what the node may see, not who asked. What nobody has decided on yet waits for its turn.
    """

    def asked() -> list[AskedAgain]:
        standings = offered(storage.settings, storage.model_states, pipelines)
        return asked_again(storage, standings, takes_priors, pipelines)

    return decide_due(storage, storage.due_for_priors, now, asked, _look_again)


@as_node()
def _look_again(
    storage: LaterDecisionStorage,
    study_instance_uid: str,
    asked: Sequence[AskedAgain],
    rules: RuleSet,
) -> None:
    """By each pipeline within whose reach the patient's nearest earlier study is."""
    study = storage.index.study(study_instance_uid)
    nearest = next(earlier_studies(storage.index, study, None), None)
    if nearest is None:
        return
    for one in asked:
        if nearest[1] > max(_spans_days(one.standing.pipeline)):
            continue
        if one.in_shadow:
            schedule_shadow_again(storage, study_instance_uid, one.standing.pipeline)
        else:
            decide_again(storage, study_instance_uid, one.standing, rules)


def decide_without_lost_priors(
    storage: LaterDecisionStorage, limit: int, postponed: Postponed
) -> None:
    """Decide again where a result went with its prior; what cannot be decided is `postponed`."""
    left_out = {one.removeprefix(_POSTPONED) for one in postponed.current()}
    for job in superseded_without_decision(storage.engine, limit, left_out):
        # Also where nothing is thrown: a pipeline that is not installed any more has no word.
        postponed.add(_POSTPONED + job.job_id)
        decide_without_lost_prior(storage, job)


def decide_without_lost_prior(
    storage: DecisionStorage, job: Job, pipelines: Sequence[Pipeline] | None = None
) -> None:
    """Ask the pipeline of a superseded job again, where the job took a prior.

    Whatever fails is logged, and found again by `decide_without_lost_priors`.
    """
    try:
        inputs = storage.jobs.inputs_of(job.job_id)
        if all(one.study_instance_uid == job.study_instance_uid for one in inputs):
            return
        for standing in offered(storage.settings, storage.model_states, pipelines):
            if standing.pipeline.name == job.pipeline:
                rules = current_rules(storage.settings)
                decide_again(storage, job.study_instance_uid, standing, rules)
    except NotFound:
        pass  # deleted meanwhile
    except Exception as error:  # noqa: BLE001 - one study must not hold up the others
        log.error(
            "not_decided_without_prior",
            job_id=job.job_id,
            pipeline=job.pipeline,
            error=type(error).__name__,
            place=place(error),
        )


def _spans_days(pipeline: Pipeline) -> list[float]:
    """How far back it looks for each of its priors."""
    of_image = image_prior_of(pipeline)
    spans = [one.within_days for one in inputs_of(pipeline) if one.prior_of]
    return spans if of_image is None else [*spans, of_image.within_days]


def decide_again(
    storage: DecisionStorage, study_instance_uid: str, standing: Standing, rules: RuleSet
) -> None:
    """On each series by itself of a model of images; of several series, on behalf of any that was
    decided on, for the word is about all of them.

    What the pipeline was run on stays run on, though the rules refuse it: a person asked for it.
    """
    before = _accepted(storage.acceptance_decisions, study_instance_uid, standing.pipeline)
    of_several = bool(inputs_of(standing.pipeline))
    for series in storage.index.series_of(study_instance_uid):
        if series.origin == "generated" or series.state != "COMPLETE":
            continue
        instances = storage.index.instances_of(study_instance_uid, series.series_instance_uid)
        ran = bool(before) if of_several else series.series_instance_uid in before
        if not is_decided(storage.acceptance_decisions, series) or (
            are_imported(instances) and not ran
        ):
            continue
        if of_several:
            decide_on_study(storage, series, standing, rules=rules)
            if ran and not _accepted(
                storage.acceptance_decisions, study_instance_uid, standing.pipeline
            ):
                decide_on_study(storage, series, standing)
            return
        candidate = read_candidate(storage.instances, series, instances)
        decision = decide_on_series(storage, candidate, standing, rules=rules)
        if ran and not decision.accepted:
            decide_on_series(storage, candidate, standing)


def _accepted(
    acceptance_decisions: AcceptanceDecisions, study_instance_uid: str, pipeline: Pipeline
) -> set[str]:
    """Series of the study on which the pipeline was to run."""
    return {
        one.series_instance_uid
        for one in acceptance_decisions.of_study(study_instance_uid)
        if one.pipeline == pipeline.name and one.accepted
    }
