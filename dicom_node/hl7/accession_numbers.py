"""The accession number of an order, and who issued it."""

from typing import NamedTuple

from dicom_node.hl7.reading import Message, Refused
from dicom_node.hl7.values import patient_of
from storage.core.accession_issuers import AccessionIssuer, issuer_of
from storage.worklist.entities import WorklistItem
from storage.worklist.repository import Worklist

_PLACES = ("IPC-1", "OBR-18", "OBR-3", "ORC-3")
_PARTS_OF_ISSUER = (2, 3, 4)
"""Namespace ID, universal ID and its type within an EI (HL7 2.A.28)."""


class AccessionNumber(NamedTuple):
    text: str
    issuer: AccessionIssuer

    def may_be(self, other: "AccessionNumber") -> bool:
        return self.text == other.text and not self.issuer.is_other_than(other.issuer)


def number_of(message: Message) -> AccessionNumber:
    """Raises Refused where there is none."""
    if (place := _place(message)) is None:
        raise Refused(
            "AE", "101", "The order has no accession number (IPC-1, OBR-18 or OBR-3).", "OBR-18"
        )
    issuer = issuer_of(*(message.field(place, part) for part in _PARTS_OF_ISSUER))
    return AccessionNumber(message.field(place), issuer)


def order_of(worklist: Worklist, message: Message, number: AccessionNumber) -> WorklistItem | None:
    """The order that the message means by the number."""
    whose = {**patient_of(message), **number.issuer.in_attributes()}
    return worklist.with_accession_number(number.text, whose)


def not_known(message: Message) -> Refused:
    place = _place(message) or "OBR-18"
    return Refused("AE", "204", "No order of that accession number is known.", place)


def _place(message: Message) -> str | None:
    return next((place for place in _PLACES if message.field(place)), None)
