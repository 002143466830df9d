"""The kinds of result objects, as capability profiles, settings and commands name them.

A new kind is a line here and its encoder in `inference.results`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

OTHER = "OTHER"
"""What no line names."""


@dataclass(frozen=True)
class ResultKind:
    """One kind of object.

    `sop_class_uids`: the classes that are of this kind; one that ends in a dot is the root of
    many. `on_request`: made beside SEG and SR only where the site or a destination names it.
    `by_name_alone`: says again what another kind says, so that it goes only to destinations
    that name it. `needs_grey_values`: voxels must still be there when it is encoded.
    """

    name: str
    title: str
    sop_class_uids: tuple[str, ...]
    on_request: bool = False
    by_name_alone: bool = False
    needs_grey_values: bool = False


RESULT_KINDS: Mapping[str, ResultKind] = {
    one.name: one
    for one in (
        ResultKind("SEG", "Segmentation", ("1.2.840.10008.5.1.4.1.1.66.4",)),
        ResultKind(
            "LABELMAP",
            "Label map segmentation",
            ("1.2.840.10008.5.1.4.1.1.66.7",),
            on_request=True,
            by_name_alone=True,
        ),
        ResultKind("SR", "Structured report", ("1.2.840.10008.5.1.4.1.1.88.",)),
        ResultKind("KOS", "Key images", ("1.2.840.10008.5.1.4.1.1.88.59",), on_request=True),
        ResultKind(
            "GSPS",
            "Outlines (presentation state)",
            ("1.2.840.10008.5.1.4.1.1.11.1",),
            on_request=True,
            needs_grey_values=True,
        ),
        ResultKind(
            "SC",
            "Pictures (secondary capture)",
            ("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7."),
            on_request=True,
            needs_grey_values=True,
        ),
        ResultKind(
            "STACK",
            "All slices as one secondary capture",
            ("1.2.840.10008.5.1.4.1.1.7.4",),
            on_request=True,
            by_name_alone=True,
            needs_grey_values=True,
        ),
        ResultKind(
            "PDF",
            "PDF",
            ("1.2.840.10008.5.1.4.1.1.104.1",),
            on_request=True,
            needs_grey_values=True,
        ),
        ResultKind(
            "RTSTRUCT",
            "Contours (RT structure set)",
            ("1.2.840.10008.5.1.4.1.1.481.3",),
            on_request=True,
            by_name_alone=True,
        ),
        ResultKind(
            "CAD",
            "CAD report (mammography, chest)",
            ("1.2.840.10008.5.1.4.1.1.88.50", "1.2.840.10008.5.1.4.1.1.88.65"),
            on_request=True,
            by_name_alone=True,
        ),
        ResultKind("PM", "Parametric map", ("1.2.840.10008.5.1.4.1.1.30",)),
        ResultKind(OTHER, "Anything else", ()),
    )
}
ON_REQUEST = tuple(kind.name for kind in RESULT_KINDS.values() if kind.on_request)

_EXACT = {
    uid: kind.name
    for kind in RESULT_KINDS.values()
    for uid in kind.sop_class_uids
    if uid[-1] != "."
}
_ROOTS = {
    uid: kind.name
    for kind in RESULT_KINDS.values()
    for uid in kind.sop_class_uids
    if uid[-1] == "."
}


def result_kind(sop_class_uid: str) -> str:
    """Which kind of result an instance is, by its class."""
    if sop_class_uid in _EXACT:
        return _EXACT[sop_class_uid]
    return next((name for root, name in _ROOTS.items() if sop_class_uid.startswith(root)), OTHER)
