"""Cases of all kinds: sentences, reports, omissions."""

from collections.abc import Iterator, Sequence

from benchmarks.faithfulness.cases import HALVES, Case, Half, finding_cases
from benchmarks.faithfulness.omission_cases import omission_cases
from benchmarks.faithfulness.report_cases import report_cases


def all_cases(halves: Sequence[Half] = HALVES) -> Iterator[Case]:
    """Every case of these halves."""
    for half in halves:
        yield from finding_cases(half)
        yield from report_cases(half)
        yield from omission_cases(half)
