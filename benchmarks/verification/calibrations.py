"""Each kind of calibration: what a pixel is worth, and the words that go with it.

The values were computed by hand from PS3.3; they are those of the tests' matrix.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.verification.rows import Row
from inference.calibration.entities import CAVEATS
from tests.inference.calibration.test_matrix import place_of

_MATRIX = Path(__file__).parents[2] / "tests/inference/calibration/matrix.json"


def calibration_rows() -> Iterator[Row]:
    for case in json.loads(_MATRIX.read_text("utf-8")):
        found = place_of(case).calibration
        spacing = case["spacing_mm"]
        words = " ".join(CAVEATS[one] for one in found.caveats)
        for index, direction in enumerate(("between rows", "between columns")):
            yield Row(
                "calibration",
                case["name"],
                f"distance {direction}",
                "mm",
                None if spacing is None else spacing[index],
                None if found.spacing_mm is None else found.spacing_mm[index],
                1e-6,
                "by hand, PS3.3 10.7",
                caveat=words,
            )
