"""The orders of one message: its groups repeat (HL7 2.5.1, ORM_O01 4.4.1 and OMI_O23 4.4.12)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dicom_node.hl7.accession_numbers import AccessionNumber, number_of
from dicom_node.hl7.reading import Message, Refused

MOST_ORDERS = 100
_REPEATED = ("ORC", "OBR", "IPC")


@dataclass
class _Order:
    number: AccessionNumber
    control: str
    """ORC-1."""
    procedures: list[Message]


def orders_of(message: Message) -> dict[tuple[AccessionNumber, str], list[Message]]:
    """The procedures of each order and ORC-1. Raises Refused.

    Where only some of a number's procedures state its issuer, those that do say it for the others.
    """
    orders: list[_Order] = []
    found = procedures_of(message)
    for at, procedure in enumerate(found):
        with numbered(at, len(found)):
            number, control = number_of(procedure), procedure.field("ORC-1")
        same = [one for one in orders if one.control == control and one.number.may_be(number)]
        if not same:
            orders.append(_Order(number, control, [procedure]))
            continue
        # Where it may be of two issuers it is of the one that it names, else of the first.
        known = min(same, key=lambda one: number.issuer.distance(one.number.issuer))
        known.procedures.append(procedure)
        issuer = known.number.issuer.with_what_is_known_of(number.issuer)
        known.number = AccessionNumber(number.text, issuer)
    return {(one.number, one.control): one.procedures for one in orders}


def procedures_of(message: Message) -> list[Message]:
    """Each procedure step of each order, as a message of its own with what goes before the groups.

    Raises Refused for more than are taken.
    """
    found = [message]
    for segment in _REPEATED:
        if sum(one.count(segment) or 1 for one in found) > MOST_ORDERS:
            raise Refused("AR", "102", f"The message has more than {MOST_ORDERS} orders.", segment)
        found = [part for one in found for part in one.parts(segment)]
    return found


@contextmanager
def numbered(at: int, of: int) -> Iterator[None]:
    """Says which of several orders is refused: the others are not taken, either."""
    try:
        yield
    except Refused as error:
        if of == 1:
            raise
        reason = f"Order {at + 1} of {of}: {error.reason} None of them was taken."
        raise Refused(error.code, error.error_code, reason, error.location) from error
