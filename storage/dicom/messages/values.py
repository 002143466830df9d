"""How many elements and values a message may have, counted before pydicom makes objects of them.

It takes some ten microseconds and a quarter of a KB for a value of two bytes: 16 MiB of
`A\\A\\A` in one element would keep a processor for a minute and a half, and take gigabytes.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from storage.core.errors import InvalidInstance, LimitExceeded
from storage.dicom.element_walker import (
    BIG_ENDIAN,
    IMPLICIT_VR,
    ElementWalker,
    IrregularEncoding,
)

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset

MAX_MESSAGE_VALUES = 20_000
"""Beyond the first of each element: a list of as many UIDs, say."""

# Systems that encode oddly ask short questions.
_IRREGULAR_MESSAGE_BYTES = 256 * 1024
_SPECIFIC_CHARACTER_SET = 0x00080005
_MAX_CHARACTER_SET_BYTES = 1024
# What values, and parts of names, are divided by, and what fragments of text begin with (ISO 2022).
_TEXT_MARKS = (b"\\", b"\x1b")
_NAME_MARKS = (*_TEXT_MARKS, b"^", b"=")
# VRs that have one value, whatever is in it (PS3.5 6.2).
_SINGLE = frozenset({"LT", "ST", "UR", "UT"})
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_NUMBER_BYTES = {
    **{"US": 2, "SS": 2, "AT": 4, "FL": 4, "SL": 4, "UL": 4, "FD": 8, "SV": 8, "UV": 8},
    # pydicom decides by other elements: the shortest that it may be.
    **{"US or SS": 2, "US or OW": 2, "US or SS or OW": 2},
}


class MessageWalker(ElementWalker):
    """Refuses a character set of very many names, too: pydicom goes through them as it reads."""

    def _end_of_value(
        self, tag: int, vr: bytes, length: int, value: int, explicit: bool, depth: int
    ) -> int:
        if tag == _SPECIFIC_CHARACTER_SET and length > _MAX_CHARACTER_SET_BYTES:
            raise LimitExceeded(
                f"Specific Character Set has {length} bytes; {_MAX_CHARACTER_SET_BYTES} are"
                " allowed.",
                remedy="Check the sending system; no character set needs this.",
            )
        return super()._end_of_value(tag, vr, length, value, explicit, depth)


def check_message(data: bytes, transfer_syntax_uid: str, max_elements: int) -> None:
    """Count elements, of what is not deflated, before pydicom reads it.

    Raises LimitExceeded: pydicom takes a kilobyte for an element of eight bytes.
    """
    walker = MessageWalker(
        data,
        0,
        explicit=transfer_syntax_uid != IMPLICIT_VR,
        big=transfer_syntax_uid == BIG_ENDIAN,
        max_elements=max_elements,
        thorough=True,
    )
    try:
        for _ in walker:
            pass
    except (IrregularEncoding, InvalidInstance) as error:
        if len(data) > _IRREGULAR_MESSAGE_BYTES:
            raise LimitExceeded(
                f"A data set of {len(data)} bytes breaks the rules of its transfer syntax.",
                remedy="Check the sending system.",
            ) from error


def check_values(dataset: "Dataset", most: int = MAX_MESSAGE_VALUES) -> None:
    """Of a data set that pydicom has just read, sequences included. Raises LimitExceeded."""
    if _left(dataset, most) < 0:
        raise LimitExceeded(
            f"The data set has more than {most} values beyond the first of each element.",
            remedy="Ask for, or send, less at once.",
        )


def _left(dataset: "Dataset", left: int) -> int:
    from pydicom.dataelem import RawDataElement

    from storage.dicom.value_errors import UNREADABLE

    for tag in list(dataset.keys()):
        element: Any = dataset.get_item(tag)
        # The error of a broken one is for who asks for it.
        with suppress(*UNREADABLE):
            if isinstance(element, RawDataElement):
                vr = _vr_of(dataset, element)
                if vr != "SQ":
                    left -= _count(vr, element.value or b"")
                    if left < 0:
                        return left
                    continue
                element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value:
                    left = _left(item, left)
                    if left < 0:
                        return left
    return left


def values_beyond_first(dataset: "Dataset", element: "RawDataElement") -> int:
    """Of an element that nobody has decoded yet, and that is no sequence."""
    return _count(_vr_of(dataset, element), element.value or b"")


def _vr_of(dataset: "Dataset", element: "RawDataElement") -> str:
    from pydicom.hooks import hooks

    found: dict[str, str] = {}
    hooks.raw_element_vr(element, found, ds=dataset)
    return found["VR"]


def _count(vr: str, value: bytes) -> int:
    """Values beyond the first, or parts of names or of text that become objects of their own."""
    if vr in _NUMBER_BYTES:
        return max(0, len(value) // _NUMBER_BYTES[vr] - 1)
    if vr in _BINARY:
        return 0
    if vr in _SINGLE:
        return value.count(b"\x1b")
    return sum(map(value.count, _NAME_MARKS if vr == "PN" else _TEXT_MARKS))
