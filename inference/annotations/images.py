"""The images that somebody draws on: found, checked to be of the study, and calibrated."""

from pydicom.dataset import Dataset

from inference.annotations.drawing import Place
from inference.calibration.decision import calibration_of
from inference.imaging.acquisition.suv_doubts import suv_doubts
from inference.imaging.attributes import whole_number
from inference.imaging.frames import is_multiframe, number_of_frames
from inference.refusals import VolumeRefused
from storage.core.errors import InvalidRequest, NotFound
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader


class StudyImages:
    """Headers of images of one study, each read once."""

    def __init__(self, index: Index, instances: InstanceReader, study_instance_uid: str) -> None:
        self._index = index
        self._instances = instances
        self._study_instance_uid = study_instance_uid
        self.headers: dict[str, Dataset] = {}

    def header(self, sop_instance_uid: str) -> Dataset:
        """Raises InvalidRequest where the study holds no such image."""
        if sop_instance_uid not in self.headers:
            self.headers[sop_instance_uid] = self._read(sop_instance_uid)
        return self.headers[sop_instance_uid]

    def place(self, sop_instance_uid: str, frame_number: int) -> Place:
        """Raises InvalidRequest where there is no such frame, or the header does not say how many
        there are and how large."""
        header = self.header(sop_instance_uid)
        try:
            return _placed(header, sop_instance_uid, frame_number)
        except VolumeRefused as refused:
            raise InvalidRequest(
                f"Nothing can be drawn on the image {sop_instance_uid}. {refused.message}",
                remedy=refused.remedy,
            ) from refused

    def _read(self, sop_instance_uid: str) -> Dataset:
        try:
            instance = self._index.instance(sop_instance_uid)
        except NotFound:
            instance = None
        if instance is None or instance.study_instance_uid != self._study_instance_uid:
            raise InvalidRequest(
                f"The study holds no image {sop_instance_uid}.",
                remedy="Name images of this study, by their SOPInstanceUID.",
            )
        header = self._instances.header(instance)
        if not header.get("Rows") or not header.get("Columns"):
            raise InvalidRequest(
                f"The instance {sop_instance_uid} is not an image.",
                remedy="Name the SOP Instance UID of an image.",
            )
        return header


def _placed(header: Dataset, sop_instance_uid: str, frame_number: int) -> Place:
    frames = number_of_frames(header)
    if not 1 <= frame_number <= frames:
        raise InvalidRequest(
            f"The image has {frames} frames, counted from 1; {frame_number} was asked for.",
            remedy="Name a frame that the image has.",
        )
    return Place(
        sop_class_uid=str(header.SOPClassUID),
        sop_instance_uid=sop_instance_uid,
        frame_number=frame_number,
        rows=whole_number(header, "Rows"),
        columns=whole_number(header, "Columns"),
        is_multiframe=is_multiframe(header),
        calibration=calibration_of(header, frame_number),
        modality=str(header.get("Modality") or ""),
        suv_doubts=suv_doubts(header),
    )
