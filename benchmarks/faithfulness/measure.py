"""How many of the cases the guard decides rightly, by class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.faithfulness.cases import FAITHFUL, HALVES, Case, Half
from inference.language.critical import omitted
from inference.language.guard import check_sentence
from inference.language.guard.sentences import split_sentences

LEAST_FALSE_WITHHELD = 0.99
MOST_FAITHFUL_WITHHELD = 0.03
CLASSES = (
    "number",
    "unit",
    "side",
    "negation",
    "certainty",
    "invented",
    "omitted_critical",
    "wrong_prior",
    "wrong_patient",
)


@dataclass
class Tally:
    """Of one class and half."""

    cases: int = 0
    withheld: int = 0

    @property
    def share(self) -> float:
        return self.withheld / self.cases if self.cases else 0.0


@dataclass
class Measure:
    """Tallies by half, by whether from a report, and by class; and the wrong ones."""

    tallies: dict[tuple[Half, bool, str], Tally] = field(default_factory=dict)
    wrong: list[Case] = field(default_factory=list)

    def sum(
        self, half: Half | None = None, *, faithful: bool, of_reports: bool | None = None
    ) -> Tally:
        """Over all classes of the false, or of the faithful."""
        total = Tally()
        for (of_half, reports, what), tally in self.tallies.items():
            if (
                half in (None, of_half)
                and of_reports in (None, reports)
                and (what == FAITHFUL) == faithful
            ):
                total.cases += tally.cases
                total.withheld += tally.withheld
        return total

    def of(self, half: Half, what: str, of_reports: bool | None = None) -> Tally:
        found = [
            tally
            for (of_half, reports, name), tally in self.tallies.items()
            if of_half == half and name == what and of_reports in (None, reports)
        ]
        return Tally(sum(one.cases for one in found), sum(one.withheld for one in found))


def is_withheld(case: Case) -> bool:
    """Of a text: whether something critical is reported as left out, or has a sentence withheld."""
    if case.whole_text:
        sentences = [case.text[start:end] for start, end in split_sentences(case.text)]
        sources = [(one.source_id, one.text) for one in case.evidence.texts]
        return bool(omitted(sources, sentences)) or not all(
            check_sentence(one, case.evidence).supported for one in sentences
        )
    return not check_sentence(case.text, case.evidence).supported


def measure(cases: Iterable[Case]) -> Measure:
    """Ask the guard about each."""
    found = Measure()
    for case in cases:
        withheld = is_withheld(case)
        key = (case.half, bool(case.evidence.texts), case.what)
        tally = found.tallies.setdefault(key, Tally())
        tally.cases += 1
        tally.withheld += withheld
        if withheld == (case.what == FAITHFUL):
            found.wrong.append(case)
    return found


def table(found: Measure) -> str:
    """A row a class, a column a half; then the faithful."""
    lines = [
        "| made false by | tuned: cases | withheld | held out: cases | withheld |",
        "|---|---:|---:|---:|---:|",
    ]
    for what in CLASSES:
        cells = [_cells(found.of(half, what)) for half in HALVES]
        lines.append(f"| {what.replace('_', ' ')} | {' | '.join(cells)} |")
    for name, faithful in (("**all that is false**", False), ("**faithful**", True)):
        cells = [_cells(found.sum(half, faithful=faithful)) for half in HALVES]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for name, reports in (("findings", False), ("reports", True)):
        for word, faithful in (("false", False), ("faithful", True)):
            cells = [
                _cells(found.sum(half, faithful=faithful, of_reports=reports)) for half in HALVES
            ]
            lines.append(f"| of these, {word}, from {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(tally: Tally) -> str:
    return f"{tally.cases:,} | {tally.share:.1%}"
