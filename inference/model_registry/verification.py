"""Models proven: by their self-test when somebody verifies them, and again by every process
that loads them."""

import math

import structlog

from inference.model_registry.status import ModelBlocked, Standing, model_of, state_of
from inference.models.card import ModelCard, Proof, Provable
from inference.models.devices import is_out_of_memory
from inference.pipeline import Pipeline
from inference.refusals import ModelUnusable
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.model_registry.registry import ModelRecord, ModelState, ModelStates
from storage.model_registry.trials import TrialProof
from storage.settings import Settings

log = structlog.get_logger(__name__)

SELF_TEST = "self-test"
# Other processors and versions of libraries round otherwise; another model is further away.
_RELATIVE, _ABSOLUTE = 0.02, 1e-3
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
    try:
        proof = self_test(standing)
    except SelfTestFailed as error:
        note_failed(model_states, standing, error.message, by)
        raise ModelUnusable(error.message, remedy=error.remedy) from error
    return note_verified(model_states, standing, proof, by), proof.detail


class SelfTestFailed(ModelUnusable):
    """The model does not do its work. Without its files, or without memory, nothing is known."""

    code = "self_test_failed"


def self_test(standing: Standing) -> Proof:
    """Raises SelfTestFailed, ModelUnusable."""
    pipeline = standing.pipeline
    card = pipeline.card
    readiness = pipeline.readiness()
    if not readiness.ready:
        raise ModelUnusable(readiness.detail)
    if not isinstance(pipeline, Provable):
        return Proof({}, "It brings no self-test; its files are the proven ones.")
    try:
        return pipeline.prove()
    except ModelUnusable as error:
        raise SelfTestFailed(error.message, remedy=error.remedy) from error
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        # Its state stays: another time, or at another machine, there may be enough.
        raise ModelUnusable(
            f"The self-test of {card.name} {card.version} needs more memory than this machine"
            " gives.",
            remedy="Free memory, or check the sizes in the model's configuration.",
        ) from error


def self_test_named(settings: Settings, name: str, version: str) -> TrialProof:
    """`self_test` in the process of a worker, which decides nothing of the model's state."""
    with open_storage(settings) as storage:
        standing = model_of(settings, storage.model_states, name, version)
        proof = self_test(standing)
    return TrialProof(
        digest=standing.pipeline.card.digest, answer=proof.answer, detail=proof.detail
    )


def note_failed(model_states: ModelStates, standing: Standing, detail: str, by: str) -> None:
    """It is out of use."""
    card = standing.pipeline.card
    model_states.move(card.name, card.version, card.digest, "added", by, detail=detail)


def note_verified(
    model_states: ModelStates, standing: Standing, proof: Proof, by: str
) -> ModelRecord:
    card = standing.pipeline.card
    after: ModelState = standing.state
    if after == "added":
        after = "verified" if card.admission == "operator" else "active"
    return model_states.move(
        card.name,
        card.version,
        card.digest,
        after,
        by,
        answer=proof.answer,
        verified_at=utcnow(),
    )


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
