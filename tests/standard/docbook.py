"""A cell of the standard's tables as DocBook, which is what dicom-validator's parsers read."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from dicom_validator.spec_reader.enum_parser import EnumParser
from lxml import etree

from tests.standard.tables import Attribute, sections

_NAMESPACE = EnumParser.docbook_ns


def cell(row: Attribute) -> Any:
    """The description of an attribute, its links pointing where they did in the standard."""
    return _converted(row.description, row.links)


@cache
def section(label: str) -> Any:
    """A section by its label, such as C.7.6.3.1.2; None for one that no attribute refers to."""
    text = sections().get(f"sect_{label}")
    return None if text is None else _converted(text, ())


def text_of(node: Any) -> str:
    """All that a cell says, joined as dicom-validator's reader joins it."""
    return " ".join(part.strip() for part in node.itertext() if part.strip())


@cache
def _converted(text: str, links: tuple[str, ...]) -> Any:
    remaining = iter(links)
    target = etree.Element(f"{_NAMESPACE}td")
    for block in etree.fromstring(text.replace("\xa0", " ")):
        values = block.find("dl")
        target.append(_paragraph(block, remaining) if values is None else _values(block, values))
    return target


def _values(block: Any, values: Any) -> Any:
    """Enumerated values or defined terms under their title."""
    made = etree.Element(f"{_NAMESPACE}variablelist")
    etree.SubElement(made, f"{_NAMESPACE}title").text = block.findtext("p/strong", "").strip()
    for term in values.findall("dt"):
        entry = etree.SubElement(made, f"{_NAMESPACE}varlistentry")
        etree.SubElement(entry, f"{_NAMESPACE}term").text = "".join(term.itertext()).strip()
    return made


def _paragraph(block: Any, links: Iterator[str]) -> Any:
    """The words, with links as empty elements and without the headings of notes."""
    made = etree.Element(f"{_NAMESPACE}para")
    made.text = block.text
    for part in block.iterdescendants():
        linked = "href" in part.attrib
        here = etree.SubElement(made, f"{_NAMESPACE}{'xref' if linked else 'emphasis'}")
        if linked:
            here.set("linkend", next(links, "").rpartition("#")[2])
        elif part.tag != "h3":
            here.text = part.text
        here.tail = part.tail
    return made
