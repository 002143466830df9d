"""C-FIND as SCP: Patient Root and Study Root (PS3.4 annex C)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, get_args

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind
from sqlalchemy import Engine

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import FIND_CLASSES
from dicom_node.association.extended_negotiation import query_options
from dicom_node.network.data_sets import decode_data_set
from dicom_node.query.find_service import FindService
from dicom_node.query.header_keys import HeaderKeys, is_answered_by_headers
from dicom_node.query.identifiers import Identifier, MatchEncoder, read_identifier
from storage.core.errors import InvalidRequest
from storage.index.matching.attributes import ATTRIBUTES, LEVELS, UNIQUE_KEYS, Level, available_at
from storage.index.matching.dicom_query import Query, find
from storage.index.matching.header_matching import MAX_ROWS
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

_AVAILABILITY = "InstanceAvailability"
_ANSWERED_WITHOUT_INDEX = frozenset(
    {
        "QueryRetrieveLevel",
        "SpecificCharacterSet",
        "TimezoneOffsetFromUTC",
        "RetrieveAETitle",
        _AVAILABILITY,
    }
)


class FindScp(FindService):
    """Answers the C-FIND requests of one association from the index.

    Keys that the index has not are matched on, and returned from, the stored headers, where
    no more than `MAX_ROWS` entities fit the other keys.
    """

    sop_classes = FIND_CLASSES

    def __init__(
        self,
        engine: Engine,
        index: Index,
        instances: InstanceReader,
        association: NodeAssociation,
        ae_title: str,
        availability_of: Callable[[str], str],
    ) -> None:
        """`availability_of`: of an instance, a series or a study, by its UID."""
        super().__init__(association)
        self._engine = engine
        self._index = index
        self._instances = instances
        self._ae_title = ae_title
        self._availability_of = availability_of

    def matches(
        self, sop_class_uid: str, transfer_syntax_uid: str, data: bytes | None
    ) -> tuple[bool, Iterator[bytes]]:
        identifier = read_identifier(data, transfer_syntax_uid)
        level = query_level(identifier, sop_class_uid)
        options = query_options(self.association, sop_class_uid)
        encoder = MatchEncoder(
            identifier,
            transfer_syntax_uid,
            {
                "QueryRetrieveLevel": level,
                "RetrieveAETitle": self._ae_title,
            },
            added=(_AVAILABILITY,),
        )
        query = Query(
            level,
            identifier.keys,
            fuzzy=options.fuzzy,
            returned=frozenset(map(keyword_for_tag, identifier.tags)),
            combined_datetime=options.combined_datetime,
        )
        engine = self._engine
        beyond = _beyond_the_index(identifier, level)
        by_header = [keyword for keyword in beyond if is_answered_by_headers(level, keyword)]
        if by_header:
            keys = decode_data_set(data, transfer_syntax_uid)
            candidates = list(self._rows(find(engine, _with_uids(query), MAX_ROWS + 1), level))
            if len(candidates) <= MAX_ROWS:
                wanted = Dataset()
                wanted.update({keys[keyword].tag: keys[keyword] for keyword in by_header})
                headers = HeaderKeys(
                    self._index, self._instances, level, wanted, identifier.character_set
                )
                answers = headers.answers(candidates, encoder, transfer_syntax_uid)
                return len(by_header) == len(beyond), answers
        found = self._rows(find(engine, _with_uids(query)), level)
        return not beyond, map(encoder.encode, found)

    def _rows(self, found: Iterable[dict[str, Any]], level: Level) -> Iterator[dict[str, Any]]:
        """With the availability of each."""
        uid = UNIQUE_KEYS.get(level, "")
        for row in found:
            row[_AVAILABILITY] = self._availability_of(row.get(uid) or "")
            yield row


def _with_uids(query: Query) -> Query:
    """The query with the UIDs that headers are found by among what it returns."""
    known = {one.keyword for one in available_at(query.level)}
    uids = {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"} & known
    return replace(query, returned=(query.returned or frozenset()) | uids)


def query_level(identifier: Identifier, sop_class_uid: str) -> Level:
    """The level of a request. Raises InvalidRequest where the model has no such level."""
    is_study_root = sop_class_uid.startswith(
        StudyRootQueryRetrieveInformationModelFind.rsplit(".", 1)[0] + "."
    )
    levels = LEVELS[1:] if is_study_root else LEVELS
    for level in get_args(Level):
        if level == identifier.level and level in levels:
            found: Level = level
            return found
    raise InvalidRequest(
        f"Query/Retrieve Level is none of {', '.join(levels)}.",
        remedy="Set (0008,0052) to a level of the information model.",
    )


def _beyond_the_index(identifier: Identifier, level: Level) -> list[str]:
    """The keys that the index neither matches nor returns; "" for each without a keyword."""
    levels = LEVELS[: LEVELS.index(level) + 1]
    beyond = []
    for tag in identifier.tags:
        keyword = keyword_for_tag(tag)
        known = ATTRIBUTES.get(keyword)
        if keyword not in _ANSWERED_WITHOUT_INDEX and (known is None or known.level not in levels):
            beyond.append(keyword)
    return beyond
