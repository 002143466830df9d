"""A series as rules see it once a pipeline ran on it: what was found in it, too."""

from collections.abc import Sequence

from inference.rules.critical_rule import CriticalRule
from inference.rules.facts import CRITICAL, FINDING, SeriesFacts, Value
from storage.core.findings import Finding

_PRESENT = "present"


class ResultFacts:
    """`finding.LABEL` or `finding.CODE` gives the value of each finding of that label or code,
    `critical` the names of those rules of `critical` that a finding meets."""

    def __init__(
        self,
        series: SeriesFacts,
        findings: Sequence[Finding],
        critical: Sequence[CriticalRule] = (),
    ) -> None:
        self._series = series
        self._findings = findings
        self._critical = critical

    def of(self, name: str) -> Value | None:
        """Of a finding without a number: that it is present."""
        if name == CRITICAL:
            return self._critical_names()
        if not name.startswith(FINDING):
            return self._series.of(name)
        wanted = name.removeprefix(FINDING).casefold()
        found = [
            _PRESENT if one.value is None else repr(one.value)
            for one in self._findings
            if wanted in (one.label.casefold(), one.code.value.casefold())
        ]
        return tuple(dict.fromkeys(found)) or None

    def _critical_names(self) -> tuple[str, ...] | None:
        met = (
            rule.name
            for rule in self._critical
            if any(rule.is_met(one, one.value, one.is_truncated) for one in self._findings)
        )
        return tuple(met) or None
