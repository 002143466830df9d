"""C-FIND as SCP: Patient Root and Study Root (PS3.4 annex C)."""

from collections.abc import Iterator
from typing import get_args

from pydicom.datadict import keyword_for_tag
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind
from sqlalchemy import Engine

from dicom_node.association import NodeAssociation
from dicom_node.contexts import FIND_CLASSES
from dicom_node.extended_negotiation import query_options
from dicom_node.find_service import FindService
from dicom_node.identifiers import Identifier, MatchEncoder, read_identifier
from storage.attributes import ATTRIBUTES, LEVELS, Level
from storage.errors import InvalidRequest
from storage.matching import Query, find

_ANSWERED_WITHOUT_INDEX = frozenset(
    {
        "QueryRetrieveLevel",
        "SpecificCharacterSet",
        "TimezoneOffsetFromUTC",
        "RetrieveAETitle",
        "InstanceAvailability",
    }
)


class FindScp(FindService):
    """Answers the C-FIND requests of one association from the index."""

    sop_classes = FIND_CLASSES

    def __init__(self, engine: Engine, association: NodeAssociation, ae_title: str) -> None:
        super().__init__(association)
        self._engine = engine
        self._ae_title = ae_title

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
                "InstanceAvailability": "ONLINE",
            },
        )
        query = Query(
            level,
            identifier.keys,
            fuzzy=options.fuzzy,
            returned=frozenset(map(keyword_for_tag, identifier.tags)),
            combined_datetime=options.combined_datetime,
        )
        found = find(self._engine, query)
        return _all_supported(identifier, level), map(encoder.encode, found)


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


def _all_supported(identifier: Identifier, level: Level) -> bool:
    """Whether every key is matched and returned as the standard's required keys are."""
    levels = LEVELS[: LEVELS.index(level) + 1]
    for tag in identifier.tags:
        keyword = keyword_for_tag(tag)
        known = ATTRIBUTES.get(keyword)
        if keyword not in _ANSWERED_WITHOUT_INDEX and (known is None or known.level not in levels):
            return False
    return True
