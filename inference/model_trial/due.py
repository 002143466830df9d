"""Trials that administrators asked for, run by a worker that has no job to do."""

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Protocol

import structlog

from inference.failures import explain, place
from inference.model_trial.process import MeasuredTrial, TrialFailed, try_in_process
from inference.model_trial.trying import TrialAnswer
from storage.container.has import HasModelTrials, HasSettings
from storage.core.clock import utcnow
from storage.core.errors import MediViewError, TooManyRequests
from storage.model_registry.trials import ModelTrial, ModelTrials, TrialProblem, TriedSeries
from storage.outbox.leases import LEASE_S, Lease
from storage.settings import Settings

log = structlog.get_logger(__name__)

_ATTEMPTS = 2
_AGAIN_AFTER = timedelta(seconds=10)
_PICTURES_AT_MOST_BYTES = 12 * 1024 * 1024
_SERIES_AT_MOST = 200
_TOO_LARGE = "Its picture is left out: those of one trial have 12 MiB."


class DueTrialStorage(HasSettings, HasModelTrials, Protocol):
    """What of the storage layer trials are taken from; a process of its own opens the rest."""


def run_due_trial(
    storage: DueTrialStorage,
    is_ours: Callable[[str], bool] = lambda _: True,
    trying: Callable[[Settings, ModelTrial], MeasuredTrial] | None = None,
) -> ModelTrial | None:
    """Run the oldest trial that is due, if any; None where there was none to run.

    `is_ours` says whether this worker runs a pipeline of that name. `trying` runs it.
    """
    trials, now, owner = storage.model_trials, utcnow(), f"trial-{uuid.uuid4().hex[:12]}"
    for trial in trials.due(now):
        if not is_ours(trial.pipeline) or not trials.claim(trial, owner, LEASE_S, now):
            continue
        with Lease(partial(_renew, trials, trial.trial_id, owner), "trial"):
            _run(storage.settings, trials, trial, owner, trying or try_in_process)
        return trial
    return None


def _renew(trials: ModelTrials, trial_id: str, owner: str) -> bool:
    return trials.renew(trial_id, owner, LEASE_S, utcnow())


def _run(
    settings: Settings,
    trials: ModelTrials,
    trial: ModelTrial,
    owner: str,
    trying: Callable[[Settings, ModelTrial], MeasuredTrial],
) -> None:
    if trial.attempts >= _ATTEMPTS:
        # Its workers ended in the middle, each time: the next one would as well.
        reason = f"The worker ended during the trial {trial.attempts} times."
        trials.failed(trial.trial_id, owner, _problem("model_unusable", reason), utcnow())
        return
    begun = time.monotonic()
    try:
        measured = trying(settings, trial)
    except TooManyRequests:
        trials.postpone(trial.trial_id, owner, utcnow() + _AGAIN_AFTER)
        return
    except Exception as error:  # noqa: BLE001 - the edge of a run: every failure becomes its reason
        trials.failed(trial.trial_id, owner, _problem_of(error, trial.model), utcnow())
        return
    took_ms = round(1000 * (time.monotonic() - begun))
    series = _bounded(measured.series)
    memory_bytes, proof = measured.memory_bytes, measured.proof
    trials.done(trial.trial_id, owner, series, took_ms, memory_bytes, utcnow(), proof)
    log.info("model_trial_done", model=trial.model, version=trial.model_version, took_ms=took_ms)


def _problem_of(error: Exception, model: str) -> TrialProblem:
    if isinstance(error, TrialFailed):
        return error.problem
    if isinstance(error, MediViewError):
        return TrialProblem(code=error.code, detail=error.message, remedy=error.remedy)
    log.warning("model_trial_failed", model=model, place=place(error))
    return _problem("model_unusable", explain(error).sentence)


def _problem(code: str, detail: str) -> TrialProblem:
    return TrialProblem(code=code, detail=detail, remedy="")


def _bounded(found: list[TrialAnswer]) -> list[TriedSeries]:
    """As it is kept. Series that were taken come first, and pictures as far as there is room."""
    left_bytes, kept = _PICTURES_AT_MOST_BYTES, []
    for one in sorted(found, key=lambda one: not one.taken)[:_SERIES_AT_MOST]:
        fits = len(one.picture) <= left_bytes
        fitting = one if fits else replace(one, picture=b"", notes=(*one.notes, _TOO_LARGE))
        left_bytes -= len(fitting.picture)
        kept.append(fitting.tried())
    return kept
