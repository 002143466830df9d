"""Modality Worklist C-FIND as SCP (PS3.4 K), over items that an integrator has posted."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_dict, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pynetdicom.sop_class import ModalityWorklistInformationFind

from dicom_node.association.base import NodeAssociation
from dicom_node.network.data_sets import (
    UNICODE,
    choose_character_set,
    decode_data_set,
    encode_data_set,
)
from dicom_node.peers import caller_of_peer
from dicom_node.query.dataset_matching import answer, matches
from dicom_node.query.find_service import FindService
from storage.core.callers.visibility import current_visibility
from storage.worklist.attributes import STEP_KEYWORDS, WORKLIST_KEYWORDS
from storage.worklist.entities import WorklistItem
from storage.worklist.repository import Worklist

WORKLIST_CLASS = str(ModalityWorklistInformationFind)
_STEPS = "ScheduledProcedureStepSequence"
_NOT_KEYS = frozenset({"SpecificCharacterSet", "TimezoneOffsetFromUTC", "QueryRetrieveLevel"})


class WorklistScp(FindService):
    """Answers worklist queries of one association: a response for each scheduled step."""

    sop_classes = frozenset({WORKLIST_CLASS})

    def __init__(self, worklist: Worklist, association: NodeAssociation) -> None:
        super().__init__(association)
        self._worklist = worklist

    def matches(
        self, sop_class_uid: str, transfer_syntax_uid: str, data: bytes | None
    ) -> tuple[bool, Iterator[bytes]]:
        del sop_class_uid
        keys = decode_data_set(data, transfer_syntax_uid)
        return all_supported(keys), self._found(keys, transfer_syntax_uid)

    def _found(self, keys: Dataset, transfer_syntax_uid: str) -> Iterator[bytes]:
        character_set = _character_set(keys)
        for step in _steps(self._worklist.open_items(self._station())):
            if matches(step, keys):
                response = answer(step, keys)
                choose_character_set(response, character_set)
                yield encode_data_set(response, transfer_syntax_uid)
            else:
                yield b""

    def _station(self) -> str:
        """The title of a peer that sees some groups alone; a stranger may call under any."""
        visibility = current_visibility()
        stranger = caller_of_peer(None).identity_id
        if visibility is None or visibility.identity_id == stranger:
            return ""
        return self.association.peer_ae_title


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
