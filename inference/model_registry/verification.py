"""Models proven: by their self-test when somebody verifies them, and again by every process
that loads them."""

import math

import structlog

from inference.model_registry.apart import run_apart
from inference.model_registry.status import ModelBlocked, Standing, model_of, state_of
from inference.models.card import ModelCard, Proof, Provable
from inference.models.devices import is_out_of_memory
from inference.pipeline import Pipeline
from inference.refusals import ModelUnusable
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.model_registry.registry import ModelRecord, ModelState, ModelStates
from storage.settings import Settings

log = structlog.get_logger(__name__)

SELF_TEST = "self-test"
# Other processors and versions of libraries round otherwise; another model is further away.
_RELATIVE, _ABSOLUTE = 0.02, 1e-3
_CHILD_LIMIT_S = 300.0
_proven: set[tuple[str, str, str]] = set()
"""What this process has proven, by name, version and digest."""


def ensure_proven(model_states: ModelStates, pipeline: Pipeline) -> None:
    """Before a model makes results: it is active, and has passed its self-test in this process.

    Raises ModelUnusable, ModelBlocked. A model that fails is taken out of use.
    """
    card = pipeline.card
    record = model_states.get(card.name, card.version)
    standing = Standing(pipeline, state_of(card, record), record)
    if standing.blocked:
        raise ModelBlocked(standing.blocked)
    prove_here(model_states, pipeline, record, "active")


def prove_here(
    model_states: ModelStates, pipeline: Pipeline, record: ModelRecord | None, state: ModelState
) -> None:
    """Prove a model once a process; `state` is what it has, and what a first proof notes."""
    card = pipeline.card
    key = (card.name, card.version, card.digest)
    if key in _proven or not isinstance(pipeline, Provable):
        return
    known = record if record and record.digest == card.digest and record.verified_at else None
    try:
        proof = pipeline.prove()
        if known:
            _compare(card, known, proof)
    except ModelUnusable as error:
        if pipeline.readiness().ready:
            # Absent weights are another matter: nothing is wrong with the model then.
            model_states.move(
                card.name, card.version, card.digest, "added", SELF_TEST, detail=error.message
            )
            log.error("model_failed_self_test", model=card.name, version=card.version)
        raise
    if known is None:
        model_states.move(
            card.name,
            card.version,
            card.digest,
            state,
            SELF_TEST,
            answer=proof.answer,
            verified_at=utcnow(),
        )
    _proven.add(key)


def verify(model_states: ModelStates, standing: Standing, by: str) -> tuple[ModelRecord, str]:
    """Check the digests of a model and run its self-test; what is kept, and what was shown.

    One that was added becomes verified; one of the release, taken out by a failed self-test,
    becomes active again. Raises ModelUnusable.
    """
    pipeline = standing.pipeline
    card = pipeline.card
    readiness = pipeline.readiness()
    if not readiness.ready:
        raise ModelUnusable(readiness.detail)
    if isinstance(pipeline, Provable):
        try:
            proof = pipeline.prove()
        except ModelUnusable as error:
            model_states.move(
                card.name, card.version, card.digest, "added", by, detail=error.message
            )
            raise
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            # Its state stays: another time, or at another machine, there may be enough.
            raise ModelUnusable(
                f"The self-test of {card.name} {card.version} needs more memory than this machine"
                " gives.",
                remedy="Free memory, or check the sizes in the model's configuration.",
            ) from error
    else:
        proof = Proof({}, "It brings no self-test; its files are the proven ones.")
    after: ModelState = standing.state
    if after == "added":
        after = "verified" if card.admission == "operator" else "active"
    kept = model_states.move(
        card.name,
        card.version,
        card.digest,
        after,
        by,
        answer=proof.answer,
        verified_at=utcnow(),
    )
    return kept, proof.detail


def verify_apart(settings: Settings, name: str, version: str | None, by: str) -> None:
    """`verify` in a process of its own, which a model that crashes takes along alone.

    Raises what `verify` and `model_of` raise, and TooManyRequests.
    """
    run_apart(
        settings,
        f"The self-test of {name}",
        f"mediview models verify {name}",
        _CHILD_LIMIT_S,
        _verify_named,
        settings,
        name,
        version,
        by,
    )


def _verify_named(settings: Settings, name: str, version: str | None, by: str) -> None:
    with open_storage(settings) as storage:
        try:
            verify(
                storage.model_states,
                model_of(storage.settings, storage.model_states, name, version),
                by,
            )
        except (ModelUnusable, ModelBlocked, NotFound) as error:
            # What it was raised from may not travel between processes.
            raise type(error)(error.message, remedy=error.remedy) from None


def _compare(card: ModelCard, known: ModelRecord, proof: Proof) -> None:
    # A mean about zero is as exact as what it is the mean of; small answers are not all alike.
    size = min(1.0, max((abs(one) for one in known.answer.values()), default=1.0))
    for what, value in known.answer.items():
        now = proof.answer.get(what, math.nan)
        if not math.isclose(now, value, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE * size):
            raise ModelUnusable(
                f"{card.name} {card.version} gives {what} {now:.4g} in its self-test;"
                f" it gave {value:.4g} when it was verified.",
                remedy="Install torch and MONAI again in the versions of this release, or verify"
                f" it again: mediview models verify {card.name}.",
            )
