"""One complete series × one pipeline → a job, or the reason why it does not run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import structlog
from pydicom.dataset import Dataset

from inference.failures import explain, place
from inference.imaging.stacks import SeriesStack, stacks_of
from inference.input_selection.choose_series import choose_series
from inference.input_selection.fitting_instances import left_out_of
from inference.input_selection.prior_images import (
    PriorImages,
    choose_prior_images,
    image_prior_of,
    with_word,
)
from inference.input_selection.selection import Selection, select_input, with_geometry
from inference.input_selection.study_phases import phases_known
from inference.model_registry.status import Standing
from inference.pipeline import Acceptance, Pipeline, runs_on_request
from inference.rules.card_condition import received_as_known
from inference.rules.facts import SeriesFacts
from inference.rules.judge import Ruling, rule_on
from inference.rules.order_facts import Orders
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import (
    DecisionStorage,
    could_not_judge,
    log_scheduled,
    may_run,
    supersede_others,
)
from storage.core.clock import utcnow
from storage.core.entities import OPEN_STATES, Decision, Instance, Series
from storage.core.errors import StorageFull, StorageUnavailable
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.repository import Jobs
from storage.jobs.withdrawals import SUPERSEDED, Withdrawals

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Candidate:
    """A complete series with what the catalogue judges it by."""

    series: Series
    instances: Sequence[Instance]
    headers: Sequence[Dataset]
    unreadable: str = ""
    """Why the headers could not be read; no pipeline can take the series then."""

    @cached_property
    def stacks(self) -> tuple[SeriesStack, ...]:
        """For all pipelines: thousands of frames take a second to be divided."""
        return stacks_of(self.headers)


def read_candidate(
    instance_reader: InstanceReader, series: Series, instances: Sequence[Instance]
) -> Candidate:
    try:
        headers = instance_reader.headers(instances)
    except (StorageFull, StorageUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a strange data set makes pydicom raise
        return unreadable_candidate(series, instances, error)
    return Candidate(series, instances, headers)


def unreadable_candidate(
    series: Series, instances: Sequence[Instance], error: Exception
) -> Candidate:
    """One whose headers could not be read, with the reason."""
    log.warning(
        "series_unreadable",
        series_instance_uid=series.series_instance_uid,
        error=type(error).__name__,
        place=place(error),
    )
    return Candidate(series, instances, (), f"The series cannot be read. {explain(error).sentence}")


def decide_on_series(
    storage: DecisionStorage,
    candidate: Candidate,
    standing: Standing,
    priority: int = 0,
    rules: RuleSet | None = None,
) -> Decision:
    """Without `rules`, on a person's word, the pipeline alone decides."""
    study_instance_uid = candidate.series.study_instance_uid
    with (
        phases_known(storage.index, storage.instances, study_instance_uid),
        received_as_known(storage.index.instances_of, storage.worklist),
    ):
        return _decided(storage, candidate, standing, priority, rules)


def _decided(
    storage: DecisionStorage,
    candidate: Candidate,
    standing: Standing,
    priority: int,
    rules: RuleSet | None,
) -> Decision:
    series, pipeline = candidate.series, standing.pipeline
    selection = judge_series(candidate, standing)
    acceptance = selection.acceptance
    found = PriorImages()
    if acceptance.accepted:
        found = _priors(storage.index, storage.instances, candidate, pipeline, selection)
        acceptance = with_word(acceptance, found)
        selection = replace(selection, acceptance=acceptance)
    if rules is not None and acceptance.accepted:
        acceptance, by_rules = _under_rules(storage, selection, candidate, pipeline, rules)
        priority = priority if by_rules is None else by_rules
    job_id = None
    if acceptance.accepted:
        job, created = storage.jobs.schedule(
            pipeline.name,
            pipeline.version,
            series.study_instance_uid,
            series.series_instance_uid,
            found.fingerprint(series),
            priority,
            inputs=found.inputs(series),
        )
        job_id = job.job_id
        if created:
            log_scheduled(job)
    _supersede(storage.jobs, storage.withdrawals, series, pipeline, found.fingerprint(series))
    if job_id is not None and image_prior_of(pipeline) is not None:
        supersede_others(storage.jobs, storage.withdrawals, job, on_its_series=True)
    caveat = left_out_of(series.instance_count, len(candidate.instances))
    if caveat is not None:
        acceptance = replace(acceptance, reason=f"{acceptance.reason} {caveat.text}")
    decision = decision_of(series, pipeline, acceptance, job_id)
    storage.acceptance_decisions.record(decision)
    return decision


def decision_of(
    series: Series, pipeline: Pipeline, acceptance: Acceptance, job_id: str | None = None
) -> Decision:
    return Decision(
        study_instance_uid=series.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        pipeline=pipeline.name,
        pipeline_version=pipeline.version,
        input_fingerprint=series.fingerprint,
        accepted=acceptance.accepted,
        reason=acceptance.reason,
        job_id=job_id,
        decided_at=utcnow(),
    )


def _under_rules(
    storage: DecisionStorage,
    selection: Selection,
    candidate: Candidate,
    pipeline: Pipeline,
    rules: RuleSet,
) -> tuple[Acceptance, int | None]:
    """What the pipeline accepts may still be refused by the site, never the other way round.

    With it the priority, where rules say one.
    """
    acceptance = selection.acceptance
    ruling = ruling_on(storage.worklist, selection, candidate, pipeline, rules)
    if not ruling.allowed:
        return Acceptance(False, ruling.reason), None
    if ruling.rule is None:
        return acceptance, ruling.priority
    allowed = Acceptance(True, f"{acceptance.reason} {ruling.reason}")
    return choose_series(
        storage, candidate.series, selection.headers, pipeline.name, ruling.rule, allowed
    ), ruling.priority


def ruling_on(
    orders: Orders, selection: Selection, candidate: Candidate, pipeline: Pipeline, rules: RuleSet
) -> Ruling:
    """What the site's rules say of what the pipeline takes of the series."""
    facts = SeriesFacts.received(selection.headers, candidate.instances, orders)
    return rule_on(rules, pipeline.name, facts, on_request=runs_on_request(pipeline))


def judge_series(candidate: Candidate, standing: Standing) -> Selection:
    """The pipeline's word on the stack that it takes, or why it could not be had."""
    pipeline = standing.pipeline
    whole = SeriesStack("", tuple(range(len(candidate.headers))))
    if candidate.unreadable:
        return Selection(Acceptance(False, candidate.unreadable), whole, ())
    try:
        return select_input(
            pipeline,
            candidate.instances,
            candidate.headers,
            lambda instances, headers: _ask(candidate.series, instances, headers, standing),
            None if pipeline.input_kind == "dicom-image" else candidate.stacks,
        )
    except (StorageFull, StorageUnavailable):
        raise  # nothing was decided; the series is offered again
    except Exception as error:  # noqa: BLE001 - a pipeline's edge: one must not block the others
        refused = could_not_judge("series", pipeline, candidate.series, error)
        return Selection(refused, whole, candidate.headers)


def _priors(
    index: Index,
    instances: InstanceReader,
    candidate: Candidate,
    pipeline: Pipeline,
    selection: Selection,
) -> PriorImages:
    """What the images are compared with, or why that could not be found out."""
    try:
        return choose_prior_images(index, instances, pipeline, selection.headers)
    except (StorageFull, StorageUnavailable):
        raise  # nothing was decided; the series is offered again
    except Exception as error:  # noqa: BLE001 - a pipeline's edge, as above
        word = could_not_judge("earlier study", pipeline, candidate.series, error)
        return PriorImages(word=word)


def _ask(
    series: Series,
    instances: Sequence[Instance],
    headers: Sequence[Dataset],
    standing: Standing,
) -> Acceptance:
    """Its rule, then whether it may and could run, then whether the geometry allows it."""
    pipeline = standing.pipeline
    acceptance = pipeline.accepts(series, instances, headers)
    if not acceptance.accepted:
        return acceptance
    allowed = may_run(standing)
    if not allowed.accepted:
        return allowed
    if pipeline.input_kind == "volume":
        return with_geometry(acceptance, headers, pipeline)
    return acceptance


def _supersede(
    job_repository: Jobs,
    withdrawals: Withdrawals,
    series: Series,
    pipeline: Pipeline,
    fingerprint: str,
) -> None:
    """A late instance made a new fingerprint: unfinished work on the old one is void."""
    for state in OPEN_STATES:
        jobs, _ = job_repository.list(study_instance_uid=series.study_instance_uid, state=state)
        for job in jobs:
            if (
                job.series_instance_uid == series.series_instance_uid
                and job.pipeline == pipeline.name
                and job.input_fingerprint != fingerprint
            ):
                withdrawals.supersede(job.job_id, SUPERSEDED, utcnow())
