"""A row of the verification: expected, measured, and whether they agree."""

from dataclasses import dataclass
from typing import Literal

Tolerance = Literal["absolute", "relative"]


@dataclass(frozen=True)
class Row:
    """One measurement of one kind of input. `source` says who gave the expected value."""

    subject: str
    input_kind: str
    quantity: str
    unit: str
    expected: float | None
    measured: float | None
    tolerance: float
    source: str
    is_relative: bool = False
    caveat: str = ""
    """What the node says with the value; "" where it says nothing."""

    @property
    def agrees(self) -> bool:
        """None is a value too: that there is none."""
        if self.expected is None or self.measured is None:
            return self.expected is self.measured
        allowed = self.tolerance * (abs(self.expected) if self.is_relative else 1.0)
        return abs(self.measured - self.expected) <= allowed


def table(rows: list[Row]) -> str:
    """Markdown, in the order of the rows."""
    lines = [
        "| what | input | quantity | expected | measured | tolerance | expected by | caveat |"
        " agrees |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        allowed = (
            f"{row.tolerance * 100:g} %" if row.is_relative else f"{row.tolerance:g} {row.unit}"
        )
        cells = (
            row.subject,
            row.input_kind,
            row.quantity,
            _shown(row.expected, row.unit),
            _shown(row.measured, row.unit),
            allowed.strip(),
            row.source,
            row.caveat or "–",
            "yes" if row.agrees else "**no**",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(value: float | None, unit: str) -> str:
    return "none" if value is None else f"{value:,.6g} {unit}".strip()
