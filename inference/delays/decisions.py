"""Why no pipeline took a study."""

from collections.abc import Iterator, Sequence

from inference.delays.durations import count, sentence, span
from inference.delays.entities import Cause, Delay
from inference.delays.facts import StudyFacts
from inference.delays.main_reason import telling
from inference.delays.receiving import control_worker_away
from inference.input_selection.study_inputs import choose_inputs, inputs_of
from inference.model_registry.status import offered
from inference.pipeline import Pipeline
from inference.rules.file import current_rules
from inference.scheduling.deciding import DecisionStorage, results_in
from inference.scheduling.explain import Explanation, explain_study
from inference.scheduling.schedule import IMPORTED
from storage.core.entities import Decision
from storage.core.errors import InvalidRequest
from storage.dicom.modalities import WITHOUT_IMAGES
from storage.settings import Settings

# The more telling, the later: who takes such images and could not says most.
_TELLING: tuple[Cause, ...] = (
    "no_pipeline_fits",
    "input_missing",
    "excluded_by_rules",
    "model_not_ready",
)


def of_undecided(settings: Settings, facts: StudyFacts) -> Iterator[Delay]:
    decided = {(one.series_instance_uid, one.input_fingerprint) for one in facts.decisions}
    waiting = [
        one
        for one in facts.series
        if one.state == "COMPLETE" and (one.series_instance_uid, one.fingerprint) not in decided
    ]
    if not waiting:
        return
    since = min(one.completed_at or one.last_instance_at for one in waiting)
    yield from control_worker_away(facts)
    try:
        current_rules(settings)
    except InvalidRequest as error:
        yield Delay(
            "rules_unreadable",
            f"Nothing is decided while the site's rules are wrong: {sentence(error.message)}.",
            since,
        )
    yield Delay(
        "undecided",
        f"{count(len(waiting), 'complete series')} have waited {span(facts.now - since)} for the"
        " pipelines' decision.",
        since,
    )


def of_refused(
    storage: DecisionStorage, facts: StudyFacts, pipelines: Sequence[Pipeline] | None
) -> Iterator[Delay]:
    """The most telling of all reasons, and of those the one of the pipeline that was nearest to
    taking a series, as the study list states it."""
    current = {one.series_instance_uid: one for one in facts.series}
    refused = [
        one
        for one in facts.decisions
        if one.series_instance_uid in current
        and one.input_fingerprint == current[one.series_instance_uid].fingerprint
    ]
    if not refused or any(one.accepted for one in refused):
        return
    if all(one.reason == IMPORTED for one in refused):
        yield Delay("imported", IMPORTED, refused[0].decided_at)
        return
    causes = _causes(storage, refused[0].study_instance_uid, pipelines)

    def cause_of(one: Decision) -> Cause:
        return causes.get((one.series_instance_uid, one.pipeline), "no_pipeline_fits")

    of_images = {uid: one for uid, one in current.items() if one.modality not in WITHOUT_IMAGES}

    def weight(one: Decision) -> tuple[int, int, int]:
        return _TELLING.index(cause_of(one)), *telling(one, of_images or current)

    most = max(refused, key=weight)
    others = len({one.pipeline for one in refused}) - 1
    more = f"; {count(others, 'other pipeline')} took no series either" if others else ""
    yield Delay(
        cause_of(most),
        f"{most.pipeline} did not run: {sentence(most.reason)}{more}.",
        most.decided_at,
    )


def _causes(
    storage: DecisionStorage, study_instance_uid: str, pipelines: Sequence[Pipeline] | None
) -> dict[tuple[str, str], Cause]:
    """By series and pipeline, as everything is now."""
    try:
        explanations = explain_study(
            storage.settings,
            storage.index,
            storage.instances,
            storage.worklist,
            storage.model_states,
            results_in(storage),
            study_instance_uid,
            pipelines=pipelines,
        )
    except InvalidRequest:
        # The rules are wrong now; what was decided stands.
        return {}
    incomplete = {
        standing.pipeline.name
        for standing in offered(storage.settings, storage.model_states, pipelines)
        if _lacks_an_input(storage, standing.pipeline, study_instance_uid)
    }
    return {
        (one.series.series_instance_uid, one.pipeline): _cause(one, incomplete)
        for one in explanations
    }


def _cause(explanation: Explanation, incomplete: set[str]) -> Cause:
    if explanation.pipeline in incomplete:
        return "input_missing"
    if not explanation.accepts.accepted:
        return "no_pipeline_fits"
    return "excluded_by_rules" if explanation.ready else "model_not_ready"


def _lacks_an_input(storage: DecisionStorage, pipeline: Pipeline, study_instance_uid: str) -> bool:
    """Whether some of its series are there, and others are not."""
    if not inputs_of(pipeline):
        return False
    found = choose_inputs(
        storage.index, storage.instances, results_in(storage), pipeline, study_instance_uid
    )
    return bool(found.chosen) and bool(found.missing)
