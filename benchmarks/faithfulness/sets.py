"""python -m benchmarks.faithfulness.sets FOLDER: the figures of a set of sentences, and no more.

The folder holds `reports.txt`, each report under a line `=== name`, and `set.txt`, in which
`# name` names the report of the lines after it, `T ` stands before a faithful sentence and `F `
before a false one. A name that ends in `_de` is of a German report. Sets stay outside of the
repository, so that no rule is written for a sentence of theirs; what is wrong is shown with
`--wrong` alone, which opens the set.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from inference.language.guard import Evidence, SourceText, StudyFacts, check_sentence

_REPORT = re.compile(r"^=== ", re.MULTILINE)


def reports_of(folder: Path) -> dict[str, Evidence]:
    """Each report as evidence, by its name."""
    found: dict[str, Evidence] = {}
    for part in _REPORT.split((folder / "reports.txt").read_text(encoding="utf-8"))[1:]:
        name, _, text = part.partition("\n")
        source = SourceText(name.strip(), text)
        found[name.strip()] = Evidence(texts=(source,), study=StudyFacts(study_date="20240520"))
    return found


def sentences_of(folder: Path) -> Iterator[tuple[str, bool, str]]:
    """The report's name, whether it is faithful, and the sentence."""
    name = ""
    for line in (folder / "set.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            name = line[2:].strip()
        elif line.strip():
            yield name, line.startswith("T "), line[2:].strip()


def main() -> None:
    """Count what is withheld, by language."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wrong", action="store_true", help="open the set: show what is wrong")
    options = parser.parse_args()
    reports = reports_of(options.folder)
    cases: Counter[tuple[str, str]] = Counter()
    withheld: Counter[tuple[str, str]] = Counter()
    for name, faithful, sentence in sentences_of(options.folder):
        verdict = check_sentence(sentence, reports[name])
        key = ("German" if name.endswith("_de") else "English", "faithful" if faithful else "false")
        cases[key] += 1
        withheld[key] += not verdict.supported
        if options.wrong and verdict.supported != faithful:
            print(f"{name} | {sentence} | {[one.text for one in verdict.reasons]}")
    for key, number in sorted(cases.items()):
        share = withheld[key] / number
        print(f"{' '.join(key)}: {withheld[key]} of {number} withheld ({share:.1%})")


if __name__ == "__main__":
    main()
