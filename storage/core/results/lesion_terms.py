"""What codes and labels say of lesions: whether a code is a place in the body, and totals."""

import re

ANATOMICAL = frozenset({"123037004", "91723000", "85756007", "T-D000A", "T-D0050"})
"""Of the categories of segments (PS3.16 CID 7150): Anatomical Structure by its newer and its older
code, and Tissue; the last two are those of SRT. Their types are places in the body."""
LESION_TYPES = frozenset(
    {
        "44132006", "125040", "75753009", "367643001", "79654002", "55584005", "C113842",
        "50960005", "409774005", "52988006", "4147007", "6574001", "108369006", "372087000",
        "14799000", "27925004", "C81175", "17621005",
    }
)  # fmt: skip
"""PS3.16 CID 7159, Lesion Segmentation Types, by which findings of older versions are known."""


_TOTAL = re.compile(r", total of (?P<count>\d+) lesions?(?P<more> and others)?$")


def total_label(label: str, count: int, *, has_more: bool) -> str:
    """The label of a measurement of all lesions together. `has_more`: of specks, too, or of more
    than are counted."""
    many = "lesion" if count == 1 else "lesions"
    return f"{label}, total of {count} {many}{' and others' if has_more else ''}"


def without_total(label: str) -> str:
    """What `total_label` was made of; any other label as it is."""
    return _TOTAL.sub("", label)


def number_of_lesions(label: str) -> str:
    """Of how many lesions it is a total: "3", "1+" of more than are counted; else empty."""
    total = _TOTAL.search(label)
    return "" if total is None else f"{total['count']}{'+' if total['more'] else ''}"
