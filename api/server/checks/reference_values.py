"""The site's reference values, as `mediview doctor` checks them."""

from collections.abc import Iterator

from api.server.checks.exposure import Check
from inference.pipelines.checks.reference_values import check_reference_values
from storage.core.errors import MediViewError
from storage.settings import Settings


def check_reference_file(settings: Settings) -> Iterator[Check]:
    """Nothing where the site has no file."""
    if settings.reference_values is None:
        return
    try:
        checked = check_reference_values(settings)
    except MediViewError as error:
        yield Check("reference values", "fail", error.message, error.remedy)
    else:
        found = f"{settings.reference_values}, {checked.rows} rows"
        if checked.unused:
            yield Check(
                "reference values",
                "note",
                f"{found}; {len(checked.unused)} are never used. {checked.unused[0]}",
                checked.remedy,
            )
        else:
            yield Check("reference values", "ok", found)
