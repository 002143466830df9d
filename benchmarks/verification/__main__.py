"""python -m benchmarks.verification: writes docs/clinical-verification.md, or fails.

The page is not written where rows that it has were not measured, such as those of the shared data
on a machine without these; `--output` writes what there is elsewhere.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.verification.calibrations import calibration_rows
from benchmarks.verification.heads import head_rows
from benchmarks.verification.lesions import lesion_rows
from benchmarks.verification.lung_capacity import capacity_rows
from benchmarks.verification.lungs import lung_rows
from benchmarks.verification.phantoms import phantom_rows
from benchmarks.verification.rows import Row, table
from benchmarks.verification.structures import structure_rows
from benchmarks.verification.texts import text_rows

PAGE = Path(__file__).parents[2] / "docs/clinical-verification.md"
_COMMAND = "python -m benchmarks.verification"
_HEAD = """# Clinical verification

Written by `make verification`; do not edit it. Each row compares what the node gives with what
another program (SimpleITK, DCMTK, a model's own command) or a calculation by hand gives for the
same input, never with the node itself. `none` means that there must be no number; *caveat*
is the caveat or the refusal that people read. A hospital's acceptance test can begin with these
rows and its own series. Research use only: agreement of numbers is no proof of clinical
performance.

Phantoms are made by the tests, an ellipsoid in 24 × 40 × 36 voxels. Rows of the shared data stand
here where those data are on the machine that wrote the page.
"""


def all_rows() -> list[Row]:
    with TemporaryDirectory() as folder:
        return [
            *phantom_rows(Path(folder)),
            *calibration_rows(),
            *text_rows(Path(folder)),
            *capacity_rows(),
            *lesion_rows(),
            *head_rows(),
            *structure_rows(),
            *lung_rows(),
        ]


def page(rows: list[Row]) -> str:
    agree = sum(row.agrees for row in rows)
    counted = f"{agree} of {len(rows)} rows agree, as `{_COMMAND}` found on {date.today()}."
    return f"{_HEAD}\n{counted}\n\n{table(rows)}\n"


def missing_rows(stored: str, rows: Sequence[Row]) -> list[str]:
    """The beginnings (what, input, quantity) of a page's rows that are not among these."""
    there = tuple(f"| {row.subject} | {row.input_kind} | {row.quantity} |" for row in rows)
    lines = [line for line in stored.splitlines() if line.startswith("| ")][1:]
    return [" |".join(one.split(" |")[:3]) for one in lines if not one.startswith(there)]


def write_page(rows: list[Row], output: Path) -> list[str]:
    """Write the page unless it would lose rows, which are returned."""
    stored = output.read_text(encoding="utf-8") if output.exists() else ""
    missing = missing_rows(stored, rows)
    if not missing:
        output.write_text(page(rows), encoding="utf-8")
    return missing


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PAGE, help="the page to write")
    output = parser.parse_args().output
    found = all_rows()
    missing = write_page(found, output)
    if missing:
        print(f"{output} is unchanged: {len(missing)} of its rows were not measured here.")
        print(*missing, sep="\n")
        print("Put the shared data beside the repository (../shared), or write to another page")
        print("(--output PAGE). Rows that are to go: delete them from the page first.")
        sys.exit(2)
    wrong = [row for row in found if not row.agrees]
    for row in wrong:
        print(f"{row.subject}, {row.input_kind}, {row.quantity}: {row.expected} {row.measured}")
    print(f"{len(found) - len(wrong)} of {len(found)} rows agree; {output}")
    sys.exit(bool(wrong))
