"""Why each pipeline would or would not run on each series of a study, condition by condition."""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.failures import explain
from inference.input_selection.fitting_instances import fitting_instances, left_out_of
from inference.input_selection.prior_images import choose_prior_images, with_word
from inference.input_selection.result_inputs import StudyResults
from inference.input_selection.selection import select_input, word_of
from inference.input_selection.study_inputs import StudyInputs, choose_inputs, inputs_of
from inference.input_selection.study_phases import phases_known
from inference.model_registry.status import Standing, offered
from inference.pipeline import Acceptance, Pipeline, Readiness, runs_on_request
from inference.rules.card_condition import received_as_known
from inference.rules.facts import SeriesFacts
from inference.rules.file import current_rules
from inference.rules.judge import RuleTrace, rule_on
from inference.rules.order_facts import Orders
from inference.rules.rule_set import RuleSet
from inference.scheduling.schedule_one_series import Candidate, read_candidate
from storage.core.entities import Series
from storage.core.errors import StorageFull, StorageUnavailable
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.model_registry.registry import ModelStates
from storage.settings import Settings


@dataclass(frozen=True)
class Explanation:
    """One pipeline and one series: the pipeline's own word, then that of the site's rules."""

    series: Series
    pipeline: str
    accepts: Acceptance
    ready: bool
    ready_detail: str
    rules: tuple[RuleTrace, ...]
    would_run: bool
    reason: str
    priority: int | None = None
    """Of its job; None where no rule says anything about it."""


def explain_study(
    settings: Settings,
    index: Index,
    instance_reader: InstanceReader,
    orders: Orders,
    model_states: ModelStates,
    results: StudyResults,
    study_instance_uid: str,
    rules: RuleSet | None = None,
    pipelines: Sequence[Pipeline] | None = None,
) -> list[Explanation]:
    """Try every pipeline and rule on every received series; nothing is scheduled or stored.

    `rules` stand in for those in force, to try a file before it is used. Raises NotFound,
    InvalidRequest where the rules in force are wrong.
    """
    index.study(study_instance_uid)
    tried = current_rules(settings) if rules is None else rules
    everything = [
        one
        for one in offered(settings, model_states, pipelines)
        if one.pipeline.input_kind != "image"
    ]
    with received_as_known(index.instances_of, orders):
        of_several = {
            one.pipeline.name: _study_inputs(
                index, instance_reader, results, one.pipeline, study_instance_uid
            )
            for one in everything
            if inputs_of(one.pipeline)
        }
    explanations = []
    for series in index.series_of(study_instance_uid):
        if series.origin == "generated":
            continue
        instances = fitting_instances(
            index, instance_reader, study_instance_uid, series.series_instance_uid
        )
        candidate = read_candidate(instance_reader, series, instances)
        with (
            phases_known(index, instance_reader, study_instance_uid),
            received_as_known(index.instances_of, orders),
        ):
            explanations += [
                _explain(
                    candidate,
                    standing,
                    tried,
                    index,
                    instance_reader,
                    orders,
                    of_several.get(standing.pipeline.name),
                )
                for standing in everything
            ]
    return explanations


def _study_inputs(
    index: Index,
    instance_reader: InstanceReader,
    results: StudyResults,
    pipeline: Pipeline,
    study_instance_uid: str,
) -> StudyInputs:
    """One series that cannot be read does not keep the others from being explained."""
    try:
        return choose_inputs(index, instance_reader, results, pipeline, study_instance_uid)
    except (StorageFull, StorageUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a strange data set makes pydicom raise
        reason = f"{pipeline.title} could not judge the study: {explain(error).sentence}"
        return StudyInputs({}, acceptance=Acceptance(False, reason))


def _explain(
    candidate: Candidate,
    standing: Standing,
    rules: RuleSet,
    index: Index,
    instance_reader: InstanceReader,
    orders: Orders,
    study: StudyInputs | None,
) -> Explanation:
    pipeline = standing.pipeline
    series, instances, headers = candidate.series, candidate.instances, candidate.headers
    if candidate.unreadable:
        acceptance, judged = Acceptance(False, candidate.unreadable), headers
    elif study is not None:
        reference = study.chosen.get(getattr(pipeline, "reference", ""))
        role = study.role_of(series.series_instance_uid)
        acceptance = study.acceptance
        if acceptance.accepted and not role:
            acceptance = Acceptance(False, f"None of its inputs. {acceptance.reason}")
        judged = headers if reference is None else reference.headers
    else:
        selection = select_input(
            pipeline,
            instances,
            headers,
            lambda own, of_stack: word_of(pipeline, series, own, of_stack),
            None if pipeline.input_kind == "dicom-image" else candidate.stacks,
        )
        acceptance, judged = selection.acceptance, selection.headers
        if acceptance.accepted:
            found = choose_prior_images(index, instance_reader, pipeline, judged)
            acceptance = with_word(acceptance, found)
    readiness = pipeline.readiness()
    if standing.blocked:
        readiness = Readiness(False, standing.blocked)
    ruling = rule_on(
        rules,
        pipeline.name,
        SeriesFacts.received(judged, instances, orders),
        on_request=runs_on_request(pipeline),
    )
    would_run = acceptance.accepted and readiness.ready and ruling.allowed
    if not acceptance.accepted:
        reason = acceptance.reason
    elif not readiness.ready:
        reason = readiness.detail
    else:
        reason = f"{acceptance.reason} {ruling.reason}".strip()
    caveat = left_out_of(series.instance_count, len(instances))
    if caveat is not None:
        reason = f"{reason} {caveat.text}"
    return Explanation(
        series,
        pipeline.name,
        acceptance,
        readiness.ready,
        readiness.detail,
        ruling.tried,
        would_run,
        reason,
        ruling.priority,
    )
