"""What an order says, as rules see it: a worklist item with its steps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from storage.worklist.entities import WorklistItem


class Orders(Protocol):
    """Where the orders of a study are found (`storage.worklist.repository.Worklist`)."""

    def of_study(
        self, study_instance_uid: str, accession_number: str = ""
    ) -> Sequence[WorklistItem]: ...


class RememberedOrders:
    """Those of each study looked up once, for many questions of one moment."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._found: dict[tuple[str, str], Sequence[WorklistItem]] = {}

    def of_study(
        self, study_instance_uid: str, accession_number: str = ""
    ) -> Sequence[WorklistItem]:
        key = study_instance_uid, accession_number
        if key not in self._found:
            self._found[key] = self._orders.of_study(*key)
        return self._found[key]


def of_orders(
    orders: Orders, study_instance_uid: str, accession_number: str, name: str
) -> tuple[str, ...] | None:
    """What all orders of the study say of a keyword or path; None where none says anything."""
    items = orders.of_study(study_instance_uid, accession_number)
    found = (text for item in items for text in of_order(item, name))
    return tuple(dict.fromkeys(found)) or None


def of_order(item: WorklistItem, name: str) -> Iterator[str]:
    """Values of an attribute of the item, or of its steps, whose sequence need not be named."""
    path = name.split(".")
    yield from _within(item.attributes, path)
    for step in item.attributes.get("ScheduledProcedureStepSequence", ()):
        yield from _within(step, path)


def _within(attributes: Mapping[str, Any], path: list[str]) -> Iterator[str]:
    value = attributes.get(path[0])
    if len(path) > 1:
        for item in value if isinstance(value, list) else ():
            yield from _within(item, path[1:])
    elif isinstance(value, str) and value:
        yield from value.split("\\")
