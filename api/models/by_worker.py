"""Let a worker run a model, and wait for what comes of it.

What a model brings is code. It runs where models run, with the worker's account and settings, and
never as a child of a process that serves HTTP: that one's environment opens accounts and sessions.
"""

import time
from contextlib import suppress
from typing import Protocol

from inference.broker.notify import wake
from inference.model_registry.status import ModelBlocked, Standing
from inference.refusals import ModelUnusable, VolumeRefused
from storage.container.has import HasModelTrials, HasSettings
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, MediViewError, NotFound, TooManyRequests
from storage.model_registry.trials import ModelTrial

# Before the request ends by itself (`api.middleware`, 330 s).
WAIT_S = 300.0
_LOOK_EVERY_S = 0.2
_ERRORS: dict[str, type[MediViewError]] = {
    one.code: one for one in (ModelBlocked, VolumeRefused, InvalidRequest, NotFound)
}


class TrialStorage(HasSettings, HasModelTrials, Protocol):
    """What of the storage layer a trial is asked for with."""


def ended_trial(
    storage: TrialStorage, standing: Standing, study_instance_uid: str, asked_by: str, what: str
) -> ModelTrial:
    """A trial on a study, or a self-test where none is named, once it has ended.

    Raises TooManyRequests where no worker came to it in time.
    """
    card = standing.pipeline.card
    trial = storage.model_trials.ask(
        (card.name, card.version), standing.pipeline.name, study_instance_uid, asked_by, utcnow()
    )
    wake(storage.settings)
    until = time.monotonic() + WAIT_S
    while trial.state not in ("done", "failed"):
        if time.monotonic() > until:
            with suppress(NotFound):
                storage.model_trials.discard(trial.trial_id)
            raise TooManyRequests(
                f"{what} has not ended within {WAIT_S:g} s: no worker had time for it, or another"
                " one runs on its host.",
                remedy="Check that a worker runs (mediview doctor), try again when fewer jobs wait,"
                " or run it at the machine (mediview models).",
            )
        time.sleep(_LOOK_EVERY_S)
        trial = storage.model_trials.get(trial.trial_id, utcnow())
    return trial


def raise_problem(trial: ModelTrial) -> None:
    """What it failed at, if it did."""
    if trial.problem is not None:
        error = _ERRORS.get(trial.problem["code"], ModelUnusable)
        raise error(trial.problem["detail"], remedy=trial.problem["remedy"])
