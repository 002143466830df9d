"""Whether rules fit the node: at start, and when a person asks.

What reads rules and lists pipelines is imported where there are rules: a process that only starts
others does without it.
"""

from typing import TYPE_CHECKING

from storage.core.errors import InvalidRequest
from storage.settings import Settings

if TYPE_CHECKING:
    from inference.rules.rule_set import RuleSet


def check_pipelines(settings: Settings, rules: "RuleSet") -> None:
    """Raise InvalidRequest where a rule names a pipeline that does not exist."""
    known = pipelines_there(settings)
    named = [(rule.name, rule.pipeline) for rule in rules.rules]
    named += [(rule.name, name) for rule in rules.release for name in rule.pipelines or ()]
    for rule_name, pipeline in named:
        if pipeline not in known:
            raise InvalidRequest(
                f"The rule '{rule_name}' is for the pipeline '{pipeline}', which does not exist.",
                remedy=f"Use one of: {', '.join(known)}.",
            )


def pipelines_there(settings: Settings) -> list[str]:
    """Names, in their order."""
    from inference.pipelines.catalogue import catalogue

    return sorted(pipeline.name for pipeline in catalogue(settings))


def check_at_start(settings: Settings) -> None:
    """Raise InvalidRequest where the rules in force could not be used."""
    if settings.rules_file is None and not settings.resolved_rules_file.exists():
        return
    from inference.rules.file import current_rules

    check_pipelines(settings, current_rules(settings))
