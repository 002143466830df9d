#!/usr/bin/env python3
"""Keep private idioms out of texts for people and out of code; ends with 1 where it finds one.

docs/glossary.md has the words to use. Looked at: the interface in every language, the documents,
the settings, the API with its command line, and, for words that are gone everywhere, all code.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# What is found, and what to write instead. The first are gone from code and decisions, too.
GONE = {
    r"whoever": "everybody who, a person who",
    r"anew": "again",
    r"told": "informed, notified, distinguished",
    r"said": "stated, answered",
    r"heard": "received, noticed",
    r"tellers?": "a plain noun",
}
EVERYWHERE = GONE | {
    r"dead[ -]letters?": "failed deliveries",
    r"keeping house": "maintenance is running",
    r"(?:the|leaves? the) house": "the site, sharing",
    r"call(?:ed|s)? off": "cancel",
    r"not every part works": "degraded",
    r"why not": "reasons",
    r"in the shadow": "shadow runs",
    r"so long (?:a|an|may|the|notices)\b": "how long, retention, time limit",
    r"gone on with": "resumed, continued",
    r"by who": "by those who, by the one who",
}
_IS_NO = r"(?<!there )is no (?!longer|more|such|need|secret|proof|sign)\w+"
SENTENCES = {_IS_NO: "is not a, is not an"}
# Within a string on one line; a docstring or comment may be short.
ERRORS = {rf'(?<!"")"(?!"")[^"\n]*\b{_IS_NO}': "is not a, is not an"}
INTERFACE = {
    r"held": "confirmed, stored, on hold",
    r"kept": "stored, retention",
    r"rests? on": "based on",
    r"come in|came in": "arrive, received",
}
GERMAN = {
    r"des Hauses|das Haus": "der Standort",
    r"verwahrt": "bestätigt, gespeichert",
    r"Unzustellbar\w*": "fehlgeschlagene Zustellungen",
    r"Schatten": "Vergleichsbetrieb",
    r"aufgegeben": "fehlgeschlagen",
}


def texts() -> list[tuple[Path, dict[str, str]]]:
    """Each file with what must not be in it."""
    english = sorted((ROOT / "viewer/shared/i18n/en").rglob("*.ts"))
    german = sorted((ROOT / "viewer/shared/i18n/de").rglob("*.ts"))
    documents = [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", ".env.example")),
        ROOT / "viewer/README.md",
        ROOT / "clients/python/README.md",
        *sorted((ROOT / "docs").glob("*.md")),
        # The descriptions of the API and the command line, and the errors of both.
        *sorted((ROOT / "api").rglob("*.py")),
        *sorted((ROOT / "storage/settings").glob("*.py")),
    ]
    code = [
        *(
            path
            for folder in ("storage", "dicom_node", "inference", "clients", "benchmarks", "scripts")
            for path in sorted((ROOT / folder).rglob("*.py"))
            if path != Path(__file__).resolve() and "migrations" not in path.parts
        ),
        *sorted((ROOT / "docs/decisions").glob("*.md")),
        *sorted((ROOT / "inference").rglob("locales/en.yaml")),
        ROOT / "CHANGELOG.md",
        *(
            path
            for folder in ("app", "features", "shared", "cornerstone", "dicom")
            for path in sorted((ROOT / "viewer" / folder).rglob("*.ts*"))
            if "generated" not in path.parts
        ),
    ]
    return [
        *((path, GONE | (ERRORS if path.suffix == ".py" else {})) for path in code),
        *((path, EVERYWHERE | SENTENCES | INTERFACE) for path in english),
        *((path, GERMAN) for path in german),
        *(
            (path, EVERYWHERE | (ERRORS if path.suffix == ".py" else SENTENCES))
            for path in documents
        ),
    ]


def found(path: Path, words: dict[str, str]) -> list[str]:
    """Sentences that name place, word and replacement."""
    # Names of values and parameters in the interface's files are no words for people.
    text = re.sub(r"\$\{[^}]*\}|\([^()]*\) =>", "", path.read_text(encoding="utf-8"))
    if not re.search("|".join(f"(?:{word})" for word in words), text, re.IGNORECASE):
        return []
    return [
        f"{path.relative_to(ROOT)}:{number}: '{match.group()}': write {instead}"
        for number, line in enumerate(text.splitlines(), 1)
        for word, instead in words.items()
        # A key before its text, and a quotation in backticks, are no words for people.
        for match in re.finditer(rf"(?<![\w`.])(?:{word})(?![\w`]|:\s)", line, re.IGNORECASE)
    ]


if __name__ == "__main__":
    complaints = [one for path, words in texts() for one in found(path, words)]
    print("\n".join(complaints) or "No idioms in the texts for people.")
    sys.exit(bool(complaints))
