"""Counts how summaries treat critical findings that stand outside of the conclusion.

`python -m benchmarks.faithfulness.criticals FILE...`: JSON lines of `lang` (en, de), `s` (a
sentence as a report has it) and `critical` (whether it must be reported).
Each is put into a report whose conclusion does not name it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from inference.language.extractive import different_sentences, most_telling
from inference.language.missing import missing_of_texts

_REPORTS = {
    "en": (
        "Indication: Pain.\nFindings:\nThe thyroid gland is homogeneous. The gallbladder contains"
        " no stones. {s} The adrenal glands are normal. Mild degenerative changes of the lumbar"
        " spine.\nImpression: Small hiatal hernia.",
        "Small hiatal hernia.",
    ),
    "de": (
        "Indikation: Schmerzen.\nBefund:\nDie Schilddrüse ist homogen. Die Gallenblase ist"
        " steinfrei. {s} Die Nebennieren sind schlank. Geringe degenerative Veränderungen der"
        " Lendenwirbelsäule.\nBeurteilung: Kleine Hiatushernie.",
        "Kleine Hiatushernie.",
    ),
}
_SENTENCES = 5


def main() -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for file in sys.argv[1:]:
        for line in Path(file).read_text(encoding="utf-8").splitlines():
            _count(json.loads(line), counts)
    for (what, language), count in sorted(counts.items()):
        print(f"{language} {what}: {count}")


def _count(case: dict[str, str | bool], counts: Counter[tuple[str, str]]) -> None:
    sentence, language = str(case["s"]), str(case["lang"])
    report, conclusion = _REPORTS[language]
    text = report.format(s=sentence)
    chosen = most_telling(different_sentences(text), _SENTENCES)
    missing = missing_of_texts([("text", text)], [conclusion], language)
    kind = "critical" if case["critical"] else "not critical"
    counts[f"{kind}: all", language] += 1
    counts[f"{kind}: carried by the text's own sentences", language] += any(
        sentence in one.text for one in chosen
    )
    counts[f"{kind}: named where a model leaves it out", language] += any(
        one.sentence in sentence or sentence in one.sentence for one in missing
    )


if __name__ == "__main__":
    main()
