"""Data sets of messages other than C-STORE, by pydicom: small, and read once."""

import warnings

from pydicom.charset import python_encoding
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.dsutils import encode

import storage.dicom.unpadded_reading  # noqa: F401
from dicom_node.network.long_messages import long_message
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.dicom.dataset_reader import MAX_MESSAGE_ELEMENTS, decode_message

UNICODE = "ISO_IR 192"


def decode_data_set(
    data: bytes | None, transfer_syntax_uid: str, max_elements: int = MAX_MESSAGE_ELEMENTS
) -> Dataset:
    """The data set of a request, every element of it read.

    Raises InvalidRequest where it cannot be decoded, LimitExceeded where it is too large.
    """
    if data is None:
        raise InvalidRequest(
            "The request carries no data set.", remedy="Send what the request is about."
        )
    try:
        with long_message(data, transfer_syntax_uid), warnings.catch_warnings():
            # Odd values match nothing or are refused where they are used.
            warnings.simplefilter("ignore")
            dataset = decode_message(data, transfer_syntax_uid, max_elements)
            dataset.walk(lambda *_: None)  # pydicom reads lazily: what is broken shows here
    except LimitExceeded:
        raise
    except Exception as error:
        # pydicom raises whatever it meets in a peer's bytes.
        raise InvalidRequest(
            "The data set of the request cannot be decoded.", remedy="Check the sending system."
        ) from error
    return dataset


def encode_data_set(dataset: Dataset, transfer_syntax_uid: str) -> bytes:
    """A data set of ours as a message carries it, its character set named (PS3.3 C.12.1.1.2)."""
    if "SpecificCharacterSet" not in dataset:
        choose_character_set(dataset, UNICODE)
    syntax = UID(transfer_syntax_uid)
    encoded = encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    if encoded is None:
        # pynetdicom has logged and swallowed the reason.
        raise ValueError("A data set of this node cannot be encoded.")
    return bytes(encoded)


def choose_character_set(dataset: Dataset, wanted: str) -> None:
    """Set the Specific Character Set that the text needs: none for ASCII, else `wanted`
    where it can say everything, else UTF-8."""
    text = "".join(_texts(dataset))
    if "SpecificCharacterSet" in dataset:
        del dataset.SpecificCharacterSet
    if text.isascii():
        return
    name = UNICODE
    encoding = own_encoding(wanted)
    if encoding:
        try:
            text.encode(encoding)
            name = wanted
        except UnicodeEncodeError:
            name = UNICODE
    dataset.SpecificCharacterSet = name


def own_encoding(character_set: str) -> str:
    """Python's codec for a peer's character set that answers to it may use; "" for UTF-8 instead.

    Text beyond ASCII needs a set with a name: none, an empty one and the default repertoire
    (ISO_IR 6) allow ASCII alone, though pydicom reads them as Latin-1. Sets with escape
    sequences say nothing that UTF-8 does not say more simply. ISO_IR 13 has half-width katakana
    alone, and Python's codec for it would write the two bytes of other characters.
    """
    if not character_set or character_set.endswith((" 6", " 13")) or "2022" in character_set:
        return ""
    return str(python_encoding.get(character_set, ""))


def _texts(dataset: Dataset) -> list[str]:
    texts: list[str] = []
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                texts += _texts(item)
        elif element.value is not None:
            texts.append(str(element.value))
    return texts
