"""A series as rules see it once a pipeline ran on it: what was found in it, too."""

from collections.abc import Sequence

from inference.rules.facts import FINDING, SeriesFacts, Value
from storage.core.findings import Finding

_PRESENT = "present"


class ResultFacts:
    """`finding.LABEL` or `finding.CODE` gives the value of each finding of that label or code."""

    def __init__(self, series: SeriesFacts, findings: Sequence[Finding]) -> None:
        self._series = series
        self._findings = findings

    def of(self, name: str) -> Value | None:
        """Of a finding without a number: that it is present."""
        if not name.startswith(FINDING):
            return self._series.of(name)
        wanted = name.removeprefix(FINDING).casefold()
        found = [
            _PRESENT if one.value is None else repr(one.value)
            for one in self._findings
            if wanted in (one.label.casefold(), one.code.value.casefold())
        ]
        return tuple(dict.fromkeys(found)) or None
