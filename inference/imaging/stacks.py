"""One series as the stacks that it holds: echoes, b-values, time points, acquisitions.

A series is split only where the slices lie at the same positions more than once, or where a
localizer is among them, and only by an attribute that states what tells them apart. What
cannot be distinguished stays together and is refused by its geometry.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydicom.dataset import Dataset

from inference.imaging.attributes import tag_of, value_of
from inference.imaging.frames import is_multiframe, number_of_frames
from inference.imaging.headers import image_type
from inference.imaging.stack_discriminators import (
    DISTINCTIONS,
    Key,
    key_of,
    named,
    numbers_in,
    sorting,
    value_in,
)
from inference.refusals import VolumeRefused
from storage.core.caveats import Caveat

LOCALIZER = "localizer"
"""The name of the stack of a series' localizers, which nobody misses in a result."""
_SAME_POSITION_DECIMALS = 2  # of a millimetre: 0.01 mm, as in `geometry`
_SAME_DIRECTION_DECIMALS = 2


# Of a stack's places: fewer in common with the others are slabs that touch, not repetitions.
_SHARED_AT_LEAST = 0.5
_T = TypeVar("_T")
_OF_FRAMES = (tag_of("PerFrameFunctionalGroupsSequence"), tag_of("NumberOfFrames"))
_PIXELS_GROUP = 0x7FE0


@dataclass(frozen=True)
class SeriesStack:
    """One stack of a series: which instances, and of a multi-frame one which frames.

    `name` tells it from the others ("EchoTime 2.46 ms"); empty where there are no others.
    `instance_indices` point into the series that was split. `frame_indices` count from 0
    and are None where whole instances are meant.
    """

    name: str
    instance_indices: tuple[int, ...]
    frame_indices: tuple[int, ...] | None = None
    left_out: Caveat | None = None
    """Of one that was chosen: which others of the series were not, and why; in sentences."""

    def of(self, members: Sequence[_T]) -> list[_T]:
        """The stack's own of something that the series has one of for each instance."""
        return [members[index] for index in self.instance_indices]

    def headers(self, headers: Sequence[Dataset]) -> list[Dataset]:
        """The headers as if the stack were the series: of a multi-frame one, its frames."""
        return self.narrowed(self.of(headers))

    def narrowed(self, own: Sequence[Dataset]) -> list[Dataset]:
        """`headers`, from those of the stack's own instances."""
        if self.frame_indices is None:
            return list(own)
        return [with_frames(own[0], self.frame_indices)]


@dataclass(frozen=True)
class _Member:
    """A frame on its way into a stack."""

    instance_index: int
    frame_index: int
    place: tuple[float, ...]
    holders: tuple[Dataset, ...]
    """Its functional groups and its header, the innermost first."""

    found: dict[int, Key] = field(default_factory=dict)

    def value(self, number: int) -> Key:
        """Of the distinction of that number: looked up where places repeat, which is seldom."""
        if number not in self.found:
            self.found[number] = value_in(self.holders, DISTINCTIONS[number])
        return self.found[number]


def stacks_of(headers: Sequence[Dataset]) -> tuple[SeriesStack, ...]:
    """The stacks of a series, in an order that does not depend on that of `headers`.

    One stack of everything where nothing repeats, where nothing tells the repeated apart,
    or where the geometry is not stated: its refusal is for `geometry` to word.
    """
    whole = SeriesStack("", tuple(range(len(headers))))
    try:
        found = _split_instances(headers, whole)
    except VolumeRefused:
        return (whole,)
    return found if len(found) > 1 else (whole,)


def _split_instances(headers: Sequence[Dataset], whole: SeriesStack) -> tuple[SeriesStack, ...]:
    scouts = [index for index, header in enumerate(headers) if "LOCALIZER" in image_type(header)]
    if scouts and len(scouts) < len(headers):
        others = tuple(index for index in whole.instance_indices if index not in set(scouts))
        rest = _split_frames(headers, others)
        return (
            *(rest if len(rest) > 1 else (SeriesStack("without the localizer", others),)),
            SeriesStack(LOCALIZER, tuple(scouts)),
        )
    return _split_frames(headers, whole.instance_indices)


def _split_frames(headers: Sequence[Dataset], indices: tuple[int, ...]) -> tuple[SeriesStack, ...]:
    multi = [index for index in indices if number_of_frames(headers[index]) > 1]
    if multi and len(indices) > 1:
        return _instances_apart(headers, indices, multi)
    members: list[_Member] = []
    seen: set[str] = set()
    for index in indices:
        uid = str(headers[index].get("SOPInstanceUID", ""))
        if uid not in seen:  # the same instance handed over twice is one instance
            seen.add(uid)
            members += _members(index, headers[index])
    groups = _divide(members, ())
    return tuple(
        SeriesStack(
            name,
            tuple(dict.fromkeys(member.instance_index for member in group)),
            tuple(member.frame_index for member in group) if multi else None,
        )
        for name, group in groups
    )


def _instances_apart(
    headers: Sequence[Dataset], indices: tuple[int, ...], multi: Sequence[int]
) -> tuple[SeriesStack, ...]:
    """Each multi-frame instance by itself; the parts of a concatenation are no volumes."""
    whole = (SeriesStack("", indices),)
    if len(multi) < len(indices) or any("ConcatenationUID" in headers[one] for one in multi):
        return whole
    ordered = sorted(multi, key=lambda one: (_label(headers[one]), _uid(headers[one])))
    found: list[SeriesStack] = []
    for one in ordered:
        name = f"instance {headers[one].get('InstanceNumber', 'without a number')}"
        for stack in _split_frames(headers, (one,)):
            inside = f"{name}, {stack.name}" if stack.name else name
            found.append(SeriesStack(inside, (one,), stack.frame_indices))
    return tuple(found)


def _divide(members: Sequence[_Member], names: tuple[str, ...]) -> list[tuple[str, list[_Member]]]:
    """Split by the first attribute that tells repeated positions apart, and so on inside.

    An attribute with more values than a position has slices (a number for each slice, say)
    does not tell stacks apart, nor does one whose stacks overlap by a few slices only.
    """
    repeats = max(Counter(member.place for member in members).values())
    if repeats > 1:
        for number, distinction in enumerate(DISTINCTIONS):
            values = sorted({member.value(number) for member in members}, key=sorting)
            if not 1 < len(values) <= repeats:
                continue
            groups = [[one for one in members if one.value(number) == value] for value in values]
            if max(_repeats(group) for group in groups) == repeats or not _overlap(groups):
                continue  # differs, but not where the positions repeat
            return [
                divided
                for value, group in zip(values, groups, strict=True)
                for divided in _divide(group, (*names, named(distinction, value)))
            ]
    return [(", ".join(names), list(members))]


def _repeats(members: Sequence[_Member]) -> int:
    return max(Counter(member.place for member in members).values())


def _overlap(groups: Sequence[Sequence[_Member]]) -> bool:
    places = [{member.place for member in group} for group in groups]
    stacks_at = Counter(place for group in places for place in group)
    return all(
        sum(stacks_at[place] > 1 for place in group) >= _SHARED_AT_LEAST * len(group)
        for group in places
    )


def _members(index: int, header: Dataset) -> list[_Member]:
    if not is_multiframe(header):
        return [_member(index, 0, (header,))]
    shared = tuple(header.get("SharedFunctionalGroupsSequence") or ())
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or ()
    if len(per_frame) != number_of_frames(header):
        raise VolumeRefused("The frames do not state their positions.")
    return [
        _member(index, number, (groups, *shared, header)) for number, groups in enumerate(per_frame)
    ]


def _member(index: int, frame_index: int, holders: tuple[Dataset, ...]) -> _Member:
    position = numbers_in(holders, "PlanePositionSequence", "ImagePositionPatient")
    orientation = numbers_in(holders, "PlaneOrientationSequence", "ImageOrientationPatient")
    place = (
        *(round(value, _SAME_POSITION_DECIMALS) + 0.0 for value in position),
        *(round(value, _SAME_DIRECTION_DECIMALS) + 0.0 for value in orientation),
    )
    return _Member(index, frame_index, place, holders)


def _label(header: Dataset) -> tuple[int, float, str]:
    return (sorting(key_of(value_of(header, "InstanceNumber"))) or ((0, 0.0, ""),))[0]


def _uid(header: Dataset) -> str:
    return str(header.get("SOPInstanceUID", ""))


def with_frames(header: Dataset, frame_indices: Sequence[int]) -> Dataset:
    """The header of a multi-frame instance with some of its frames; the given one stays."""
    groups = header.PerFrameFunctionalGroupsSequence
    view = Dataset()
    # Setting a value changes the element, so those that will differ are not shared.
    view.update(
        {
            # As it lies there: what nobody has asked for stays undecoded.
            tag: header.get_item(tag)
            for tag in header.keys()  # noqa: SIM118
            if tag.group != _PIXELS_GROUP and tag not in _OF_FRAMES
        }
    )
    view.PerFrameFunctionalGroupsSequence = [groups[index] for index in frame_indices]
    view.NumberOfFrames = len(frame_indices)
    return view
