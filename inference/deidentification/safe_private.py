"""Private attributes that are known to identify nobody (PS3.15 Table E.3.10-1 and PS3.3 C.12.1).

Of the table, those that hold numbers and codes: free text of a vendor may say anything. What such
an attribute really holds is another matter, so that its representation decides what stays.
"""

import re
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from inference.deidentification.leaks.evidence import TEXT_VRS
from inference.deidentification.profile import Option, Profile
from inference.deidentification.profile_table import TIMES, Action
from inference.deidentification.words import is_known_word
from storage.core.text.text_folding import folded
from storage.dicom.value_errors import UNREADABLE

NUMBER_VRS = frozenset("AT DS FD FL IS SL SS SV UL US UV".split())

_SAFE: dict[tuple[str, int], frozenset[int]] = {
    ("ELSCINT1", 0x00E1): frozenset({0x21, 0x50}),
    ("ELSCINT1", 0x01E1): frozenset({0x26}),
    ("ELSCINT1", 0x01F1): frozenset({0x01, 0x07, 0x26, 0x27}),
    ("GEMS_ACQU_01", 0x0019): frozenset({0x23, 0x24, 0x27}),
    ("GEMS_HELIOS_01", 0x0045): frozenset({0x02}),
    ("GEMS_PARM_01", 0x0043): frozenset({0x39}),
    ("PHILIPS IMAGING DD 001", 0x2001): frozenset({0x01, 0x02, 0x03, 0x04, 0x08, 0x09, 0x0A, 0x22}),
    ("PHILIPS MR IMAGING DD 001", 0x2005): frozenset({0x0D, 0x0E}),
    ("PHILIPS PET PRIVATE GROUP", 0x7053): frozenset({0x00, 0x09}),
    ("SIEMENS MR HEADER", 0x0019): frozenset({0x0C, 0x0D, 0x0E, 0x27}),
}
# Defined terms of the table's codes that no code's meaning has.
_TERMS = frozenset("bmatrix directional helical isotropic surview".split())
_LONGEST_LETTERS = 1
_MOST_DIGITS = 3

StatedSafe = frozenset[tuple[int, str, int | None]]
"""Group, private creator, and number within the block; None: all of the block."""


def private_action(element: DataElement, profile: Profile) -> Action:
    """What happens to a safe private element; the items of a sequence are looked at one by one."""
    if element.VR in NUMBER_VRS or element.VR == "SQ":
        return "K"
    if element.VR in TIMES:
        if Option.RETAIN_FULL_DATES in profile:
            return "K"
        return "C" if Option.RETAIN_MODIFIED_DATES in profile else "X"
    if element.VR == "UI":
        return "K" if Option.RETAIN_UIDS in profile else "U"
    if element.VR == "CS":
        return "K" if _is_known_code(element) else "X"
    # Persons' names, bytes, and what has no representation: nobody can tell what they say.
    return "C" if element.VR in TEXT_VRS else "X"


def safe_private_tags(dataset: Dataset, stated: StatedSafe) -> set[BaseTag]:
    """Of one level of a data set, with the private creators that they need."""
    safe: set[BaseTag] = set()
    for tag in list(dataset.keys()):
        if not tag.is_private or tag.is_private_creator or tag.element < 0x1000:
            continue
        creator_tag = Tag(tag.group, tag.element >> 8)
        creator = _text(dataset, creator_tag)
        number = tag.element & 0xFF
        if creator and (
            number in _SAFE.get((creator.upper(), tag.group), ())
            or (tag.group, creator, number) in stated
            or (tag.group, creator, None) in stated
        ):
            safe |= {tag, creator_tag}
    return safe


def stated_as_safe(dataset: Dataset) -> StatedSafe:
    """What an instance itself says of its private blocks, at every level of nesting."""
    found: set[tuple[int, str, int | None]] = set()
    try:
        for item in dataset.get("PrivateDataElementCharacteristicsSequence") or ():
            block = (int(item.PrivateGroupReference), str(item.PrivateCreatorReference))
            status = str(item.get("BlockIdentifyingInformationStatus", ""))
            if status == "SAFE":
                found.add((*block, None))
            elif status == "MIXED":
                numbers: Any = item.get("NonidentifyingPrivateElements") or ()
                several = numbers if hasattr(numbers, "__iter__") else [numbers]
                found |= {(*block, int(one) & 0xFF) for one in several}
    except UNREADABLE:
        return frozenset()
    return frozenset(found)


def _is_known_code(element: DataElement) -> bool:
    several = element.value if hasattr(element.value, "append") else [element.value]
    return all(
        len(word) <= _MOST_DIGITS if word.isdigit() else _is_term(folded(word))
        for one in several
        for word in re.split(r"[ _]+", str(one or "").strip())
    )


def _is_term(word: str) -> bool:
    return len(word) <= _LONGEST_LETTERS or word in _TERMS or is_known_word(word)


def _text(dataset: Dataset, tag: BaseTag) -> str:
    try:
        return str(dataset[tag].value).strip() if tag in dataset else ""
    except UNREADABLE:
        return ""
