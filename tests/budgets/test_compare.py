"""Two runs of a benchmark are compared without taking noise for a change."""

from pathlib import Path

import pytest

from benchmarks.compare import change, table
from benchmarks.support.figures import Surroundings, read_figures, write_figures


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([100, 104, 98], [120, 118, 125], "+20%"),
        ([100, 104, 98], [70, 81, 75], "-25%"),
        # One round of either lies among those of the other.
        ([100, 104, 98], [103, 130, 131], "no change beyond noise"),
        ([100, 100.1], [102, 102.1], "no change beyond noise"),
        ([100], [300, 310], "too few rounds"),
    ],
)
def test_a_change_is_one_where_all_rounds_lie_apart(
    before: list[float], after: list[float], expected: str
) -> None:
    assert change(before, after) == expected


def test_two_runs_are_compared_with_where_they_come_from(tmp_path: Path) -> None:
    for name, values in (("before", [10.0, 11.0]), ("after", [20.0, 22.0])):
        path = tmp_path / "runs" / f"{name}.json"
        write_figures(path, Surroundings(), {"C-FIND, ms": {"node": values}, name: {"node": [1]}})
    compared = table(*(read_figures(tmp_path / "runs" / f"{n}.json") for n in ("before", "after")))
    assert "| C-FIND, ms, node | 10.5 (10 to 11) | 21 (20 to 22) | +100% |" in compared
    # What only one of them measured is not compared.
    assert "| after, node" not in compared
    assert "cores, load" in compared


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_file_that_holds_no_figures_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"other\.json holds no figures of a benchmark"):
        read_figures(path)
