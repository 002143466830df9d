"""The Native DICOM Model (PS3.19 A.1), written from the JSON model and read back into it."""

import base64
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser
from pydicom.datadict import keyword_for_tag

from api.dicomweb.formats.json_values import JsonDataset, JsonElement
from storage.core.errors import InvalidRequest

_NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_NUMBER_VRS = frozenset({"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV", "DS", "IS"})
_INTEGER_VRS = frozenset({"SL", "SS", "SV", "UL", "US", "UV", "IS"})
# XML 1.0 knows no way to write these, not even escaped.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_MAX_DEPTH = 64
# An attribute and an item for each level; within the last one a name, its group, its component.
_MAX_XML_DEPTH = 2 * _MAX_DEPTH + 8
MAX_ELEMENTS = 500_000

Write = Callable[[str], None]


class _BoundedBuilder(TreeBuilder):
    """Builds the tree while its depth and number are counted: four bytes are an element."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: Any, attrs: Any, /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > _MAX_XML_DEPTH:
            raise _malformed(f"its sequences are nested more than {_MAX_DEPTH} deep")
        if self._count > MAX_ELEMENTS:
            raise _malformed(f"it has more than {MAX_ELEMENTS} elements")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def dataset_to_xml(elements: JsonDataset) -> bytes:
    """One data set of the JSON model as an XML document.

    Written as it goes: a tree takes some KB for a value of two bytes.
    """
    document = BytesIO()

    def write(text: str) -> None:
        document.write(text.encode())

    write('<?xml version="1.0" encoding="utf-8"?>\n')
    write(f'<NativeDicomModel xmlns="{_NAMESPACE}" xml:space="preserve">')
    _write(write, elements)
    write("</NativeDicomModel>")
    return document.getvalue()


def xml_to_dataset(document: bytes) -> JsonDataset:
    """The JSON model of one document. Raises InvalidRequest for anything else.

    Document types and entities are refused: they are how XML is attacked.
    """
    parser = DefusedXMLParser(target=_BoundedBuilder(), forbid_dtd=True)
    try:
        parser.feed(document)
        root = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        # LookupError: the document names an encoding that there is not.
        raise _malformed("it is not well-formed, or defines entities") from error
    if _name(root) != "NativeDicomModel":
        raise _malformed("its root is not a NativeDicomModel")
    return _read(root, 0)


def _write(write: Write, elements: JsonDataset) -> None:
    for name, element in elements.items():
        attributes = {"tag": name, "vr": element["vr"]}
        keyword = keyword_for_tag(int(name, 16))
        if keyword:
            attributes["keyword"] = keyword
        creator = _private_creator(elements, name)
        if creator:
            # The creator stands in the place of the block that it reserved.
            attributes["tag"] = f"{name[:4]}00{name[6:]}"
            attributes["privateCreator"] = creator
        written = "".join(f" {key}={_quoted(text)}" for key, text in attributes.items())
        write(f"<DicomAttribute{written}>")
        if "BulkDataURI" in element:
            write(f"<BulkData uri={_quoted(element['BulkDataURI'])}/>")
        elif "InlineBinary" in element:
            write(f"<InlineBinary>{_escaped(element['InlineBinary'])}</InlineBinary>")
        for number, value in enumerate(element.get("Value", ()), start=1):
            _write_value(write, element["vr"], number, value)
        write("</DicomAttribute>")


def _write_value(write: Write, vr: str, number: int, value: Any) -> None:
    if vr == "SQ":
        write(f'<Item number="{number}">')
        _write(write, value or {})
        write("</Item>")
    elif vr == "PN":
        write(f'<PersonName number="{number}">')
        for group in _GROUPS:
            text = (value or {}).get(group)
            if text:
                write(f"<{group}>{_components(text)}</{group}>")
        write("</PersonName>")
    else:
        text = "" if value is None else str(value)
        write(f'<Value number="{number}">{_escaped(text)}</Value>')


def _components(text: str) -> str:
    pieces = zip(_COMPONENTS, text.split("^"), strict=False)
    return "".join(f"<{name}>{_escaped(piece)}</{name}>" for name, piece in pieces if piece)


def _private_creator(elements: JsonDataset, name: str) -> str:
    if int(name[3], 16) % 2 == 0 or name[4:6] == "00":
        return ""
    block = elements.get(f"{name[:4]}00{name[4:6]}", {})
    values = block.get("Value") or [""]
    return str(values[0] or "")


def _escaped(text: str) -> str:
    # A reader takes a carriage return as it stands for a line feed (XML 1.0, 2.11).
    return escape(_writable(text), {"\r": "&#13;"})


def _quoted(text: str) -> str:
    return quoteattr(_writable(text))


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)


def _read(parent: Element, depth: int) -> JsonDataset:
    if depth > _MAX_DEPTH:
        raise _malformed(f"its sequences are nested more than {_MAX_DEPTH} deep")
    elements: JsonDataset = {}
    for node in parent:
        tag, vr = node.get("tag", ""), node.get("vr", "")
        if _name(node) != "DicomAttribute" or not _TAG.fullmatch(tag) or len(vr) != 2:
            raise _malformed("something in a data set is not a DicomAttribute with tag and vr")
        creator = node.get("privateCreator", "")
        name = _in_block(elements, tag.upper(), creator) if creator else tag.upper()
        elements[name] = _read_element(node, vr, depth)
    return dict(sorted(elements.items()))


def _in_block(elements: JsonDataset, tag: str, creator: str) -> str:
    """The tag within the block of its creator, which is reserved where nothing has done so."""
    group = tag[:4]
    for block in range(0x10, 0x100):
        reserved = elements.setdefault(f"{group}00{block:02X}", {"vr": "LO", "Value": [creator]})
        if reserved.get("Value") == [creator]:
            return f"{group}{block:02X}{tag[6:]}"
    raise _malformed("a private group has more creators than blocks")


def _read_element(node: Element, vr: str, depth: int) -> JsonElement:
    values: list[Any] = []
    for child in node:
        kind = _name(child)
        if kind == "BulkData":
            return {"vr": vr, "BulkDataURI": child.get("uri") or child.get("uuid") or ""}
        if kind == "InlineBinary":
            return {"vr": vr, "InlineBinary": _base64(child.text or "")}
        if kind == "Item":
            values.append(_read(child, depth + 1))
        elif kind == "PersonName":
            values.append(_person_name(child))
        elif kind == "Value":
            values.append(_plain(vr, child.text or ""))
        else:
            raise _malformed("an attribute holds something that is not a value")
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def _person_name(node: Element) -> dict[str, str]:
    name = {}
    for part in node:
        if _name(part) in _GROUPS:
            pieces = {_name(piece): piece.text or "" for piece in part}
            components = [pieces.get(component, "") for component in _COMPONENTS]
            name[_name(part)] = "^".join(components).rstrip("^")
    return name


def _plain(vr: str, text: str) -> Any:
    if not text:
        return None
    if vr not in _NUMBER_VRS:
        return text
    try:
        return int(text) if vr in _INTEGER_VRS else float(text)
    except ValueError as error:
        raise _malformed(f"a value of VR {vr} is not a number") from error


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=False)
    except ValueError as error:
        raise _malformed("an InlineBinary is not base64") from error
    return text


def _name(node: Element) -> str:
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def _malformed(what: str) -> InvalidRequest:
    return InvalidRequest(
        f"The XML is not a Native DICOM Model: {what}.",
        remedy="Write it as PS3.19 A.1 describes.",
    )
