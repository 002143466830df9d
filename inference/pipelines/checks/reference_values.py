"""Whether the site's reference values can be used: at start, and when a person asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import structlog

from storage.settings import Settings

if TYPE_CHECKING:
    from inference.normal_ranges.reference import ReferenceValues

_ALIKE = 0.85
"""From which likeness on a label is taken for a misspelt other one (1: the same)."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CheckedReferences:
    rows: int = 0
    unused: tuple[str, ...] = ()
    """Rows for a pipeline or a measurement that does not exist here, each with its line, in a
    sentence."""
    remedy: str = ""


def check_reference_values(settings: Settings) -> CheckedReferences:
    """Raises InvalidRequest where the file cannot be used.

    What reads it and lists pipelines is imported where there is a file alone.
    """
    if settings.reference_values is None:
        return CheckedReferences()
    from inference.normal_ranges.site_file import reference_values_of
    from inference.pipelines.catalogue import catalogue

    values = reference_values_of(settings)
    # Of a model that an operator added, nobody knows beforehand what its findings are called.
    measures: dict[str, frozenset[str]] = {
        one.name: getattr(one, "measures", frozenset()) for one in catalogue(settings)
    }
    found = [(one, _why_unused(one, measures)) for one in values]
    unused = [
        f"{settings.reference_values}:{one.line}: '{one.label}' {why}" for one, why in found if why
    ]
    remedy = f"Pipelines are {', '.join(sorted(measures))}; none stands for any of them."
    if not any("pipeline" in why for _, why in found):
        remedy = "Name the measurement as the findings do, in upper and lower case alike."
    return CheckedReferences(len(values), tuple(unused), remedy)


def _why_unused(row: "ReferenceValues", measures: Mapping[str, frozenset[str]]) -> str:
    """The rest of a sentence about its label; empty where it may be used."""
    if row.pipeline and row.pipeline not in measures:
        return f"is for the pipeline '{row.pipeline}', which does not exist."
    of_any = frozenset[str]().union(*measures.values())
    known = measures[row.pipeline] if row.pipeline else of_any
    if row.label in known:
        return ""
    alike = get_close_matches(row.label.casefold(), map(str.casefold, known), 1, _ALIKE)
    meant = next((one for one in sorted(known) if [one.casefold()] == alike), "")
    if meant:
        return f"is no measurement that is known; '{meant}' is one."
    return f"is not measured by {row.pipeline}." if row.pipeline and known else ""


def report_reference_values(settings: Settings) -> None:
    """At start: a row for a model that was retired or is not added yet stops nothing.

    Raises InvalidRequest as `check_reference_values`.
    """
    for row in check_reference_values(settings).unused:
        log.warning("reference_values_unused", detail=row)
