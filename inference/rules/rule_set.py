"""The form of the rules file (`docs/pipelines.md` explains it)."""

from collections.abc import Iterator
from typing import Literal

from pydantic import model_validator

from inference.rules.conditions import Strict
from inference.rules.critical_rule import CriticalRule
from inference.rules.deidentification_rule import DeidentificationRule
from inference.rules.facts import CRITICAL
from inference.rules.pipeline_rule import Rule
from inference.rules.prior_rule import PriorRule
from inference.rules.priority_rule import PriorityRule
from inference.rules.release_rule import ReleaseRule, ReleaseWhen
from inference.rules.retention_rule import RetentionRule
from inference.rules.routing_rule import RoutingRule
from inference.rules.sending import SendingTerms


class RuleSet(Strict):
    """The whole file.

    Of the rules of one pipeline, the first whose condition holds counts; of those of routing,
    each does.
    """

    version: Literal[1] = 1
    rules: tuple[Rule, ...] = ()
    routing: tuple[RoutingRule, ...] = ()
    release: tuple[ReleaseRule, ...] = ()
    """Of these, the first that names pipeline and destination, and whose condition holds, counts;
    without one, results leave at once."""
    critical: tuple[CriticalRule, ...] = ()
    """What raises an alert."""
    retention: tuple[RetentionRule, ...] = ()
    """Of these, the first whose condition holds for a study counts; without one it stays."""
    priors: tuple[PriorRule, ...] = ()
    """Of these, each counts that holds."""
    deidentification: tuple[DeidentificationRule, ...] = ()
    """Of these, each counts that holds for any series of a study."""
    priority: tuple[PriorityRule, ...] = ()
    """Of these, the first whose condition holds for a series counts."""

    @model_validator(mode="after")
    def _distinct(self) -> "RuleSet":
        everything: tuple[
            Rule
            | RoutingRule
            | ReleaseRule
            | CriticalRule
            | RetentionRule
            | PriorRule
            | PriorityRule
            | DeidentificationRule,
            ...,
        ] = (
            *self.rules,
            *self.routing,
            *self.release,
            *self.critical,
            *self.retention,
            *self.priors,
            *self.priority,
            *self.deidentification,
        )
        names = [rule.name for rule in everything]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two rules share the name {twice[0]}")
        return self

    @model_validator(mode="after")
    def _known_critical(self) -> "RuleSet":
        known = {one.name.casefold() for one in self.critical}
        asked: tuple[ReleaseRule | RoutingRule, ...] = (*self.release, *self.routing)
        for rule in asked:
            if rule.when is None or CRITICAL not in rule.when.names():
                continue
            if not known:
                raise ValueError(
                    f"the rule {rule.name} asks for {CRITICAL}, and the file has no list"
                    f" {CRITICAL} that says what is"
                )
            for test in rule.when.tests_of(CRITICAL):
                for name in map(str, test.equals or ()):
                    if name.strip().casefold() not in known:
                        raise ValueError(
                            f"the rule {rule.name} asks for {CRITICAL}: {name}; of that list there"
                            f" are {', '.join(one.name for one in self.critical)}"
                        )
        return self

    def of(self, pipeline: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.pipeline == pipeline)

    def sending(self, name: str) -> SendingTerms | None:
        """How what the rule of routing of that name sends leaves; None where there is none."""
        return next((rule for rule in self.routing if rule.name == name), None)

    def release_rules(self, pipeline: str, destination: str) -> Iterator[ReleaseRule]:
        """Those that name both."""
        for rule in self.release:
            if (rule.pipelines is None or pipeline in rule.pipelines) and (
                rule.to is None or destination in rule.to
            ):
                yield rule

    def releases_to(self, destination: str) -> set[ReleaseWhen]:
        """What the rules say of results of any pipeline for it."""
        return {rule.results for rule in self.release if rule.to is None or destination in rule.to}
