"""Whether the site's reference values can be used: at start, and when a person asks."""

from storage.core.errors import InvalidRequest
from storage.settings import Settings


def check_reference_values(settings: Settings) -> int:
    """How many rows there are. Raises InvalidRequest where the file cannot be used.

    What reads it and lists pipelines is imported where there is a file alone.
    """
    if settings.reference_values is None:
        return 0
    from inference.catalogue import catalogue
    from inference.normal_ranges.site_file import reference_values_of

    values = reference_values_of(settings)
    known = sorted({pipeline.name for pipeline in catalogue(settings)})
    for one in values:
        if one.pipeline and one.pipeline not in known:
            raise InvalidRequest(
                f"{settings.reference_values}: '{one.label}' is for the pipeline"
                f" '{one.pipeline}', which does not exist.",
                remedy=f"Use one of: {', '.join(known)}; or none, for a measurement of any.",
            )
    return len(values)
