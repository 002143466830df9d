"""C-FIND as SCP: Patient Root and Study Root (PS3.4 annex C)."""

from collections.abc import Iterator
from typing import Any, get_args

import structlog
from pydicom.datadict import keyword_for_tag
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind
from sqlalchemy import Engine

from dicom_node.association import NodeAssociation
from dicom_node.command_set import CommandSet, encode_response
from dicom_node.contexts import FIND_CLASSES
from dicom_node.identifiers import Identifier, MatchEncoder, read_identifier
from dicom_node.status import (
    CANCEL,
    NOT_FIND,
    PENDING,
    PENDING_OPTIONAL_KEYS_UNSUPPORTED,
    SUCCESS,
    UNEXPECTED,
    DimseStatus,
    query_status,
)
from storage.attributes import ATTRIBUTES, LEVELS, Level
from storage.errors import InvalidRequest, MediViewError
from storage.matching import Query, find

log = structlog.get_logger(__name__)

# Responses that leave in one go, and after which a C-CANCEL is looked for.
_RESPONSES_AT_ONCE = 32
_ANSWERED_WITHOUT_INDEX = frozenset(
    {
        "QueryRetrieveLevel",
        "SpecificCharacterSet",
        "TimezoneOffsetFromUTC",
        "RetrieveAETitle",
        "InstanceAvailability",
    }
)


class FindScp:
    """Answers the C-FIND requests of one association from the index."""

    def __init__(self, engine: Engine, association: NodeAssociation, ae_title: str) -> None:
        self._engine = engine
        self._association = association
        self._ae_title = ae_title

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        status = self._answer(context_id, command, data)
        if self._association.is_open:
            response = encode_response(command, status.code, status.comment)
            self._association.send_data(context_id, response)

    def _answer(self, context_id: int, command: CommandSet, data: bytes | None) -> DimseStatus:
        """Send every match; the status of the last response."""
        context = self._association.context(context_id)
        if context is None or context[0] not in FIND_CLASSES:
            return NOT_FIND
        try:
            identifier = read_identifier(data, context[1])
            level = query_level(identifier, context[0])
            return self._send_matches(context_id, command, identifier, level, context[1])
        except MediViewError as error:
            status = query_status(error)
            log.warning(
                "query_refused",
                code=error.code,
                status=f"{status.code:#06x}",
                peer=self._association.peer_ae_title,
            )
            return status
        except OSError:
            raise
        except Exception:
            # The edge of a request: the peer gets an answer whatever happens.
            log.error("query_failed", peer=self._association.peer_ae_title, exc_info=True)
            return UNEXPECTED

    def _send_matches(
        self,
        context_id: int,
        command: CommandSet,
        identifier: Identifier,
        level: Level,
        transfer_syntax_uid: str,
    ) -> DimseStatus:
        encoder = MatchEncoder(
            identifier,
            transfer_syntax_uid,
            {
                "QueryRetrieveLevel": level,
                "RetrieveAETitle": self._ae_title,
                "InstanceAvailability": "ONLINE",
            },
        )
        status = PENDING if _all_supported(identifier, level) else PENDING_OPTIONAL_KEYS_UNSUPPORTED
        pending = encode_response(command, status, has_data_set=True)
        waiting: list[tuple[bytes, bytes]] = []
        for row in self._rows(identifier, level):
            waiting.append((pending, encoder.encode(row)))
            if len(waiting) >= _RESPONSES_AT_ONCE:
                self._association.send_messages(context_id, waiting)
                waiting.clear()
                if self._association.is_cancelled(command.message_id):
                    return DimseStatus(CANCEL)
        self._association.send_messages(context_id, waiting)
        return DimseStatus(SUCCESS)

    def _rows(self, identifier: Identifier, level: Level) -> Iterator[dict[str, Any]]:
        return find(self._engine, Query(level, identifier.keys))


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
