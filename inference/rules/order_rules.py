"""Which of the site's rules ask what was ordered."""

from collections.abc import Set

from inference.rules.conditions import Condition
from inference.rules.facts import ORDER
from inference.rules.rule_set import RuleSet


def asks_for_orders(when: Condition | None) -> bool:
    return when is not None and any(name.startswith(ORDER) for name in when.names())


def pipelines_asked_for_orders(rules: RuleSet) -> Set[str]:
    """Those of which a rule asks."""
    return {one.pipeline for one in rules.rules if asks_for_orders(one.when)}


def only_of_orders(rules: RuleSet) -> RuleSet:
    """Of the rules that each count by themselves those that ask; those of priority, which say how
    urgent it is."""
    return RuleSet(
        routing=tuple(one for one in rules.routing if asks_for_orders(one.when)),
        priors=tuple(one for one in rules.priors if asks_for_orders(one.when)),
        deidentification=tuple(one for one in rules.deidentification if asks_for_orders(one.when)),
        critical=rules.critical,
        priority=rules.priority,
    )
