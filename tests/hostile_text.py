"""Text that a header, a model, a container or another system may bring, and what is left of it."""

import re
from collections.abc import Iterator

from hypothesis import strategies as st
from pydicom.datadict import dictionary_VM
from pydicom.dataset import Dataset

from inference.results.patient_and_study import INHERITED

_NASTY = (
    *map(chr, range(0x20)), "\x7f", "\x80", "\x85", "\x9b", "\x9f",
    "\ud800", "\udfff", "\udcff", "\ufffe", "\uffff",
    "\u200e", "\u200f", "\u061c", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069",
    *"\\|^&~<>\"'=", "\rOBX|9|TX|||None||||||F\r", "\x1c\r", "\x1b[2J", "]]>",
)  # fmt: skip
_PLAIN = ("a", "Z", "7", " ", ".", "ä", "ש", "山", "😀")
_TEXT_VRS = ("LO", "PN", "SH", "ST", "LT", "UT")
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]"
    "|[\ud800-\udfff]"
)

hostile_texts = st.lists(st.sampled_from((*_NASTY, *_PLAIN)), min_size=1, max_size=6).map("".join)
"""At most 200 characters, never empty."""


def unwanted_in(text: str) -> list[str]:
    """Characters of control but tab and line feed, of direction, and halves of pairs."""
    return _UNWANTED.findall(text)


def faults_of(dataset: Dataset) -> Iterator[str]:
    """Texts that no text of DICOM may be (PS3.5 6.1.3), and single values that became several."""
    for element in dataset.iterall():
        if element.keyword in INHERITED or element.VR not in _TEXT_VRS:
            continue
        if element.VM > 1 and dictionary_VM(element.tag) == "1":
            yield f"{element.keyword} has {element.VM} values"
        if unwanted_in(str(element.value)):
            yield f"{element.keyword}: {str(element.value)!r}"
