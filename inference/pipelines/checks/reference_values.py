"""Whether the site's reference values can be used: at start, and when a person asks."""

from dataclasses import dataclass

import structlog

from storage.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CheckedReferences:
    rows: int = 0
    unused: tuple[str, ...] = ()
    """Rows for a pipeline that does not exist here, each with its line, in a sentence."""
    pipelines: tuple[str, ...] = ()
    """Names that would do."""


def check_reference_values(settings: Settings) -> CheckedReferences:
    """Raises InvalidRequest where the file cannot be used.

    What reads it and lists pipelines is imported where there is a file alone.
    """
    if settings.reference_values is None:
        return CheckedReferences()
    from inference.normal_ranges.site_file import reference_values_of
    from inference.pipelines.catalogue import catalogue

    values = reference_values_of(settings)
    known = tuple(sorted({pipeline.name for pipeline in catalogue(settings)}))
    unused = tuple(
        f"{settings.reference_values}:{one.line}: '{one.label}' is for the pipeline"
        f" '{one.pipeline}', which does not exist."
        for one in values
        if one.pipeline and one.pipeline not in known
    )
    return CheckedReferences(len(values), unused, known)


def report_reference_values(settings: Settings) -> None:
    """At start: a row for a model that was retired or is not added yet stops nothing.

    Raises InvalidRequest as `check_reference_values`.
    """
    for row in check_reference_values(settings).unused:
        log.warning("reference_values_unused", detail=row)
