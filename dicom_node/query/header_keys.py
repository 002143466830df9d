"""Keys of a C-FIND that the index has not: matched on and returned from the stored headers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import structlog
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from dicom_node.network.data_sets import (
    UNICODE,
    choose_character_set,
    decode_data_set,
    encode_data_set,
)
from dicom_node.query.dataset_matching import answer, matches
from dicom_node.query.identifiers import MatchEncoder
from storage.core.errors import MediViewError
from storage.dicom.value_errors import UNREADABLE
from storage.index.matching.attributes import ATTRIBUTES, Level
from storage.index.matching.header_matching import is_same_for_all, speaking_instance
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

log = structlog.get_logger(__name__)

_BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_FIRST_GROUP = 0x0008
"""Below are commands, file meta information and the DICOMDIR, which no header has."""


def is_answered_by_headers(level: Level, keyword: str) -> bool:
    """Whether a header can match and return the key for an entity of the level.

    Binary attributes, private ones and those of a level below are not answered.
    """
    tag = tag_for_keyword(keyword) if keyword else None
    if tag is None or tag >> 16 < _FIRST_GROUP or keyword in ATTRIBUTES:
        return False
    if _BINARY_VRS.intersection(dictionary_VR(tag).split(" or ")):
        return False
    return is_same_for_all(level, keyword)


class HeaderKeys:
    """Answers `keys` for rows of the index, a header read for each."""

    def __init__(
        self,
        index: Index,
        instances: InstanceReader,
        level: Level,
        keys: Dataset,
        character_set: str,
    ) -> None:
        """`character_set`: the one of the request, used where it can say everything."""
        self._index = index
        self._instances = instances
        self._level = level
        self._keys = keys
        self._character_set = character_set or UNICODE
        # A key that cannot be one is refused here, before the first answer leaves.
        matches(Dataset(), keys)

    def answers(
        self, rows: Iterable[Mapping[str, Any]], encoder: MatchEncoder, transfer_syntax_uid: str
    ) -> Iterator[bytes]:
        """Of the rows whose header fits: what `encoder` makes of it, with the header's values.

        Empty of the others.
        A row whose header cannot be read fits where no key has a value to match.
        """
        for row in rows:
            encoded = encoder.encode(row)
            try:
                header = self._header(row)
                if not matches(header, self._keys):
                    yield b""
                    continue
                found = answer(header, self._keys)
            except (MediViewError, *UNREADABLE):
                found = Dataset()
                if not matches(found, self._keys):
                    yield b""
                    continue
            yield self._together(encoded, found, transfer_syntax_uid)

    def _header(self, row: Mapping[str, Any]) -> Dataset:
        instance = speaking_instance(self._index, self._level, row)
        return self._instances.header(instance)

    def _together(self, encoded: bytes, found: Dataset, transfer_syntax_uid: str) -> bytes:
        try:
            response = decode_data_set(encoded, transfer_syntax_uid)
            response.update(found)
            choose_character_set(response, self._character_set)
            return encode_data_set(response, transfer_syntax_uid)
        except (MediViewError, *UNREADABLE):
            # Stored against the standard, so that it cannot be written again.
            log.warning("header_not_returned", level=self._level)
            return encoded
