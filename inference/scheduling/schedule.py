"""Complete series × catalogue → jobs, and a stored reason for every pipeline that does not run."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from inference.failures import place
from inference.input_selection.fitting_instances import fitting_instances
from inference.input_selection.study_inputs import inputs_of
from inference.model_registry.chains import place_in_chain
from inference.model_registry.status import Standing, offered, standings
from inference.pipeline import Acceptance, Pipeline
from inference.reasons import reason as because
from inference.rules.card_condition import received_as_known
from inference.rules.file import current_rules
from inference.scheduling.completeness import complete_quiet_series
from inference.scheduling.deciding import DecisionStorage, is_decided
from inference.scheduling.early_candidate import EarlyCandidate
from inference.scheduling.header_slices import HeaderSlices
from inference.scheduling.schedule_one_series import decide_on_series, decision_of, read_candidate
from inference.scheduling.schedule_study import decide_on_study
from inference.scheduling.shadowing import schedule_shadows
from storage.container.has import (
    HasEngine,
    HasExpectations,
    HasPeers,
    HasSeriesTries,
    HasShadowRuns,
)
from storage.core.callers.turns import Turn
from storage.core.entities import Decision, Series
from storage.core.errors import NotFound, StorageFull, StorageUnavailable
from storage.core.sources import are_imported
from storage.jobs.acceptance_decisions import AcceptanceDecisions
from storage.jobs.pending_series import undecided_with_sources
from storage.model_registry.registry import ModelStates
from storage.settings import Settings

log = structlog.get_logger(__name__)

# A round stays short, so that what is due in the meantime need not wait for it.
_SERIES_PER_ROUND = 16
# However many one source has sent, those of others are found among them.
_SERIES_LOOKED_PAST = 1_000
IMPORTED = because("imported")


class SchedulingStorage(
    DecisionStorage, HasEngine, HasShadowRuns, HasExpectations, HasSeriesTries, HasPeers, Protocol
):
    """What of the storage layer series are completed, and offered to pipelines, with."""


def complete_and_schedule(
    storage: SchedulingStorage,
    now: datetime,
    pipelines: Sequence[Pipeline] | None = None,
    since: datetime | None = None,
    early: EarlyCandidate | None = None,
    slices: HeaderSlices | None = None,
    between: Callable[[], None] = lambda: None,
) -> list[Decision]:
    """Complete what is quiet, and offer every complete series that has no decision yet.

    The second half finds its work in the index, so that a process that dies between the
    two delays a series and never loses it. `since` spares it series without news. What takes long
    to read is read in `slices`, if there are rounds after this one; one that waits goes on in each.
    `between` is called after each series.
    """
    complete_quiet_series(storage.settings, storage.index, storage.expectations, now, between)
    decisions: list[Decision] = []
    waiting = () if slices is None else slices.waiting
    if slices is not None:
        slices.begin_round()
    for series, turn in _undecided(storage, since, waiting, slices):
        decisions.extend(_offered(storage, series, pipelines, early, slices))
        between()
        if slices is not None:
            slices.end_turn(turn)
            if slices.is_used_up:
                break  # the others have their turn in the next round
    if slices is not None and waiting:
        decisions.extend(_go_on_with(storage, waiting, pipelines, early, slices))
    return decisions


def _undecided(
    storage: SchedulingStorage,
    since: datetime | None,
    waiting: Collection[tuple[str, str]],
    slices: HeaderSlices | None,
) -> list[tuple[Series, Turn]]:
    """Series, each with whose turn it takes; those first of whom the least was taken lately."""
    if slices is None:
        found = undecided_with_sources(storage.engine, _SERIES_PER_ROUND, since, waiting)
        return [(series, Turn(source, source)) for series, source in found]
    found = undecided_with_sources(storage.engine, _SERIES_LOOKED_PAST, since, waiting)
    titles = {peer.ae_title for peer in storage.peers.recent()} if found else set()
    return slices.turns.in_turn_of_shares(found, titles)[:_SERIES_PER_ROUND]


def _go_on_with(
    storage: SchedulingStorage,
    waiting: Collection[tuple[str, str]],
    pipelines: Sequence[Pipeline] | None,
    early: EarlyCandidate | None,
    slices: HeaderSlices,
) -> list[Decision]:
    """A slice of the first of those that wait; where it is over, the next has its turn."""
    decisions: list[Decision] = []
    slices.begin_waiting()
    for key in waiting:
        try:
            series = storage.index.series(*key)
        except NotFound:
            series = None
        if (
            series is None
            or series.state != "COMPLETE"
            or (
                is_decided(storage.acceptance_decisions, series)
                and not storage.series_tries.is_open(*key)
            )
        ):
            # Gone, or its instances are others now: what was noted was of those before.
            slices.forget(key)
            storage.series_tries.forget(*key)
            continue
        decisions.extend(_offered(storage, series, pipelines, early, slices))
        if key in slices.waiting or slices.is_used_up:
            break  # of those behind it nothing is kept while it has its turn
    return decisions


def _offered(
    storage: SchedulingStorage,
    series: Series,
    pipelines: Sequence[Pipeline] | None,
    early: EarlyCandidate | None,
    slices: HeaderSlices | None,
) -> list[Decision]:
    tries = storage.series_tries
    try:
        # A series that this process does not survive is set aside at last.
        tries.begin(series)
        try:
            decisions = schedule_series(storage, series, pipelines, early, slices)
        except BaseException:
            # Some pipelines may have decided on it; it comes again for the others.
            tries.break_off(series)
            raise
        # Not decided on, it comes again, and other processes may not have survived it.
        (tries.end if decisions else tries.take_back)(series)
        return decisions
    except (StorageFull, StorageUnavailable) as error:
        # Stays undecided and is offered again; the next series may be elsewhere.
        log.warning(
            "series_not_decided",
            series_instance_uid=series.series_instance_uid,
            error=error.code,
        )
        return []


def _follow_measured(storage: SchedulingStorage, series: Series) -> None:
    """Lesions that readers measured in the study; what cannot be read keeps no pipeline waiting."""
    index, instances, jobs = storage.index, storage.instances, storage.jobs
    of_study = index.series_of(series.study_instance_uid)
    if not any(one.origin == "generated" and one.modality == "SR" for one in of_study):
        return
    # What aligns images is large, and few studies are measured before they are complete.
    from inference.lesions.drawn import schedule_when_complete

    try:
        storage.series_tries.refuse_set_aside(series.study_instance_uid, series.series_instance_uid)
        schedule_when_complete(index, instances, jobs, series)
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
    storage: SchedulingStorage,
    series: Series,
    pipelines: Sequence[Pipeline] | None = None,
    early: EarlyCandidate | None = None,
    slices: HeaderSlices | None = None,
) -> list[Decision]:
    """Offer one complete series to every pipeline and store what each decided; nothing where it is
    not read whole within its slice.

    Doing it again changes nothing: a job is unique on pipeline, version and fingerprint.
    Our own results are offered to nobody, and no series to a pipeline for uploaded images.
    """
    if series.origin == "generated" or series.state != "COMPLETE":
        return []
    # First, since a series that is decided is not looked at again.
    _follow_measured(storage, series)
    instances = fitting_instances(
        storage.index, storage.instances, series.study_instance_uid, series.series_instance_uid
    )
    everything = in_order(offered(storage.settings, storage.model_states, pipelines))
    if are_imported(instances):
        return _leave_imported(
            storage.settings, storage.acceptance_decisions, storage.model_states, series, pipelines
        )
    candidate = None if early is None else early.take(series, instances)
    if candidate is None and slices is not None:
        candidate = slices.read(storage.instances, series, instances)
        if candidate is None:
            return []
    if candidate is None:
        candidate = read_candidate(storage.instances, series, instances)
    rules = current_rules(storage.settings)
    if not candidate.unreadable:
        with received_as_known(storage.index.instances_of, storage.worklist):
            schedule_shadows(storage, series, candidate.instances, candidate.headers, pipelines)
    return [
        decide_on_study(storage, series, standing, rules=rules)
        if inputs_of(standing.pipeline)
        else decide_on_series(storage, candidate, standing, rules=rules)
        for standing in everything
        if standing.pipeline.input_kind != "image"
    ]


def in_order(standings_offered: Sequence[Standing]) -> list[Standing]:
    """Those that take results of others after them, so that they know whether these run."""
    known = [one.pipeline for one in standings_offered]
    return sorted(standings_offered, key=lambda one: place_in_chain(one.pipeline, known))


def schedule_pipeline(
    storage: SchedulingStorage, series: Series, pipeline: Pipeline, priority: int = 0
) -> Decision:
    """Offer one complete series to one pipeline, on a person's request, and store what it decided.

    A series that waits for its turn is offered to every pipeline before: once any decision
    is stored, nobody would look at it again.
    """
    if series.state == "COMPLETE" and not is_decided(storage.acceptance_decisions, series):
        schedule_series(storage, series)
    if series.origin == "generated":
        reason = "The series is a result of this node."
    elif pipeline.input_kind == "image":
        reason = f"{pipeline.title} takes uploaded pictures, not DICOM series."
    else:
        (standing,) = standings(storage.settings, storage.model_states, [pipeline])
        if inputs_of(pipeline):
            return decide_on_study(storage, series, standing, priority)
        instances = fitting_instances(
            storage.index,
            storage.instances,
            series.study_instance_uid,
            series.series_instance_uid,
        )
        return decide_on_series(
            storage, read_candidate(storage.instances, series, instances), standing, priority
        )
    return decision_of(series, pipeline, Acceptance(False, reason))


def _leave_imported(
    settings: Settings,
    acceptance_decisions: AcceptanceDecisions,
    model_states: ModelStates,
    series: Series,
    pipelines: Sequence[Pipeline] | None,
) -> list[Decision]:
    """Years of an archive are not analysed because somebody brought them in."""
    decisions = [
        decision_of(series, standing.pipeline, Acceptance(False, IMPORTED))
        for standing in offered(settings, model_states, pipelines)
        if standing.pipeline.input_kind != "image"
    ]
    for decision in decisions:
        acceptance_decisions.record(decision)
    return decisions
