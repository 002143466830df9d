"""Modality Worklist C-FIND as SCP (PS3.4 K), over items that an integrator has posted."""

from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from pydicom.datadict import dictionary_VR, keyword_dict, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pynetdicom.sop_class import ModalityWorklistInformationFind

from dicom_node.association import NodeAssociation
from dicom_node.command_set import CommandSet, encode_response
from dicom_node.data_sets import UNICODE, choose_character_set, decode_data_set, encode_data_set
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
from dicom_node.worklist_matching import answer, matches
from storage.errors import MediViewError
from storage.worklist import Worklist, WorklistItem
from storage.worklist_attributes import STEP_KEYWORDS, WORKLIST_KEYWORDS

log = structlog.get_logger(__name__)

WORKLIST_CLASS = str(ModalityWorklistInformationFind)
_STEPS = "ScheduledProcedureStepSequence"
_RESPONSES_AT_ONCE = 32
_NOT_KEYS = frozenset({"SpecificCharacterSet", "TimezoneOffsetFromUTC", "QueryRetrieveLevel"})


class WorklistScp:
    """Answers worklist queries of one association: a response for each scheduled step."""

    def __init__(self, worklist: Worklist, association: NodeAssociation) -> None:
        self._worklist = worklist
        self._association = association

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        status = self._answer(context_id, command, data)
        if self._association.is_open:
            response = encode_response(command, status.code, status.comment)
            self._association.send_data(context_id, response)

    def _answer(self, context_id: int, command: CommandSet, data: bytes | None) -> DimseStatus:
        context = self._association.context(context_id)
        if context is None or context[0] != WORKLIST_CLASS:
            return NOT_FIND
        try:
            keys = decode_data_set(data, context[1])
            return self._send_matches(context_id, command, keys, context[1])
        except MediViewError as error:
            status = query_status(error)
            log.warning(
                "worklist_query_refused",
                code=error.code,
                status=f"{status.code:#06x}",
                peer=self._association.peer_ae_title,
            )
            return status
        except OSError:
            raise
        except Exception:
            # The edge of a request: the peer gets an answer whatever happens.
            log.error("worklist_query_failed", peer=self._association.peer_ae_title, exc_info=True)
            return UNEXPECTED

    def _send_matches(
        self, context_id: int, command: CommandSet, keys: Dataset, transfer_syntax_uid: str
    ) -> DimseStatus:
        pending_code = PENDING if all_supported(keys) else PENDING_OPTIONAL_KEYS_UNSUPPORTED
        pending = encode_response(command, pending_code, has_data_set=True)
        character_set = _character_set(keys)
        waiting: list[tuple[bytes, bytes]] = []
        for step in _steps(self._worklist.open_items()):
            if not matches(step, keys):
                continue
            response = answer(step, keys)
            choose_character_set(response, character_set)
            waiting.append((pending, encode_data_set(response, transfer_syntax_uid)))
            if len(waiting) >= _RESPONSES_AT_ONCE:
                self._association.send_messages(context_id, waiting)
                waiting.clear()
                if self._association.is_cancelled(command.message_id):
                    return DimseStatus(CANCEL)
        self._association.send_messages(context_id, waiting)
        return DimseStatus(SUCCESS)


def all_supported(keys: Dataset, known: frozenset[str] = WORKLIST_KEYWORDS) -> bool:
    """Whether everything that is asked for can be posted and so be answered."""
    for key in keys:
        keyword = keyword_for_tag(key.tag)
        if keyword in _NOT_KEYS:
            continue
        if keyword not in known:
            return False
        if keyword == _STEPS and key.value and not all_supported(key.value[0], STEP_KEYWORDS):
            return False
    return True


def _steps(items: Iterator[WorklistItem]) -> Iterator[Dataset]:
    """Each scheduled step as a data set of its own with its item's attributes (K.6.1.2.2)."""
    for item in items:
        whole = as_data_set(item.attributes)
        for step in whole.get(_STEPS) or []:
            if item.state == "IN PROGRESS":
                step.ScheduledProcedureStepStatus = "STARTED"
            single = Dataset()
            single.update(whole)
            single[_STEPS] = DataElement(keyword_dict[_STEPS], "SQ", [step])
            yield single


def as_data_set(attributes: Mapping[str, Any]) -> Dataset:
    """A data set from keywords and values as the worklist keeps them."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        tag = keyword_dict[keyword]
        if isinstance(value, list):
            dataset.add(DataElement(tag, "SQ", [as_data_set(item) for item in value]))
        else:
            dataset.add(DataElement(tag, dictionary_VR(tag), value))
    return dataset


def _character_set(keys: Dataset) -> str:
    named = keys.get("SpecificCharacterSet", "")
    return str(named) if isinstance(named, str) else UNICODE


class FindDispatch:
    """C-FIND goes to the worklist or to the index, by the SOP class of its context."""

    def __init__(self, worklist: WorklistScp, index: Any, association: NodeAssociation) -> None:
        self._worklist = worklist
        self._index = index
        self._association = association

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        context = self._association.context(context_id)
        is_worklist = context is not None and context[0] == WORKLIST_CLASS
        (self._worklist if is_worklist else self._index).serve(context_id, command, data)
