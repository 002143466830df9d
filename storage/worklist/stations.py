"""For which stations a procedure is scheduled."""

from collections.abc import Iterable, Mapping
from typing import Any


def scheduled_stations(attributes: Mapping[str, Any]) -> set[str]:
    """Their AE titles."""
    steps: Iterable[Mapping[str, Any]] = attributes.get("ScheduledProcedureStepSequence", [])
    return {
        title.strip()
        for step in steps
        for title in str(step.get("ScheduledStationAETitle", "")).split("\\")
    } - {""}
