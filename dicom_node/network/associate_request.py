"""An A-ASSOCIATE-RQ before anything is made of it (PS3.8 9.3.2).

pynetdicom makes objects of all items of a request, however many, and refuses a request for items
that it does not know, which receivers skip (PS3.8 9.3.1, D.2). Only headers are walked here.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dicom_node.network.pdu import PDU_HEADER, PDU_HEADER_BYTES, MalformedPdu, PduType

MOST_CONTEXTS = 128
"""Their IDs are odd numbers from 1 to 255 (PS3.8 9.3.2.2)."""
MOST_SYNTAXES = 128 * (1 + 100)
"""Of all contexts together: each may propose more than there are (PS3.6 A)."""
_MOST_ITEMS = MOST_CONTEXTS + 32
_MOST_USER_ITEMS = 512
"""Roles and extended negotiation are once for each SOP class."""

_VERSION = slice(PDU_HEADER_BYTES, PDU_HEADER_BYTES + 2)
_ITEMS_BEGIN = PDU_HEADER_BYTES + 68
_ITEM = struct.Struct(">BxH")
_CONTEXT_ID_BYTES = 4

_APPLICATION, _CONTEXT, _USER_INFORMATION = 0x10, 0x20, 0x50
_VARIABLE_ITEMS = frozenset({_APPLICATION, _CONTEXT, _USER_INFORMATION})
_SYNTAXES = frozenset({0x30, 0x40})
_USER_ITEMS = frozenset(range(0x51, 0x5A))
"""PS3.7 D.3.3."""


class _Item(NamedTuple):
    kind: int
    content: bytes


def states_known_version(request: bytes) -> bool:
    """Of the protocol version bit 0 alone is looked at (PS3.8 Table 9-11)."""
    return bool(request[_VERSION][-1] & 1)


def plain_request(request: bytes) -> bytes:
    """The PDU as version 1 and without items that nobody knows. Raises MalformedPdu.

    A request of another version is one of version 1 then, for its titles to be read: ask first.
    """
    items = list(_items(request[_ITEMS_BEGIN:], _MOST_ITEMS, "items"))
    contexts = sum(item.kind == _CONTEXT for item in items)
    if contexts > MOST_CONTEXTS:
        raise MalformedPdu(f"{contexts} presentation contexts; {MOST_CONTEXTS} have IDs.")
    variable, syntaxes = b"", MOST_SYNTAXES
    for kind, content in _known(items, _VARIABLE_ITEMS):
        if kind == _CONTEXT:
            stated = list(_items(content[_CONTEXT_ID_BYTES:], syntaxes, "syntaxes in its contexts"))
            syntaxes -= len(stated)
            known = content[:_CONTEXT_ID_BYTES] + _joined(stated, _SYNTAXES)
        elif kind == _USER_INFORMATION:
            known = _joined(
                _items(content, _MOST_USER_ITEMS, "items of user information"), _USER_ITEMS
            )
        else:
            known = content
        variable += _encoded(_Item(kind, known))
    fixed = b"\0\1" + request[_VERSION.stop : _ITEMS_BEGIN]
    return PDU_HEADER.pack(PduType.ASSOCIATE_RQ, len(fixed) + len(variable)) + fixed + variable


def _items(encoded: bytes, most: int, what: str) -> Iterator[_Item]:
    begin = count = 0
    while begin < len(encoded):
        if len(encoded) - begin < _ITEM.size:
            raise MalformedPdu("An item of the request ends within its header.")
        kind, length = _ITEM.unpack_from(encoded, begin)
        begin += _ITEM.size
        content = encoded[begin : begin + length]
        if len(content) < length:
            raise MalformedPdu("An item of the request ends beyond it.")
        if (count := count + 1) > most:
            raise MalformedPdu(f"The request has too many {what}.")
        yield _Item(kind, content)
        begin += length


def _known(items: Iterable[_Item], kinds: frozenset[int]) -> Iterator[_Item]:
    return (item for item in items if item.kind in kinds)


def _joined(items: Iterable[_Item], kinds: frozenset[int]) -> bytes:
    return b"".join(map(_encoded, _known(items, kinds)))


def _encoded(item: _Item) -> bytes:
    return _ITEM.pack(item.kind, len(item.content)) + item.content
