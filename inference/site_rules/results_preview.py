"""What rules of release and of alerts say of the results that a study has."""

from collections.abc import Iterator, Mapping, Sequence

from inference.rules.facts import SeriesFacts
from inference.rules.finding_facts import ResultFacts
from inference.rules.judge import judge
from inference.rules.release_rule import ReleaseRule
from inference.rules.rule_set import RuleSet
from storage.core.findings import Finding

Found = Mapping[str | None, Sequence[Finding]]
"""By pipeline; none: one that nobody knows any more."""


def releases(
    rules: RuleSet, found: Found, destinations: Sequence[str]
) -> Iterator[tuple[str, str, ReleaseRule]]:
    """Pipeline, destination and the rule that decides between them; not where none does."""
    for pipeline, findings in found.items():
        facts = ResultFacts(SeriesFacts([]), findings, rules.critical)
        for destination in destinations if pipeline is not None else ():
            for rule in rules.release_rules(pipeline or "", destination):
                if rule.when is None or judge(rule.when, facts).holds:
                    yield pipeline or "", destination, rule
                    break


def alerts(rules: RuleSet, found: Found) -> set[str]:
    """Names of the rules of which a finding would raise an alert."""
    findings = [one for of in found.values() for one in of]
    return {
        rule.name
        for rule in rules.critical
        if any(rule.is_met(one, one.value, one.is_truncated) for one in findings)
    }
