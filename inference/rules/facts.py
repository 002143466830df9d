"""What a rule can ask of a series: its attributes by keyword, and what follows from them."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DatasetSequence

from inference.imaging.acquisition.contrast_agent import contrast_agent_given
from inference.imaging.geometry import Stack, judged_spacing_mm, stack_of
from inference.imaging.headers import texts
from inference.imaging.laterality import laterality_of
from inference.refusals import VolumeRefused
from inference.rules.order_facts import Orders, of_orders
from inference.series_classification.mr_contrast import in_several_planes, mr_contrast
from inference.series_classification.study_context import contrast_phase
from inference.series_classification.views import (
    attenuation_corrected,
    view_of,
)
from storage.core.entities import Instance, StoreAssociation
from storage.core.sources import senders_of

Value = float | tuple[str, ...]
SENDER = "SendingApplicationEntityTitle"
"""The keyword of PS3.10 7.1."""
RECEIVED = "received"
"""When the first instance of a series arrived here: local time, as ISO 8601."""
CALLED = "ReceivingApplicationEntityTitle"
"""The keyword of PS3.10 7.1: under which AE title the node was called by who sent the series."""
ADDRESS = "sender_address"
"""The IP address from which the series was sent by C-STORE."""
ORDER = "order."
"""Begins the names of what the orders of the study say (`inference.rules.order_facts`)."""
_OF_ARRIVAL = frozenset({SENDER, CALLED, ADDRESS, RECEIVED})
FINDING = "finding."
"""Begins the names of what was found by pipelines (`inference.rules.finding_facts`)."""
CRITICAL = "critical"
"""Which entries of the file's list `critical` a finding meets (`inference.rules.finding_facts`)."""
T = TypeVar("T")
_NUMERIC_VRS = frozenset({"DS", "IS", "FL", "FD", "SS", "SL", "US", "UL", "SV", "UV"})
_PLANES = ("sagittal", "coronal", "axial")
# Of the direction of the slices' normal; what is between two planes is oblique.
_IN_PLANE_COSINE = 0.8


@dataclass(frozen=True)
class SeriesFacts:
    """A series as rules see it. `headers` are those of all its instances.

    `senders`: the AE titles from which it came, as the node knows them. What a file says of who
    sent it is not believed.
    """

    headers: Sequence[Dataset]
    senders: tuple[str, ...] = ()
    received_at: datetime | None = None
    associations: frozenset[StoreAssociation] = frozenset()
    """By which its instances came, likewise."""
    orders: Orders | None = None
    """Where the orders of its study are looked up, once something of them is asked for."""

    @classmethod
    def received(
        cls, headers: Sequence[Dataset], instances: Sequence[Instance], orders: Orders
    ) -> Self:
        """Of what the node received, by its own account of it."""
        received_at = min((one.received_at for one in instances), default=None)
        associations = frozenset(one.association for one in instances)
        return cls(headers, senders_of(instances), received_at, associations, orders)

    def of(self, name: str) -> Value | None:
        """The value of a fact or of a DICOM keyword (texts of all instances); None if absent.

        `ViewCodeSequence.CodeValue` is that of any item of the sequence.
        A value that differs from instance to instance gives every value that occurs, a number once
        however it is written.
        """
        if name in _OF_ARRIVAL:
            return self._of_arrival(name)
        if name.startswith(ORDER):
            return self._of_orders(name.removeprefix(ORDER))
        if is_of_results(name):
            return None
        derived = FACTS.get(name)
        return self._of_headers(name) if derived is None else derived(self)

    def _of_arrival(self, name: str) -> Value | None:
        if name == SENDER:
            return self.senders or None
        if name != RECEIVED:
            return of_associations(name, self.associations)
        at = self.received_at
        return None if at is None else (at.astimezone().isoformat(timespec="minutes"),)

    def _of_headers(self, name: str) -> Value | None:
        found: dict[float | str, str] = {}
        for header in self.headers:
            for text in map(str.strip, _within(header, name.split("."))):
                if text:
                    found.setdefault(as_number(text, text) if is_numeric(name) else text, text)
        return tuple(found.values()) or None

    def each(self) -> "list[SeriesFacts]":
        """Its instances, each alone."""
        return [replace(self, headers=[header]) for header in self.headers]

    def _of_orders(self, name: str) -> Value | None:
        if self.orders is None or not self.headers:
            return None
        header = self.headers[0]
        return of_orders(
            self.orders,
            str(header.get("StudyInstanceUID") or ""),
            str(header.get("AccessionNumber") or ""),
            name,
        )

    @cached_property
    def stack(self) -> Stack | None:
        try:
            return stack_of(self.headers, tilted=True)
        except VolumeRefused:
            return None

    @cached_property
    def _steps_mm(self) -> NDArray[np.float64] | None:
        stack = self.stack
        return None if stack is None else np.array(judged_spacing_mm(stack.lps_from_kji))

    def instances(self) -> Value:
        return float(len(self.headers))

    def slices(self) -> Value | None:
        return None if self.stack is None else float(len(self.stack.frames))

    def slice_spacing_mm(self) -> Value | None:
        return None if self._steps_mm is None else float(self._steps_mm[0])

    def pixel_spacing_mm(self) -> Value | None:
        return None if self._steps_mm is None else float(max(self._steps_mm[1:]))

    def length_mm(self) -> Value | None:
        if self.stack is None or self._steps_mm is None:
            return None
        return float(self._steps_mm[0] * len(self.stack.frames))

    def plane(self) -> Value | None:
        if self.stack is None:
            return None
        affine = self.stack.lps_from_kji
        normal = np.abs(np.cross(affine[:3, 2], affine[:3, 1]))
        direction = int(normal.argmax())
        inside = normal[direction] >= _IN_PLANE_COSINE * np.linalg.norm(normal)
        return (_PLANES[direction] if inside else "oblique",)

    def contrast(self) -> Value | None:
        if not self.headers:
            return None
        # A few slices in several planes are a survey, whatever their header forgets to say.
        if in_several_planes(self.headers):
            return ("LOCALIZER",)
        found = mr_contrast(self.headers[0], len(self.headers))
        return (found,) if found else None

    def contrast_agent(self) -> Value:
        given = any(contrast_agent_given(header) for header in self.headers)
        return ("yes" if given else "no",)

    def contrast_phase(self) -> Value | None:
        found = contrast_phase(self.headers)
        return (found,) if found else None

    def view(self) -> Value | None:
        return self._each(view_of)

    def laterality(self) -> Value | None:
        return self._each(laterality_of)

    def attenuation_corrected(self) -> Value | None:
        return self._each(attenuation_corrected)

    def _each(self, ask: Callable[[Dataset], str]) -> Value | None:
        """Every answer that occurs among the instances."""
        found = tuple(dict.fromkeys(one for header in self.headers if (one := ask(header))))
        return found or None


def is_of_arrival(name: str) -> bool:
    """Whether it is of how a series came or what was ordered, which no header tells."""
    return name in _OF_ARRIVAL or name.startswith(ORDER)


def is_of_results(name: str) -> bool:
    """Whether it is known once a pipeline ran."""
    return name == CRITICAL or name.startswith(FINDING)


def of_associations(name: str, associations: Collection[StoreAssociation]) -> Value | None:
    """What they say of `CALLED` or `ADDRESS`."""
    stated = {one.called_ae_title if name == CALLED else one.peer_address for one in associations}
    return tuple(sorted(stated - {""})) or None


def is_numeric(name: str) -> bool:
    """Whether a keyword's values are numbers, of which text may have several spellings."""
    tag = tag_for_keyword(name.rpartition(".")[2])
    return tag is not None and dictionary_VR(tag) in _NUMERIC_VRS


def as_number(text: str, default: T) -> float | T:
    """The number that a text is; `default` of others."""
    try:
        return float(text)
    except ValueError:
        return default


def _within(dataset: Dataset, path: Sequence[str]) -> Iterator[str]:
    value = dataset.get(path[0])
    if len(path) == 1:
        yield from texts(value)
    elif isinstance(value, DatasetSequence):
        for item in value:
            yield from _within(item, path[1:])


FACTS: dict[str, Callable[[SeriesFacts], Value | None]] = {
    "instances": SeriesFacts.instances,
    "slices": SeriesFacts.slices,
    "slice_spacing_mm": SeriesFacts.slice_spacing_mm,
    "pixel_spacing_mm": SeriesFacts.pixel_spacing_mm,
    "length_mm": SeriesFacts.length_mm,
    "plane": SeriesFacts.plane,
    "mr_contrast": SeriesFacts.contrast,
    "contrast_agent": SeriesFacts.contrast_agent,
    "contrast_phase": SeriesFacts.contrast_phase,
    "view": SeriesFacts.view,
    "laterality": SeriesFacts.laterality,
    "attenuation_corrected": SeriesFacts.attenuation_corrected,
}
"""What is computed rather than read: numbers in the unit of the name, or words."""
OF_SERIES = FACTS.keys() - {"contrast_agent", "view", "laterality", "attenuation_corrected"}
"""Those of `FACTS` that no instance tells alone."""
