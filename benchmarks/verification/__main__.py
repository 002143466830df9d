"""python -m benchmarks.verification: writes docs/clinical-verification.md, or fails."""

import sys
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


if __name__ == "__main__":
    found = all_rows()
    PAGE.write_text(page(found), encoding="utf-8")
    wrong = [row for row in found if not row.agrees]
    for row in wrong:
        print(f"{row.subject}, {row.input_kind}, {row.quantity}: {row.expected} {row.measured}")
    print(f"{len(found) - len(wrong)} of {len(found)} rows agree; {PAGE}")
    sys.exit(bool(wrong))
