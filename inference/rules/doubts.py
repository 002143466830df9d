"""What of rules is allowed and still can hardly be meant: noted, and never refused."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from pydicom.datadict import tag_for_keyword

from inference.rules.conditions import Condition
from inference.rules.critical_rule import CriticalRule
from inference.rules.facts import ADDRESS, CALLED, RECEIVED, SENDER
from inference.rules.rule_set import RuleSet

# Commands, file meta information and directories (PS3.7 E.1, PS3.10 7.1, PS3.3 F.3).
_GROUPS_OF_MESSAGES = frozenset({0x0000, 0x0002, 0x0004})
# Of queries and their answers (PS3.4 C.3.4).
_OF_QUERIES = frozenset({0x00080052, 0x00080053, 0x00080054, 0x00080056}) | frozenset(
    {0x00080058, 0x00080061, 0x00080062, *range(0x00201200, 0x0020120A)}
)

_OF_RECEIPT = frozenset({RECEIVED, CALLED, ADDRESS})


def doubts(rules: RuleSet, pipelines: Collection[str]) -> list[str]:
    """A sentence for each, in the order of the file. `pipelines`: names of those that exist."""
    return [
        *(one for rule in rules.rules for one in _of(rule.name, rule.when)),
        *(one for rule in rules.routing for one in _of(rule.name, rule.when)),
        *_of_critical(rules.critical, pipelines),
        *(one for rule in rules.priority for one in _of(rule.name, rule.when)),
        *(one for rule in rules.deidentification for one in _of(rule.name, rule.when)),
        *(one for rule in rules.priors for one in _of(rule.name, rule.when)),
        *(
            f"The rule '{rule.name}' asks when or how something was received; an order was not"
            " received in that sense, and for orders the rule never holds."
            for rule in rules.priors
            if "order" in rule.trigger and rule.when and _OF_RECEIPT.intersection(rule.when.names())
        ),
        *(one for rule in rules.retention for one in _of(rule.name, rule.when, is_of_study=True)),
    ]


def _of_critical(rules: Sequence[CriticalRule], pipelines: Collection[str]) -> Iterator[str]:
    for rule in rules:
        if rule.pipeline not in pipelines:
            meant = "".join(get_close_matches(rule.pipeline, pipelines, 1))
            perhaps = f" Perhaps {meant} is meant." if meant else ""
            yield (
                f"The rule '{rule.name}' is for the pipeline '{rule.pipeline}', which does not"
                f" exist: nothing is critical by it.{perhaps}"
            )


def _of(rule: str, when: Condition | None, *, is_of_study: bool = False) -> Iterator[str]:
    for name in dict.fromkeys(when.names() if when else ()):
        if not _is_in_an_instance(name) and not (is_of_study and name == "ModalitiesInStudy"):
            yield (
                f"The rule '{rule}' asks for {name}, which stands in messages or answers about"
                " instances and in no instance itself: it is always absent."
            )


def _is_in_an_instance(name: str) -> bool:
    tag = tag_for_keyword(name.rpartition(".")[2])
    if tag is None or name in (SENDER, CALLED):
        return True
    return tag >> 16 not in _GROUPS_OF_MESSAGES and tag not in _OF_QUERIES
