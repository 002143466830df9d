"""Parts that are DICOM instances: straight through the door, in constant memory."""

import warnings
from io import BytesIO

import structlog
from pydicom.dataset import FileDataset
from pydicom.uid import MediaStorageDirectoryStorage

from api.bodies import media_type_of
from api.dicomweb.formats.multipart import Headers
from api.dicomweb.formats.negotiation import DICOM
from api.dicomweb.store.report import CANNOT_UNDERSTAND, Report, WrongStudy, reason_of
from storage.core.errors import InvalidInstance, MediViewError, NotStorable
from storage.core.uids import check_uid
from storage.dicom.dataset_reader import read_part10
from storage.dicom.part10 import Header
from storage.dicom.storage_classes import check_storage_class
from storage.dicom.value_errors import DAMAGED
from storage.ingest.service import Ingest

log = structlog.get_logger(__name__)

_HEAD_BYTES = 64 * 1024


def check_study(study_instance_uid: str, header: Header) -> None:
    """Raises WrongStudy unless the request names no study or the instance's own."""
    if study_instance_uid and header.study_instance_uid != study_instance_uid:
        raise WrongStudy(
            "The instance belongs to another study than the address names.",
            remedy="Send it to /dicom-web/studies.",
        )


class InstancePart:
    """Takes one instance while it arrives; what refuses it is known when it is whole.

    A refused one is read to its end all the same, so that those behind it get in.
    """

    def __init__(
        self, ingest: Ingest, study_instance_uid: str, headers: Headers, note_source: str = ""
    ) -> None:
        content_type = media_type_of(headers)
        self._is_instance = content_type in (DICOM, "")
        self._stream = ingest.open_stream(
            "stow",
            check=lambda header: check_study(study_instance_uid, header),
            note_source=note_source,
        )
        self._head = bytearray()
        self._error: MediViewError | None = None
        self.size_bytes = 0

    def write(self, data: memoryview) -> None:
        self.size_bytes += len(data)
        if len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        if self._error is not None or not self._is_instance:
            return
        try:
            self._stream.write(data)
        except MediViewError as error:
            self._error = error
            self._stream.discard()

    def finish(self, report: Report) -> None:
        """Store the instance, or give the reason against it."""
        if not self._is_instance:
            report.fail(
                "", "", CANNOT_UNDERSTAND, "A part is of another type than application/dicom."
            )
            return
        try:
            if self._error is not None:
                raise self._error
            report.keep(self._stream.finish())
        except MediViewError as error:
            self._refuse(error, report)

    def _refuse(self, error: MediViewError, report: Report) -> None:
        sop_class_uid, sop_instance_uid = _identify(bytes(self._head))
        if sop_class_uid == MediaStorageDirectoryStorage:
            error = NotStorable(
                "A DICOMDIR is not an instance.",
                remedy="Send what it lists.",
                keyword="SOPClassUID",
            )
        elif sop_class_uid and isinstance(error, InvalidInstance):
            # What else is wrong of it, such as a UID that it has not, follows from its class.
            error = _not_storable(sop_class_uid) or error
        log.warning("stow_instance_refused", code=error.code, failure_reason=reason_of(error))
        report.refuse(error, sop_class_uid, sop_instance_uid)

    def close(self) -> None:
        self._stream.discard()


def _not_storable(sop_class_uid: str) -> NotStorable | None:
    try:
        check_storage_class(sop_class_uid)
    except NotStorable as error:
        return error
    return None


def _identified(dataset: FileDataset) -> tuple[str, str]:
    meta = dataset.file_meta
    sop_class = dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID", "")
    sop_instance = dataset.get("SOPInstanceUID") or meta.get("MediaStorageSOPInstanceUID", "")
    return (
        check_uid(str(sop_class), "SOPClassUID"),
        check_uid(str(sop_instance), "SOPInstanceUID"),
    )


def _identify(head: bytes) -> tuple[str, str]:
    """SOP class and instance of what was refused, as far as they can be read."""
    try:
        with warnings.catch_warnings():
            # A UID that is none is what is found out here.
            warnings.simplefilter("ignore")
            dataset = read_part10(
                BytesIO(head),
                # What refused it may stand behind them, and be nothing that pydicom can read.
                stop_after="SOPInstanceUID",
                specific_tags=["SOPClassUID", "SOPInstanceUID"],
            )
            return _identified(dataset)
    except DAMAGED:
        return "", ""
