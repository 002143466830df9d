"""From the registry's standings to the API's JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from api.base_schemas import code_payload
from api.models.schemas import (
    GateThresholdPayload,
    ModelChangePayload,
    ModelDetail,
    ModelEvaluationPayload,
    ModelFilePayload,
    ModelFixedGridPayload,
    ModelPayload,
    ModelPopulationPayload,
    ModelRangePayload,
    TrialPayload,
)
from inference.model_registry.status import Standing, models_named
from storage.model_registry.evaluation import KeptEvaluation, Metrics
from storage.model_registry.registry import ModelStates
from storage.model_registry.trials import TriedSeries
from storage.settings import Settings


def model_detail(settings: Settings, model_states: ModelStates, name: str) -> ModelDetail:
    """All versions of a model and its history. Raises NotFound."""
    found = models_named(settings, model_states, name)
    return ModelDetail(
        name=name,
        versions=model_payloads(found),
        history=[
            ModelChangePayload(
                version=one.version,
                from_state=one.from_state,
                to_state=one.to_state,
                detail=one.detail,
                changed_at=one.changed_at,
                changed_by=one.changed_by,
            )
            for one in model_states.history(name)
        ],
    )


def model_payloads(found: Sequence[Standing]) -> list[ModelPayload]:
    """One a version, for all pipelines that use it."""
    using: dict[tuple[str, str], list[Standing]] = {}
    for standing in found:
        card = standing.pipeline.card
        using.setdefault((card.name, card.version), []).append(standing)
    return [_payload(same) for same in using.values()]


def _evaluation(kept: KeptEvaluation) -> ModelEvaluationPayload | None:
    if not kept:
        return None
    return ModelEvaluationPayload(
        evaluated_at=kept.get("evaluated_at"),
        metrics=_measured(kept.get("metrics", {})),
        segments=_by_name(kept.get("segments", {})),
        labels=_by_name(kept.get("labels", {})),
    )


def _by_name(measured: Mapping[str, Metrics]) -> dict[str, dict[str, float]]:
    return {name: _measured(metrics) for name, metrics in measured.items()}


def _measured(metrics: Metrics) -> dict[str, float]:
    """Without what has no value, such as the distance from a segment that is empty."""
    return {name: value for name, value in metrics.items() if value is not None}


def _payload(same: Sequence[Standing]) -> ModelPayload:
    first = same[0]
    card, record = first.pipeline.card, first.record
    readiness = first.pipeline.readiness()
    return ModelPayload(
        name=card.name,
        version=card.version,
        state=first.state,
        licence=card.licence,
        source=card.source,
        revision=card.revision,
        sha256=card.digest,
        algorithm_family=code_payload(card.family),
        intended_use=card.intended_use,
        training_data=card.training_data,
        input_description=card.input_description,
        output_codes=[code_payload(code) for code in card.output_codes],
        files=[ModelFilePayload(name=one.name, sha256=one.sha256) for one in card.files],
        gate=[
            GateThresholdPayload(metric=one.metric, at_least=one.at_least, at_most=one.at_most)
            for one in card.gate
        ],
        evaluation=_evaluation(record.evaluation if record else {}),
        normal_ranges=[
            ModelRangePayload(
                label=one.label,
                unit=one.unit,
                low=one.low,
                high=one.high,
                source=one.source,
                sex=one.sex,
                age_years=one.age_years,
                caveat=one.caveat,
            )
            for one in card.normal_ranges
        ],
        population=ModelPopulationPayload(**asdict(card.population)),
        fixed_grid=ModelFixedGridPayload(**asdict(card.fixed_grid)) if card.fixed_grid else None,
        pipelines=[one.pipeline.name for one in same],
        is_added=card.admission == "operator",
        ready=readiness.ready and not first.blocked,
        detail=first.blocked if readiness.ready else readiness.detail,
        verified_at=record.verified_at if record else None,
        changed_at=record.changed_at if record else None,
        changed_by=record.changed_by if record else "",
    )


def trial_payload(one: TriedSeries) -> TrialPayload:
    return TrialPayload(**{**one, "picture": one["picture"] or None})
