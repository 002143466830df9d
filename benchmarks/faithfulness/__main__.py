"""python -m benchmarks.faithfulness: the table of the templates, which tells what broke."""

import argparse
import time

from benchmarks.faithfulness.all_cases import all_cases
from benchmarks.faithfulness.cases import HALVES
from benchmarks.faithfulness.measure import measure, table
from inference.language.guard import check_sentence


def main() -> None:
    """Of the held-out half, only figures are ever shown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tuned", action="store_true", help="the tuned half alone")
    parser.add_argument("--wrong", type=int, default=0, help="show so many wrong tuned cases")
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


if __name__ == "__main__":
    main()
