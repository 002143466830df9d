"""The decision of a pipeline that takes several series of a study, and the jobs it leads to."""

from inference.input_selection.study_inputs import StudyInputs, choose_inputs
from inference.model_registry.status import Standing
from inference.pipeline import Acceptance, runs_on_request
from inference.rules.card_condition import received_as_known
from inference.rules.facts import SeriesFacts
from inference.rules.judge import rule_on
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import (
    DecisionStorage,
    could_not_judge,
    is_decided,
    log_scheduled,
    may_run,
    results_in,
    supersede_others,
)
from storage.core.clock import utcnow
from storage.core.entities import Decision, Series
from storage.core.errors import StorageFull, StorageUnavailable


def decide_on_study(
    storage: DecisionStorage,
    series: Series,
    standing: Standing,
    priority: int = 0,
    rules: RuleSet | None = None,
) -> Decision:
    """The word of a pipeline that takes several series, on the one that is at hand.

    What is complete of the study is looked at again with each of its series, so that the one that
    comes last, or a better one, leads to a job. The others that were decided on get their word
    again. Without `rules`, on a person's word, the pipeline alone decides.
    """
    pipeline = standing.pipeline
    found = StudyInputs({})
    acceptance = may_run(standing)
    if acceptance.accepted:
        try:
            with received_as_known(storage.index.instances_of, storage.worklist):
                found = choose_inputs(
                    storage.index,
                    storage.instances,
                    results_in(storage),
                    pipeline,
                    series.study_instance_uid,
                )
            acceptance = found.acceptance
        except (StorageFull, StorageUnavailable):
            raise  # nothing was decided; the series is offered again
        except Exception as error:  # noqa: BLE001 - a pipeline's edge, as in `_judge`
            acceptance = could_not_judge("study", pipeline, series, error)
    reference = found.chosen.get(getattr(pipeline, "reference", ""))
    if acceptance.accepted and reference is not None and rules is not None:
        facts = SeriesFacts.received(
            reference.headers, reference.candidate.instances, storage.worklist
        )
        ruling = rule_on(rules, pipeline.name, facts, on_request=runs_on_request(pipeline))
        acceptance = Acceptance(ruling.allowed, f"{acceptance.reason} {ruling.reason}".strip())
        priority = priority if ruling.priority is None else ruling.priority
    job_id = None
    if acceptance.accepted and reference is not None:
        job, created = storage.jobs.schedule(
            pipeline.name,
            pipeline.version,
            series.study_instance_uid,
            reference.candidate.series.series_instance_uid,
            found.fingerprint,
            priority,
            inputs=found.inputs,
        )
        job_id = job.job_id
        if created:
            log_scheduled(job)
        supersede_others(storage.jobs, storage.withdrawals, job)
    decision = _of_study(series, standing, found, acceptance, job_id)
    storage.acceptance_decisions.record(decision)
    for other in storage.index.series_of(series.study_instance_uid):
        # One that nobody has decided on yet waits for its turn, at which all pipelines are asked.
        if (
            other.series_instance_uid != series.series_instance_uid
            and other.origin != "generated"
            and other.state == "COMPLETE"
            and is_decided(storage.acceptance_decisions, other)
        ):
            storage.acceptance_decisions.record(
                _of_study(other, standing, found, acceptance, job_id)
            )
    return decision


def _of_study(
    series: Series,
    standing: Standing,
    found: StudyInputs,
    acceptance: Acceptance,
    job_id: str | None,
) -> Decision:
    role = found.role_of(series.series_instance_uid)
    accepted = acceptance.accepted and bool(role)
    reason = acceptance.reason
    if acceptance.accepted and not role:
        reason = f"This series is none of its inputs. {reason}"
    return Decision(
        study_instance_uid=series.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        pipeline=standing.pipeline.name,
        pipeline_version=standing.pipeline.version,
        input_fingerprint=series.fingerprint,
        accepted=accepted,
        reason=reason,
        job_id=job_id if accepted else None,
        decided_at=utcnow(),
    )
