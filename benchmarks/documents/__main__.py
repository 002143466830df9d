"""python -m benchmarks.documents: questions to documents, answered by layout without a model."""

import argparse
from pathlib import Path

from benchmarks.documents.measure import of_folder, of_sources, table
from benchmarks.documents.sources import HALVES, sources


def main() -> None:
    """Of the closed half, only figures are ever shown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=HALVES, default="open")
    parser.add_argument("--folder", type=Path, help="a set from elsewhere instead")
    parser.add_argument("--wrong", action="store_true", help="show the wrong answers")
    options = parser.parse_args()
    folder: Path | None = options.folder
    results = list(of_folder(folder) if folder else of_sources(sources(options.half)))
    if options.wrong and (folder or options.half == "open"):
        for one in results:
            if not one.is_right:
                wanted = " or ".join(one.question.answers) or "nothing"
                print(f"{one.document}: {one.question.text}")
                print(f"    {one.answer[:150]!r} ({one.score}) instead of {wanted}")
    print(table(results))


if __name__ == "__main__":
    main()
