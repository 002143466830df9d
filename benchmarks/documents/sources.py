"""The documents of one half, as they are written down here, with their questions.

A file holds several documents. An `.html` one is printed by a browser; a `.txt` one is drawn by
ReportLab or Matplotlib, line by line, in a notation of its own (`drawing`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HERE = Path(__file__).parent
HALVES = ("open", "closed")
Generator = Literal["chromium", "reportlab", "matplotlib"]
_HEAD = re.compile(r"<!--\s*(document:.*?)-->(.*?)(?=<!--\s*document:|\Z)", re.DOTALL)
_NO_ANSWER = "-"


@dataclass(frozen=True)
class Question:
    text: str
    answers: tuple[str, ...]
    """Each of them is right; none where the document has no answer."""


@dataclass(frozen=True)
class Scan:
    """How a page lies on the scanner: resolution, angle in degrees, noise in grey values."""

    dpi: int
    angle_deg: float
    noise: float


@dataclass(frozen=True)
class Source:
    name: str
    generator: Generator
    content: str
    style: str
    columns: tuple[float, ...]
    scan: Scan | None
    questions: tuple[Question, ...]


def sources(half: str) -> list[Source]:
    """All documents of `open` or `closed`, in the order of their files."""
    found: list[Source] = []
    for path in sorted((HERE / half).iterdir()):
        text = path.read_text("utf-8")
        if path.suffix == ".html":
            found += (_source(head, body, "chromium") for head, body in _HEAD.findall(text))
        elif path.suffix == ".txt":
            parts = (one.split("\n---\n", 1) for one in text.split("\n===\n"))
            found += (_source(head, body, "reportlab") for head, body in parts)
    return found


def _source(head: str, content: str, generator: Generator) -> Source:
    values = dict(_pairs(head))
    scan = values.get("scan", "").split()
    named = values.get("generator")
    return Source(
        name=values["document"],
        generator="matplotlib" if named == "matplotlib" else generator,
        content=content.strip(),
        style=values.get("style", "sans"),
        columns=tuple(float(one) for one in values.get("columns", "60 230").split()),
        scan=Scan(int(scan[0]), float(scan[1]), float(scan[2])) if scan else None,
        questions=tuple(_question(line) for line in head.splitlines() if line.startswith("Q:")),
    )


def _pairs(head: str) -> Iterator[tuple[str, str]]:
    for line in head.splitlines():
        key, colon, value = line.partition(":")
        if colon and key != "Q":
            yield key.strip(), value.strip()


def _question(line: str) -> Question:
    text, _, answer = line.removeprefix("Q:").partition(" = ")
    answer = answer.strip()
    if answer == _NO_ANSWER:
        return Question(text.strip(), ())
    return Question(text.strip(), tuple(one.strip() for one in answer.split("||")))
