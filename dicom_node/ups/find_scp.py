"""C-FIND of workitems as SCP: UPS Pull, Watch and Query (PS3.4 CC.2.8)."""

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pynetdicom.sop_class import UnifiedProcedureStepPush

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import UPS_CLASSES
from dicom_node.network.data_sets import (
    UNICODE,
    choose_character_set,
    decode_data_set,
    encode_data_set,
)
from dicom_node.query.dataset_matching import answer
from dicom_node.query.find_service import FindService
from dicom_node.ups.datasets import sent_dataset
from dicom_node.ups.list_room import MOST_MATCHED_VALUES
from dicom_node.ups.matching import Matcher, keys_of
from storage.core.errors import LimitExceeded
from storage.ups.search import WorkitemList

_MOST_KEYS = 1000


class UpsFindScp(FindService):
    """Answers with every item that fits, jobs of the node among them, the newest first."""

    sop_classes = UPS_CLASSES - {str(UnifiedProcedureStepPush)}

    def __init__(self, workitem_list: WorkitemList, association: NodeAssociation) -> None:
        super().__init__(association)
        self._workitem_list = workitem_list

    def matches(
        self, sop_class_uid: str, transfer_syntax_uid: str, data: bytes | None
    ) -> tuple[bool, Iterator[bytes]]:
        del sop_class_uid
        keys = decode_data_set(data, transfer_syntax_uid, _MOST_KEYS)
        matcher = Matcher(keys_of(keys))
        all_supported = all(key.keyword for key in keys)
        return all_supported, self._found(keys, matcher, transfer_syntax_uid)

    def _found(self, keys: Dataset, matcher: Matcher, transfer_syntax_uid: str) -> Iterator[bytes]:
        named = keys.get("SpecificCharacterSet", "")
        character_set = str(named) if isinstance(named, str) else UNICODE
        tags = {f"{int(key.tag):08X}" for key in keys}
        compared = 0
        for item in self._workitem_list.all(matcher.narrowed()):
            compared += matcher.value_count(item.attributes)
            if compared > MOST_MATCHED_VALUES:
                raise LimitExceeded(
                    "Workitems before this one have very many values to compare.",
                    remedy="Add a key such as ProcedureStepState or PatientID.",
                )
            if not matcher.matches(item.attributes, item.study_instance_uid):
                yield b""
                continue
            some = {tag: value for tag, value in item.attributes.items() if tag in tags}
            response = answer(sent_dataset(some), keys)
            choose_character_set(response, character_set)
            yield encode_data_set(response, transfer_syntax_uid)
