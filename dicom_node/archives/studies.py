"""What archives list, made safe to use."""

from collections.abc import Iterable

import structlog

from dicom_node.archives.archive import Found
from storage.core.errors import InvalidInstance
from storage.core.uids import check_uid

log = structlog.get_logger(__name__)


def distinct_studies(found: Iterable[Found]) -> list[Found]:
    """Without those that have no valid StudyInstanceUID, and each of the others once.

    Some archives answer a study by each of its patients' spellings.
    """
    studies: dict[str, Found] = {}
    for one in found:
        try:
            uid = check_uid(one.study_instance_uid, "StudyInstanceUID")
        except InvalidInstance:
            log.warning("study_without_uid_listed")
            continue
        studies.setdefault(uid, one)
    return list(studies.values())
