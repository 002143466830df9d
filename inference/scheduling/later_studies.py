"""Studies that are decided on again because a prior of theirs came, changed or went."""

from collections.abc import Sequence

import structlog

from inference.failures import place
from inference.input_selection.prior_images import image_prior_of
from inference.input_selection.study_inputs import inputs_of
from inference.model_registry.status import Standing, offered
from inference.pipeline import Pipeline
from inference.rules.file import current_rules
from inference.rules.model import RuleSet
from inference.scheduling.deciding import is_decided
from inference.scheduling.schedule_one_series import decide_on_series, read_candidate
from inference.scheduling.schedule_study import decide_on_study
from storage.container import Storage
from storage.core.callers.visibility import as_node
from storage.core.entities import Job, Series, Study
from storage.core.errors import NotFound
from storage.core.postponed import Postponed
from storage.core.sources import are_imported
from storage.core.text.dates import date_of
from storage.jobs.lost_priors import superseded_without_decision

log = structlog.get_logger(__name__)

_POSTPONED = "decision "


def takes_priors(pipeline: Pipeline) -> bool:
    """Whether it takes series of earlier studies."""
    return bool(_spans_days(pipeline))


def decide_on_later_studies(
    storage: Storage, decided: Sequence[Series], pipelines: Sequence[Pipeline] | None = None
) -> list[Series]:
    """Ask pipelines that take priors again about the studies of which these series may be one.

    Each later study once, whatever it has of series before it, and with what the node may see, not
    who asked. What nobody has decided on yet waits for its turn; where a series is none of their
    inputs nothing changes. A later study that cannot be decided on is logged; the series before
    it are the answer.
    """
    modalities: dict[str, set[str]] = {}
    for series in decided:
        if series.origin != "generated" and series.state == "COMPLETE":
            modalities.setdefault(series.study_instance_uid, set()).add(series.modality)
    standings = offered(storage.settings, storage.model_states, pipelines) if modalities else []
    asked = [one for one in standings if takes_priors(one.pipeline)]
    if not asked:
        return []
    failed: set[str] = set()
    with as_node():
        rules = current_rules(storage.settings)
        done: set[tuple[str, str]] = set()
        for study_instance_uid, of_study in modalities.items():
            try:
                this = storage.index.study(study_instance_uid)
            except NotFound:
                continue  # deleted meanwhile
            for uid in storage.index.priors.imaged_after(study_instance_uid):
                if not _decide_on_later(storage, this, of_study, uid, asked, rules, done):
                    failed.add(study_instance_uid)
    return [one for one in decided if one.study_instance_uid in failed]


def _decide_on_later(
    storage: Storage,
    this: Study,
    modalities: set[str],
    study_instance_uid: str,
    asked: Sequence[Standing],
    rules: RuleSet,
    done: set[tuple[str, str]],
) -> bool:
    """On one of the later studies, by each pipeline that has not been asked about it yet; False
    where that failed."""
    try:
        later = storage.index.study(study_instance_uid)
        if modalities.isdisjoint(later.modalities):
            return True
        for standing in asked:
            key = study_instance_uid, standing.pipeline.name
            if key not in done and _within(standing.pipeline, this, later):
                done.add(key)
                _decide_again(storage, study_instance_uid, standing, rules)
    except NotFound:
        pass  # deleted meanwhile
    except Exception as error:  # noqa: BLE001 - one study must not hold up the others
        log.error(
            "later_study_not_decided",
            study_instance_uid=study_instance_uid,
            error=type(error).__name__,
            place=place(error),
        )
        return False
    return True


def decide_without_lost_priors(storage: Storage, limit: int, postponed: Postponed) -> None:
    """Decide again where a result went with its prior; what cannot be decided is `postponed`."""
    left_out = {one.removeprefix(_POSTPONED) for one in postponed.current()}
    for job in superseded_without_decision(storage.engine, limit, left_out):
        # Also where nothing is thrown: a pipeline that is not installed any more has no word.
        postponed.add(_POSTPONED + job.job_id)
        decide_without_lost_prior(storage, job)


def decide_without_lost_prior(
    storage: Storage, job: Job, pipelines: Sequence[Pipeline] | None = None
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
                _decide_again(storage, job.study_instance_uid, standing, rules)
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


def _within(pipeline: Pipeline, this: Study, later: Study) -> bool:
    then, now = date_of(this.study_date), date_of(later.study_date)
    if then is None or now is None:
        return False
    return (now - then).days <= max(_spans_days(pipeline))


def _spans_days(pipeline: Pipeline) -> list[float]:
    """How far back it looks for each of its priors."""
    of_image = image_prior_of(pipeline)
    spans = [one.within_days for one in inputs_of(pipeline) if one.prior_of]
    return spans if of_image is None else [*spans, of_image.within_days]


def _decide_again(
    storage: Storage, study_instance_uid: str, standing: Standing, rules: RuleSet
) -> None:
    """On each series by itself of a model of images; of several series, on behalf of any that was
    decided on, for the word is about all of them.

    What the pipeline was run on stays run on, though the rules refuse it: a person asked for it.
    """
    before = _accepted(storage, study_instance_uid, standing.pipeline)
    of_several = bool(inputs_of(standing.pipeline))
    for series in storage.index.series_of(study_instance_uid):
        if series.origin == "generated" or series.state != "COMPLETE":
            continue
        instances = storage.index.instances_of(study_instance_uid, series.series_instance_uid)
        ran = bool(before) if of_several else series.series_instance_uid in before
        if not is_decided(storage.decisions, series) or (are_imported(instances) and not ran):
            continue
        if of_several:
            decide_on_study(storage, series, standing, rules=rules)
            if ran and not _accepted(storage, study_instance_uid, standing.pipeline):
                decide_on_study(storage, series, standing)
            return
        candidate = read_candidate(storage.instances, series, instances)
        decision = decide_on_series(storage, candidate, standing, rules=rules)
        if ran and not decision.accepted:
            decide_on_series(storage, candidate, standing)


def _accepted(storage: Storage, study_instance_uid: str, pipeline: Pipeline) -> set[str]:
    """Series of the study on which the pipeline was to run."""
    return {
        one.series_instance_uid
        for one in storage.decisions.of_study(study_instance_uid)
        if one.pipeline == pipeline.name and one.accepted
    }
