"""Who may put a model into which state, and what the gate of its card asks before."""

import math

from inference.model_registry.status import ModelBlocked, Standing
from inference.models.card import ModelCard
from storage.model_registry.evaluation import KeptEvaluation
from storage.model_registry.registry import ModelRecord, ModelState, ModelStates
from storage.model_registry.shadow_runs import ShadowRuns


def activate(
    model_states: ModelStates, shadow_runs: ShadowRuns, standing: Standing, by: str
) -> ModelRecord:
    """Let a version make results; the one that did so is retired.

    Raises ModelBlocked where it is not verified, or where its gate does not open.
    """
    card = standing.pipeline.card
    _check_verified(standing, "active")
    if standing.fault:
        raise ModelBlocked(
            f"{card.name} {card.version} cannot be active. {standing.fault}",
            remedy="Change its card, or retire one of the others.",
        )
    _check_gate(card, standing.record)
    return _move(model_states, shadow_runs, standing, "active", by)


def shadow(
    model_states: ModelStates, shadow_runs: ShadowRuns, standing: Standing, by: str
) -> ModelRecord:
    """Let a version run beside the active one; nobody is shown or sent what it finds.

    Raises ModelBlocked where it is not verified, and where what it finds cannot be compared.
    """
    _check_verified(standing, "a shadow")
    pipeline = standing.pipeline
    if pipeline.input_kind == "image":
        raise ModelBlocked(
            f"{pipeline.card.name} {pipeline.card.version} analyses uploaded images; shadow runs"
            " compare what is found in studies.",
            remedy="Leave it verified, or activate it.",
        )
    return _move(model_states, shadow_runs, standing, "shadow", by)


def retire(
    model_states: ModelStates,
    shadow_runs: ShadowRuns,
    standing: Standing,
    by: str,
    reason: str = "",
) -> ModelRecord:
    """Let a version run no more; what it has found stays."""
    return _move(model_states, shadow_runs, standing, "retired", by, reason)


def gate_refusals(card: ModelCard, evaluation: KeptEvaluation) -> list[str]:
    """For each threshold that is not reached: metric, value, threshold."""
    metrics = evaluation.get("metrics", {})
    refusals = []
    for threshold in card.gate:
        value = float(metrics.get(threshold.metric, math.nan))
        if not threshold.admits(value):
            stated = "not measured" if math.isnan(value) else f"{value:.4g}"
            refusals.append(f"{threshold.metric} is {stated}, {threshold.text} is asked")
    return refusals


def _check_verified(standing: Standing, wanted: str) -> None:
    card, record = standing.pipeline.card, standing.record
    if card.admission != "operator" and standing.state in ("active", "retired", "shadow"):
        # It is proven by every process that loads it, before it speaks.
        return
    if record is None or record.verified_at is None or standing.state == "added":
        raise ModelBlocked(
            f"{card.name} {card.version} is not verified, so it cannot become {wanted}.",
            remedy=f"mediview models verify {card.name}",
        )


def _check_gate(card: ModelCard, record: ModelRecord | None) -> None:
    if not card.gate:
        return
    evaluation: KeptEvaluation = record.evaluation if record else {}
    if not evaluation:
        asked = "; ".join(f"{one.metric} {one.text}" for one in card.gate)
        raise ModelBlocked(
            f"The card of {card.name} {card.version} has a gate ({asked}), and this version was"
            " never evaluated here.",
            remedy="mediview evaluate PIPELINE --cases FOLDER",
        )
    refusals = gate_refusals(card, evaluation)
    if refusals:
        raise ModelBlocked(
            f"The gate of {card.name} {card.version} does not open: {'; '.join(refusals)}.",
            remedy="Another version may reach it; this one may run as a shadow.",
        )


def _move(
    model_states: ModelStates,
    shadow_runs: ShadowRuns,
    standing: Standing,
    state: ModelState,
    by: str,
    detail: str = "",
) -> ModelRecord:
    card = standing.pipeline.card
    if state != "shadow":
        shadow_runs.forget_waiting(card.name, card.version)
    return model_states.move(card.name, card.version, card.digest, state, by, detail=detail)
