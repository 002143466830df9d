"""The orders of one message: its groups repeat (HL7 2.5.1, ORM_O01 4.4.1 and OMI_O23 4.4.12)."""

from dicom_node.hl7.reading import Message, Refused

MOST_ORDERS = 100
_REPEATED = ("ORC", "OBR", "IPC")


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
