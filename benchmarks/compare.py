"""What changed between two runs of a benchmark, beyond what each scattered by itself.

    python -m benchmarks.compare BEFORE.json AFTER.json

A figure changed where every round of one run lies above every round of the other, and the medians
differ by more than 3%. With fewer than two rounds nothing can be concluded.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.support.figures import read_figures

_LEAST_CHANGE = 0.03
_FEWEST_ROUNDS = 2


def change(before: Sequence[float], after: Sequence[float]) -> str:
    """`+12%`, or why nothing is concluded."""
    if min(len(before), len(after)) < _FEWEST_ROUNDS:
        return "too few rounds"
    share = statistics.median(after) / statistics.median(before) - 1
    are_apart = max(before) < min(after) or max(after) < min(before)
    return f"{share:+.0%}" if are_apart and abs(share) > _LEAST_CHANGE else "no change beyond noise"


def table(before: dict[str, Any], after: dict[str, Any]) -> str:
    """In Markdown: medians, the range of the rounds, and what changed."""
    lines = [
        f"Before: {_origin(before)}",
        f"After: {_origin(after)}",
        "",
        "| | before | after | change |",
        "|---|---|---|---|",
    ]
    for name, by_server in after["rounds"].items():
        for server, values in by_server.items():
            earlier = before["rounds"].get(name, {}).get(server)
            if earlier:
                cells = (_cell(earlier), _cell(values), change(earlier, values))
                lines.append(f"| {name}, {server} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    return f"{statistics.median(values):,.4g} ({min(values):,.4g} to {max(values):,.4g})"


def _origin(run: dict[str, Any]) -> str:
    return (
        f"{run['commit']}, {run['at']}, {run['processor']}, {run['cores']} cores, "
        f"load {run['load_before']:.1f} to {run['load_after']:.1f}: {run['command']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    try:
        print(table(read_figures(options.before), read_figures(options.after)))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
