"""Models in the shadow: runs are noted beside decisions, and done when nobody waits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import structlog
from pydicom.dataset import Dataset

from inference.failures import place
from inference.input_selection.fitting_instances import fitting_instances
from inference.input_selection.study_inputs import inputs_of
from inference.job_loading.proposal import (
    Proposal,
    ProposalStorage,
    inputs_of_study,
    proposal_on_series,
    proposal_on_study,
)
from inference.model_registry.status import shadows
from inference.pipeline import Pipeline
from storage.container.has import HasModelStates, HasSettings, HasShadowRuns
from storage.core.clock import utcnow
from storage.core.entities import Instance, Series
from storage.core.sources import are_imported

log = structlog.get_logger(__name__)


class ShadowingStorage(HasSettings, ProposalStorage, HasModelStates, HasShadowRuns, Protocol):
    """What of the storage layer runs of shadows are noted with."""


def schedule_shadows(
    storage: ShadowingStorage,
    series: Series,
    instances: Sequence[Instance],
    headers: Sequence[Dataset],
    pipelines: Sequence[Pipeline] | None,
) -> None:
    """Note a run for each shadow that takes the series, or the study with it; decisions are not
    touched by it."""
    for standing in shadows(storage.settings, storage.model_states, pipelines):
        pipeline = standing.pipeline
        with _undisturbed(pipeline):
            if inputs_of(pipeline):
                _schedule(storage, pipeline, study_proposal(storage, pipeline, series))
            elif pipeline.input_kind != "image":
                found = proposal_on_series(storage, pipeline, series, instances, headers)
                _schedule(storage, pipeline, found)


def schedule_shadow_again(
    storage: ShadowingStorage, study_instance_uid: str, pipeline: Pipeline
) -> None:
    """Where a prior, or a result of another pipeline, has come or gone: on what is taken now."""
    for series in storage.index.series_of(study_instance_uid):
        if series.origin == "generated" or series.state != "COMPLETE":
            continue
        uids = study_instance_uid, series.series_instance_uid
        instances = fitting_instances(storage.index, storage.instances, *uids)
        if are_imported(instances):
            continue
        with _undisturbed(pipeline):
            if inputs_of(pipeline):
                _schedule(storage, pipeline, study_proposal(storage, pipeline, series))
                return
            headers = storage.instances.headers(instances)
            found = proposal_on_series(storage, pipeline, series, instances, headers)
            _schedule(storage, pipeline, found)


def study_proposal(
    storage: ShadowingStorage, pipeline: Pipeline, series: Series
) -> Proposal | None:
    """What a pipeline of several inputs takes of the study of a series, where that is one."""
    found = inputs_of_study(storage, pipeline, series.study_instance_uid)
    return proposal_on_study(pipeline, found)


@contextmanager
def _undisturbed(pipeline: Pipeline) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a shadow must not disturb those that work
        log.warning("shadow_accepts_failed", pipeline=pipeline.name, place=place(error))


def _schedule(storage: ShadowingStorage, pipeline: Pipeline, found: Proposal | None) -> None:
    if found is None or not found.acceptance.accepted or not pipeline.readiness().ready:
        return
    storage.shadow_runs.schedule(
        (pipeline.card.name, pipeline.card.version),
        (pipeline.name, pipeline.version),
        (found.series.study_instance_uid, found.series.series_instance_uid),
        found.fingerprint,
        utcnow(),
    )
