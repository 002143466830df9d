"""What every evaluation states: of which model, when, on which cases, and which of them failed."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from inference.pipeline import Pipeline
from storage.core.clock import utcnow


@dataclass(frozen=True)
class Failed:
    case: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EvaluationRun:
    pipeline: str
    pipeline_version: str
    model: str
    model_version: str
    model_digest: str
    evaluated_at: datetime
    failed: tuple[Failed, ...]
    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    """By case: sex, age, manufacturer, slice thickness."""

    @property
    def cases(self) -> int:
        return len(self.groups) + len(self.failed)

    def stated(self) -> dict[str, Any]:
        """As JSON begins."""
        return {
            "pipeline": self.pipeline,
            "pipeline_version": self.pipeline_version,
            "model": self.model,
            "model_version": self.model_version,
            "digest": self.model_digest,
            "evaluated_at": self.evaluated_at.isoformat(),
        }

    def by_group(
        self, measure: Callable[[Collection[str]], dict[str, float]]
    ) -> dict[str, dict[str, dict[str, float]]]:
        """What `measure` gives of the cases of each group, by kind and group."""
        kinds = dict.fromkeys(kind for groups in self.groups.values() for kind in groups)
        cases: dict[str, dict[str, set[str]]] = {kind: {} for kind in kinds}
        for case, groups in self.groups.items():
            for kind, group in groups.items():
                cases[kind].setdefault(group, set()).add(case)
        return {
            kind: {group: measure(same) for group, same in sorted(of_kind.items())}
            for kind, of_kind in cases.items()
        }

    def counts(self) -> dict[str, float]:
        return {"cases": float(self.cases), "failures": float(len(self.failed))}

    def failures(self) -> list[dict[str, str]]:
        return [{"case": one.case, "reason": one.reason} for one in self.failed]


def facts_of(pipeline: Pipeline) -> dict[str, Any]:
    """The fields of an EvaluationRun that are the model's, and the time."""
    card = pipeline.card
    return {
        "pipeline": pipeline.name,
        "pipeline_version": pipeline.version,
        "model": card.name,
        "model_version": card.version,
        "model_digest": card.digest,
        "evaluated_at": utcnow(),
    }
