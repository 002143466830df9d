"""The sentences of a report in order, each with the heading that it stands under."""

import re
from dataclasses import dataclass

from inference.language.guard.sections import concludes, heading_of, is_preamble, is_section
from inference.language.sentences import split_blocks, split_sentences

_BEGINS = re.compile(r"^\s*([A-ZÄÖÜ][A-Za-zÄÖÜäöüß ]{2,40}):[ \t]+(?=\S)")
# Headings that follow a sentence on its line.
_WITHIN_LINE = re.compile(
    r"(?<=[.!?])[ \t]+(?=(?:findings?|impressions?|conclusions?|summary|technique|comparison"
    r"|indication|history|befunde?|beurteilung|zusammenfassung|technik|vergleich|fragestellung|indikation)\s*:)",
    re.I,
)
_LABELLED = re.compile(r"^[A-ZÄÖÜ][\w/&() ]{2,40}:\s")


@dataclass(frozen=True)
class Placed:
    """A sentence and the heading under which it stands, empty where it has none."""

    text: str
    heading: str


def placed_sentences(text: str) -> list[Placed]:
    """The sentences of a text in order. A heading may stand alone or begin a line.

    What stands under the conclusion, or after a label such as "RIGHT BREAST:", stays together:
    a sentence that loses its side says something else.
    """
    found: list[Placed] = []
    heading = ""
    lines: list[str] = []

    def close() -> None:
        for block in split_blocks("\n".join(lines)):
            together = concludes(heading) or _LABELLED.match(block)
            for one in [block] if together else split_sentences(block):
                found.append(Placed(one, heading))
        lines.clear()

    begun_within_line = False
    for line in _WITHIN_LINE.sub("\n", text.replace("\r\n", "\n")).split("\n"):
        alone = heading_of(line)
        begins = _BEGINS.match(line)
        if alone:
            close()
            heading, begun_within_line = alone, False
        elif begins and is_section(begins[1]):
            close()
            heading, begun_within_line = begins[1], True
            lines.append(line[begins.end() :])
        else:
            # An indication in a line of its own ends with its paragraph: what follows without a
            # heading is what was found.
            if not line.strip() and begun_within_line and is_preamble(heading):
                close()
                heading = ""
            lines.append(line)
    close()
    return found
