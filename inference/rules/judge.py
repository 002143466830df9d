"""Whether conditions hold for a series, with a trace that a person can follow."""

from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_network
from typing import Protocol

from inference.reasons import reason as because
from inference.rules.conditions import Condition, Test
from inference.rules.facts import (
    ADDRESS,
    SeriesFacts,
    Value,
    as_number,
    is_numeric,
    is_of_results,
)
from inference.rules.patterns import is_found
from inference.rules.pipeline_rule import Rule
from inference.rules.priority_rule import PriorityRule
from inference.rules.rule_set import RuleSet
from storage.core.addresses import is_within

ON_REQUEST = because("on_request")


class Facts(Protocol):
    """What conditions are asked of: a series, or a whole study."""

    def of(self, name: str) -> Value | None:
        """The value of a fact or of a DICOM keyword; None if absent."""


@dataclass(frozen=True)
class Trace:
    """One condition: what was asked, what was found, and whether it held."""

    text: str
    found: str
    holds: bool
    parts: tuple["Trace", ...] = ()

    def first_failure(self) -> str:
        """The sentence of the condition on which it failed."""
        for part in self.parts:
            if not part.holds and not self.holds and self.text == "all of":
                return part.first_failure()
        if self.parts:
            inside = "; ".join(part.text for part in self.parts)
            return f"{self.text}: {inside}"
        return f"{self.text} (found {self.found})"


@dataclass(frozen=True)
class RuleTrace:
    rule: Rule
    holds: bool
    reason: str
    trace: Trace | None


@dataclass(frozen=True)
class Ruling:
    """What the site's rules say of a series and a pipeline."""

    allowed: bool
    reason: str
    """Empty where no rule speaks of the pipeline."""
    rule: Rule | None
    tried: tuple[RuleTrace, ...]
    priority: int | None = None
    """Of a job; None where no rule says anything about it."""


def rule_on(
    rules: RuleSet, pipeline: str, facts: SeriesFacts, *, on_request: bool = False
) -> Ruling:
    """Try the rules of a pipeline in order; the first that holds decides.

    A pipeline without rules is allowed, unless it runs `on_request` alone; one with rules of
    which none holds is not. The rule's own priority counts, else that of the rules of priority.
    """
    ruling = _ruling(rules, pipeline, facts, on_request=on_request)
    rule = ruling.rule
    if rule is not None and "priority" in rule.model_fields_set:
        return replace(ruling, priority=rule.priority)
    urgency = priority_on(rules, facts)
    by_rule = None if rule is None else rule.priority
    return replace(ruling, priority=by_rule if urgency is None else urgency.priority)


def priority_on(rules: RuleSet, facts: Facts) -> PriorityRule | None:
    """The first rule of priority that holds."""
    return next(
        (
            one
            for one in rules.priority
            if one.enabled and (one.when is None or judge(one.when, facts).holds)
        ),
        None,
    )


def _ruling(rules: RuleSet, pipeline: str, facts: SeriesFacts, *, on_request: bool) -> Ruling:
    tried: list[RuleTrace] = []
    for rule in rules.of(pipeline):
        trace = None if rule.when is None else judge(rule.when, facts)
        if trace is not None and not trace.holds:
            reason = f"{trace.first_failure()}"
            tried.append(RuleTrace(rule, False, reason, trace))
            continue
        tried.append(RuleTrace(rule, True, "holds", trace))
        if not rule.enabled:
            return Ruling(False, f"The site's rule '{rule.name}' says no.", rule, tuple(tried))
        return Ruling(True, f"The site's rule '{rule.name}' holds.", rule, tuple(tried))
    if not tried:
        return Ruling(False, ON_REQUEST, None, ()) if on_request else Ruling(True, "", None, ())
    failed = "; ".join(f"'{one.rule.name}' wants {one.reason}" for one in tried)
    return Ruling(False, f"No rule of the site holds: {failed}.", None, tuple(tried))


def judge(condition: Condition, facts: Facts) -> Trace:
    """Judge a condition and all within it, also where the answer is known early."""
    if condition.not_ is not None:
        inside = judge(condition.not_, facts)
        return Trace("not", "", not inside.holds, (inside,))
    for name, members, holds in (
        ("all of", condition.all, all),
        ("any of", condition.any, any),
    ):
        if members is not None:
            parts = tuple(judge(member, facts) for member in members)
            return Trace(name, "", holds(part.holds for part in parts), parts)
    if condition.test is None:
        raise ValueError("a condition without a test passed validation")
    value = facts.of(condition.name)
    if condition.name == ADDRESS:
        return _of_address(condition.test, value)
    return Trace(
        f"{condition.name} {wording(condition.test)}",
        _shown(value),
        _holds(
            condition.test,
            value,
            is_numeric(condition.name),
            is_any_enough=is_of_results(condition.name),
        ),
    )


def _of_address(test: Test, value: Value | None) -> Trace:
    """What was found is not shown: the reason is kept with the study, and addresses are not."""
    addresses = value if isinstance(value, tuple) else ()
    holds = test.present is None or (value is not None) == test.present
    if test.equals is not None:
        networks = [ip_network(str(one).strip(), strict=False) for one in test.equals]
        holds = holds and any(is_within(one, networks) for one in addresses)
    found = "nothing" if value is None else "an address"
    return Trace(f"{ADDRESS} {wording(test)}", found, holds)


def wording(test: Test) -> str:
    """The test as a person would say it."""
    words = []
    if test.present is not None:
        words.append("present" if test.present else "absent")
    if test.equals is not None:
        words.append(" or ".join(_text(one) for one in test.equals))
    if test.contains is not None:
        words.append("with " + " or ".join(_text(one) for one in test.contains))
    if test.matches is not None:
        words.append(f"like {test.matches}")
    if test.at_least is not None:
        words.append(f"≥ {test.at_least:g}")
    if test.at_most is not None:
        words.append(f"≤ {test.at_most:g}")
    if test.hours is not None:
        words.append(f"in {test.hours.text}")
    return ", ".join(words)


def _holds(
    test: Test, value: Value | None, is_number: bool, *, is_any_enough: bool = False
) -> bool:
    """`is_any_enough`: of several findings one alone has to meet all that is asked."""
    if test.present is not None and (value is not None) != test.present:
        return False
    asked = test.model_fields_set - {"present"}
    if value is None:
        return not asked
    if test.hours is not None:
        times = () if isinstance(value, float) else map(datetime.fromisoformat, value)
        return any(test.hours.contains(at) for at in times)
    values = (value,) if isinstance(value, float) else value
    if is_any_enough:
        return any(_words_hold(test, one, True) and _limits_hold(test, one) for one in values)
    # Words may be one of several, as in ImageType; a limit must hold for every instance.
    return any(_words_hold(test, one, is_number) for one in values) and all(
        _limits_hold(test, one) for one in values
    )


def _words_hold(test: Test, value: float | str, is_number: bool) -> bool:
    text = _text(value).lower()
    number = _as_number(value)
    return (
        (test.equals is None or any(_same(text, number, one, is_number) for one in test.equals))
        and (test.contains is None or any(_text(one).lower() in text for one in test.contains))
        and (test.matches is None or is_found(test.matches, text))
    )


def _limits_hold(test: Test, value: float | str) -> bool:
    if test.at_least is None and test.at_most is None:
        return True
    number = _as_number(value)
    return (
        number is not None
        and (test.at_least is None or number >= test.at_least)
        and (test.at_most is None or number <= test.at_most)
    )


def _same(text: str, number: float | None, wanted: str | float, is_number: bool) -> bool:
    """`is_number`: of an attribute whose values are numbers; "2.3" and "2.30" are then one."""
    if isinstance(wanted, str):
        alike = is_number and number is not None and number == _as_number(wanted)
        return alike or text == wanted.strip().lower()
    return number is not None and number == wanted


def _as_number(value: float | str) -> float | None:
    return as_number(value, None) if isinstance(value, str) else float(value)


def _text(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float | int) else value


def _shown(value: Value | None) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(value[:4]) + (", …" if len(value) > 4 else "")
