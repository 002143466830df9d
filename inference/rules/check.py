"""Whether rules fit the house: at start, and when a person asks."""

from inference.catalogue import catalogue
from inference.rules.file import current_rules
from inference.rules.model import RuleSet
from storage.errors import InvalidRequest
from storage.settings import Settings


def check_pipelines(settings: Settings, rules: RuleSet) -> None:
    """Raise InvalidRequest where a rule names a pipeline that does not exist."""
    known = sorted(pipeline.name for pipeline in catalogue(settings))
    for rule in rules.rules:
        if rule.pipeline not in known:
            raise InvalidRequest(
                f"The rule '{rule.name}' is for the pipeline '{rule.pipeline}', which does not"
                " exist.",
                remedy=f"Use one of: {', '.join(known)}.",
            )


def check_at_start(settings: Settings) -> None:
    """Raise InvalidRequest where the rules in force could not be used."""
    check_pipelines(settings, current_rules(settings))
