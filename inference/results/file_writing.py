"""A result object as the bytes of a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from pydicom.datadict import dictionary_VM
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from inference.results.patient_and_study import FUNCTIONAL_GROUPS, INHERITED
from storage.core.text.outside_text import written_text

_LARGE_BYTES = 1 << 20
_LINES_VRS = ("LT", "ST", "UT")
_TEXT_VRS = ("LO", "PN", "SH", "UC", *_LINES_VRS)
# Codes alone, which stand in thousands.
_NOT_LOOKED_AT = frozenset(FUNCTIONAL_GROUPS)


def part10(dataset: Dataset) -> bytes:
    """With preamble and file meta (PS3.10 7.1).

    Text from outside, such as labels of models, loses what no text of DICOM may hold (PS3.5 6.1.3)
    or what turns a line round; in the data set, too. Patient and study stay as they came.
    """
    for element in dataset:
        if element.keyword not in INHERITED:
            _clean(element)
    buffer = BytesIO()
    with _pixels_in_pieces(dataset):
        dataset.save_as(buffer, enforce_file_format=True)
    # Not a copy. A view would keep the buffer open, about which Python 3.13 complains when both
    # go as garbage.
    return buffer.getvalue()


def _clean(element: DataElement) -> None:
    if element.VR == "SQ":
        if element.keyword not in _NOT_LOOKED_AT:
            for item in element.value:
                for inner in item:
                    _clean(inner)
        return
    if element.VR not in _TEXT_VRS or not element.value:
        return
    values = list(element.value) if isinstance(element.value, MultiValue) else [element.value]
    texts = [str(one) for one in values]
    # A backslash in a text would make values of it.
    if len(texts) > 1 and not element.tag.is_private and dictionary_VM(element.tag) == "1":
        texts = ["/".join(texts)]
    lines = element.VR in _LINES_VRS
    cleaned = [written_text(one, lines=lines) for one in texts]
    if cleaned != [str(one) for one in values]:
        element.value = cleaned if len(cleaned) > 1 else cleaned[0]


@contextmanager
def _pixels_in_pieces(dataset: Dataset) -> Iterator[None]:
    """Let pydicom copy large pixels piece by piece; of bytes it would make two copies more."""
    pixels = dataset.get("PixelData")
    if not isinstance(pixels, bytes) or len(pixels) < _LARGE_BYTES:
        yield
        return
    dataset["PixelData"].value = BytesIO(pixels)
    try:
        yield
    finally:
        dataset["PixelData"].value = pixels
