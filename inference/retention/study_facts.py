"""A whole study as the conditions of a rule see it."""

from collections.abc import Iterator
from functools import cached_property

from pydicom.dataset import Dataset

from inference.rules.facts import (
    ADDRESS,
    CALLED,
    ORDER,
    SENDER,
    SeriesFacts,
    Value,
    of_associations,
)
from inference.rules.order_facts import Orders, of_orders
from storage.core.errors import MediViewError
from storage.dicom.header_sizes import MAX_HEADERS_BYTES, SizeBudget, without_long_values
from storage.integrity.instance_reader import InstanceReader
from storage.retention.study_attributes import INDEXED, StudyAttributes, StudyAttributesReader

_LONGEST_VALUE_BYTES = 64 * 1024


class HeadersUnreadable(MediViewError):
    """A condition asks for what only an instance knows, and it cannot be read."""

    code = "headers_unreadable"


class StudyFacts:
    """The values of all its received series together.

    What the index knows is taken from there. Anything else is read from the first instance of
    each series, and only where a condition asks for it.
    """

    def __init__(
        self,
        instances: InstanceReader,
        study_attributes: StudyAttributesReader,
        orders: Orders,
        attributes: StudyAttributes,
    ) -> None:
        self._instances = instances
        self._study_attributes = study_attributes
        self._orders = orders
        self._attributes = attributes

    def of(self, name: str) -> Value | None:
        """Raises HeadersUnreadable."""
        if name == SENDER:
            # What a file says of who sent it is not believed.
            return self._study_attributes.ae_titles(self._uid) or None
        if name in (CALLED, ADDRESS):
            return of_associations(name, self._study_attributes.associations(self._uid))
        if name.startswith(ORDER):
            return self._of_orders(name.removeprefix(ORDER))
        if name in INDEXED:
            return self._attributes.values.get(name)
        try:
            return self._headers.of(name)
        except Exception as error:
            why = error.message if isinstance(error, MediViewError) else type(error).__name__
            raise HeadersUnreadable(f"Its headers cannot be read: {why}") from error

    def _of_orders(self, name: str) -> Value | None:
        (number,) = self._attributes.values.get("AccessionNumber", ("",))
        return of_orders(self._orders, self._uid, number, name)

    @property
    def _uid(self) -> str:
        return self._attributes.study_instance_uid

    @cached_property
    def _headers(self) -> SeriesFacts:
        return SeriesFacts(list(self._read()))

    def _read(self) -> Iterator[Dataset]:
        """Held together: text of no condition's length, and all within the bound of a series."""
        budget = SizeBudget(MAX_HEADERS_BYTES, "headers")
        for instance in self._study_attributes.first_instances(self._uid):
            header = self._instances.header(instance)
            without_long_values(header, _LONGEST_VALUE_BYTES)
            budget.take(header)
            yield header
