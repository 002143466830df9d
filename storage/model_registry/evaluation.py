"""The last evaluation of a model as it is kept: the JSON of its record, key by key."""

from collections.abc import Mapping
from typing import TypedDict

Metrics = Mapping[str, float | None]
"""By name; None where there is no value, such as the distance from a segment that is empty."""


class KeptEvaluation(TypedDict, total=False):
    """Empty: it was never evaluated here."""

    digest: str
    """Of the files that were evaluated."""
    evaluated_at: str
    """ISO 8601."""
    metrics: Mapping[str, float]
    """Of all cases; what has no value is left out."""
    segments: Mapping[str, Metrics]
    """By label."""
    labels: Mapping[str, Metrics]
    """By label of a classification."""
