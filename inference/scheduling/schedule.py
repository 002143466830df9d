"""Complete series × catalogue → jobs, and a stored reason for every pipeline that does not run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from pydicom.dataset import Dataset

from inference.failures import explain, place
from inference.imaging.stacks import SeriesStack
from inference.models.registry.status import Standing, offered, standings
from inference.pipeline import Acceptance, Pipeline, runs_on_request
from inference.rules.facts import SeriesFacts
from inference.rules.file import current_rules
from inference.rules.judge import rule_on
from inference.rules.model import Rule, RuleSet
from inference.scheduling.choose_series import choose_series
from inference.scheduling.completeness import complete_quiet_series
from inference.scheduling.deciding import could_not_judge, is_decided, log_scheduled, may_run
from inference.scheduling.schedule_study import decide_on_study
from inference.scheduling.selection import Selection, select_input, with_geometry
from inference.scheduling.shadowing import schedule_shadows
from inference.scheduling.study_inputs import inputs_of
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Instance, JobState, Series
from storage.core.errors import StorageFull, StorageUnavailable
from storage.core.sources import are_imported, senders_of
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.acceptance_decisions import Decisions
from storage.jobs.pending_series import undecided_series
from storage.jobs.repository import Jobs
from storage.jobs.withdrawals import SUPERSEDED, Withdrawals
from storage.models.registry import ModelStates
from storage.settings import Settings

log = structlog.get_logger(__name__)

# A round stays short, so that what is due in the meantime need not wait for it.
_SERIES_PER_ROUND = 16
IMPORTED = (
    "The series was imported. Pipelines run on it when a person asks for it, or where it is"
    " imported with --run-pipelines."
)
_UNFINISHED: tuple[JobState, ...] = ("SCHEDULED", "IN PROGRESS")


@dataclass(frozen=True)
class _Candidate:
    """A complete series with what the catalogue judges it by."""

    series: Series
    instances: Sequence[Instance]
    headers: Sequence[Dataset]
    unreadable: str = ""
    """Why the headers could not be read; no pipeline can take the series then."""


def complete_and_schedule(
    storage: Storage,
    now: datetime,
    pipelines: Sequence[Pipeline] | None = None,
    since: datetime | None = None,
) -> list[Decision]:
    """Complete what is quiet, and offer every complete series that has no decision yet.

    The second half finds its work in the index, so that a process that dies between the
    two delays a series and never loses it. `since` spares it series without news.
    """
    complete_quiet_series(storage.settings, storage.index, storage.expectations, now)
    decisions: list[Decision] = []
    for series in undecided_series(storage.engine, _SERIES_PER_ROUND, since):
        try:
            decisions.extend(schedule_series(storage, series, pipelines))
        except (StorageFull, StorageUnavailable) as error:
            # Stays undecided and is offered again; the next series may be elsewhere.
            log.warning(
                "series_not_decided",
                series_instance_uid=series.series_instance_uid,
                error=error.code,
            )
    return decisions


def _follow_measured(storage: Storage, series: Series) -> None:
    """Lesions that readers measured in the study; what cannot be read keeps no pipeline waiting."""
    of_study = storage.index.series_of(series.study_instance_uid)
    if not any(one.origin == "generated" and one.modality == "SR" for one in of_study):
        return
    # What aligns images is large, and few studies are measured before they are complete.
    from inference.lesions.drawn import schedule_when_complete

    try:
        schedule_when_complete(storage, series)
    except (StorageFull, StorageUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - the reports of others, whatever they are
        log.error(
            "measured_lesions_not_followed",
            series_instance_uid=series.series_instance_uid,
            error=type(error).__name__,
            place=place(error),
        )


def schedule_series(
    storage: Storage, series: Series, pipelines: Sequence[Pipeline] | None = None
) -> list[Decision]:
    """Offer one complete series to every pipeline and store what each said.

    Doing it again changes nothing: a job is unique on pipeline, version and fingerprint.
    Our own results are offered to nobody, and no series to a pipeline for uploaded images.
    """
    if series.origin == "generated" or series.state != "COMPLETE":
        return []
    # First, since a series that is decided is not looked at again.
    _follow_measured(storage, series)
    instances = storage.index.instances_of(series.study_instance_uid, series.series_instance_uid)
    if are_imported(instances):
        return _leave_imported(
            storage.settings, storage.decisions, storage.model_states, series, pipelines
        )
    candidate = _read(storage.instances, series, instances)
    rules = current_rules(storage.settings)
    if not candidate.unreadable:
        schedule_shadows(
            storage.settings,
            storage.model_states,
            storage.shadow_runs,
            series,
            candidate.instances,
            candidate.headers,
            pipelines,
        )
    return [
        decide_on_study(storage, series, standing, rules=rules)
        if inputs_of(standing.pipeline)
        else _decide(storage, candidate, standing, rules=rules)
        for standing in offered(storage.settings, storage.model_states, pipelines)
        if standing.pipeline.input_kind != "image"
    ]


def schedule_pipeline(
    storage: Storage, series: Series, pipeline: Pipeline, priority: int = 0
) -> Decision:
    """Offer one complete series to one pipeline, on somebody's word, and store what it said.

    A series that waits for its turn is offered to every pipeline before: once any decision
    is stored, nobody would look at it again.
    """
    if series.state == "COMPLETE" and not is_decided(storage.decisions, series):
        schedule_series(storage, series)
    if series.origin == "generated":
        reason = "The series is a result of this node."
    elif pipeline.input_kind == "image":
        reason = f"{pipeline.title} takes uploaded pictures, not DICOM series."
    else:
        (standing,) = standings(storage.settings, storage.model_states, [pipeline])
        if inputs_of(pipeline):
            return decide_on_study(storage, series, standing, priority)
        instances = storage.index.instances_of(
            series.study_instance_uid, series.series_instance_uid
        )
        return _decide(storage, _read(storage.instances, series, instances), standing, priority)
    return _decision(series, pipeline, Acceptance(False, reason))


def _leave_imported(
    settings: Settings,
    acceptance_decisions: Decisions,
    model_states: ModelStates,
    series: Series,
    pipelines: Sequence[Pipeline] | None,
) -> list[Decision]:
    """Years of an archive are not analysed because somebody brought them in."""
    decisions = [
        _decision(series, standing.pipeline, Acceptance(False, IMPORTED))
        for standing in offered(settings, model_states, pipelines)
        if standing.pipeline.input_kind != "image"
    ]
    for decision in decisions:
        acceptance_decisions.record(decision)
    return decisions


def _decision(
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


def _read(
    instance_reader: InstanceReader, series: Series, instances: Sequence[Instance]
) -> _Candidate:
    try:
        headers = [instance_reader.dataset(one, stop_before_pixels=True) for one in instances]
    except (StorageFull, StorageUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a strange data set makes pydicom raise
        reason = f"The series cannot be read. {explain(error).sentence}"
        log.warning(
            "series_unreadable",
            series_instance_uid=series.series_instance_uid,
            error=type(error).__name__,
            place=place(error),
        )
        return _Candidate(series, instances, (), reason)
    return _Candidate(series, instances, headers)


def _decide(
    storage: Storage,
    candidate: _Candidate,
    standing: Standing,
    priority: int = 0,
    rules: RuleSet | None = None,
) -> Decision:
    """Without `rules`, on a person's word, the pipeline alone decides."""
    series, pipeline = candidate.series, standing.pipeline
    selection = _judge(candidate, standing)
    acceptance = selection.acceptance
    if rules is not None and acceptance.accepted:
        acceptance, rule = _under_rules(storage, selection, candidate, pipeline, rules)
        priority = priority if rule is None else rule.priority
    job_id = None
    if acceptance.accepted:
        job, created = storage.jobs.schedule(
            pipeline.name,
            pipeline.version,
            series.study_instance_uid,
            series.series_instance_uid,
            series.fingerprint,
            priority,
        )
        job_id = job.job_id
        if created:
            log_scheduled(job)
    _supersede(storage.jobs, storage.withdrawals, series, pipeline)
    decision = _decision(series, pipeline, acceptance, job_id)
    storage.decisions.record(decision)
    return decision


def _under_rules(
    storage: Storage,
    selection: Selection,
    candidate: _Candidate,
    pipeline: Pipeline,
    rules: RuleSet,
) -> tuple[Acceptance, Rule | None]:
    """What the pipeline accepts may still be refused by the site, never the other way round."""
    acceptance = selection.acceptance
    facts = SeriesFacts(selection.headers, senders_of(candidate.instances))
    ruling = rule_on(rules, pipeline.name, facts, on_request=runs_on_request(pipeline))
    if not ruling.allowed:
        return Acceptance(False, ruling.reason), None
    if ruling.rule is None:
        return acceptance, None
    allowed = Acceptance(True, f"{acceptance.reason} {ruling.reason}")
    return choose_series(
        storage, candidate.series, selection.headers, pipeline.name, ruling.rule, allowed
    ), ruling.rule


def _judge(candidate: _Candidate, standing: Standing) -> Selection:
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
        )
    except (StorageFull, StorageUnavailable):
        raise  # nothing was decided; the series is offered again
    except Exception as error:  # noqa: BLE001 - a pipeline's edge: one must not block the others
        refused = could_not_judge("series", pipeline, candidate.series, error)
        return Selection(refused, whole, candidate.headers)


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
    job_repository: Jobs, withdrawals: Withdrawals, series: Series, pipeline: Pipeline
) -> None:
    """A late instance made a new fingerprint: unfinished work on the old one is void."""
    for state in _UNFINISHED:
        jobs, _ = job_repository.list(study_instance_uid=series.study_instance_uid, state=state)
        for job in jobs:
            if (
                job.series_instance_uid == series.series_instance_uid
                and job.pipeline == pipeline.name
                and job.input_fingerprint != series.fingerprint
            ):
                withdrawals.supersede(job.job_id, SUPERSEDED, utcnow())
