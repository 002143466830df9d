"""Whether an element that stays as it is can hold no more than its attribute may.

Nothing checks the representation and the form of a value on the way here: a sender may state a
weight as text, and write a name as a date.
"""

import re

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement

_OPEN = frozenset("AE AS CS LO LT PN SH ST UC UR UT OB OD OF OL OV OW UN".split())
"""Representations with room for a name."""
_CLOSED = frozenset("AS AT CS DA DS DT FD FL IS SL SQ SS SV TM UI UL US UV".split())
_FORMS = {
    "AS": re.compile(r"\d{1,3}[DWMY]"),
    "DA": re.compile(r"\d{8}|\d{4}\.\d\d\.\d\d"),
    "DT": re.compile(r"\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4})?"),
    "TM": re.compile(r"\d\d(?::?\d\d){0,2}(?:\.\d{1,6})?"),
    "UI": re.compile(r"[\d.]+"),
}
"""PS3.5 Table 6.2-1, with the older forms of dates and times, and ages without leading zeros."""


def is_well_formed(element: DataElement) -> bool:
    if dictionary_has_tag(element.tag):
        own = set(dictionary_VR(element.tag).split(" or "))
        if element.VR not in own and element.VR in _OPEN and own <= _CLOSED:
            return False
    form = _FORMS.get(element.VR)
    if form is None or element.value is None:
        return True
    several = element.value if hasattr(element.value, "append") else [element.value]
    texts = (str(one).strip(" \0") for one in several)
    return all(not text or form.fullmatch(text) for text in texts)
