"""python -m benchmarks.faithfulness: the table, and with --write the page that shows it."""

import argparse
import time
from pathlib import Path

from benchmarks.faithfulness.cases import HALVES, all_cases
from benchmarks.faithfulness.measure import measure, table
from inference.language.guard import check_sentence

_PAGE = Path(__file__).parents[2] / "docs" / "faithfulness.md"
_BEGIN, _END = "<!-- table -->", "<!-- end of table -->"


def main() -> None:
    """Of the held-out half, only figures are ever shown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tuned", action="store_true", help="the tuned half alone")
    parser.add_argument("--wrong", type=int, default=0, help="show so many wrong tuned cases")
    parser.add_argument("--write", action="store_true", help=f"write the table into {_PAGE.name}")
    options = parser.parse_args()
    started = time.process_time()
    found = measure(all_cases(HALVES[:1] if options.tuned else HALVES))
    print(table(found))
    print(f"{time.process_time() - started:.1f} s of processor time")
    shown: set[str] = set()
    for case in found.wrong:
        if case.half == "tuned" and case.template not in shown and len(shown) < options.wrong:
            shown.add(case.template)
            print(f"{case.source} | {case.what} | {case.text}")
            for reason in check_sentence(case.text, case.evidence).reasons:
                print(f"    {reason.ground}: {reason.text}")
    if options.write:
        page = _PAGE.read_text(encoding="utf-8")
        before, rest = page.split(_BEGIN, 1)
        after = rest.split(_END, 1)[1]
        _PAGE.write_text(f"{before}{_BEGIN}\n{table(found)}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
