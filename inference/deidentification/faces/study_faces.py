"""Which images of a study show a face, and how those leave: without it, or not at all.

PS3.15 E.3.2 asks for what could show somebody, by itself or reconstructed: slices of a head, what
was rendered from them, photographs, and the surface that somebody drew. The pipeline's word counts
where the header leaves it open; where nothing looks, nothing leaves.
"""

from collections import OrderedDict
from typing import Protocol

from pydicom.dataset import Dataset, FileDataset

from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.faces.face_masks import FaceMasks
from inference.deidentification.faces.heads import Shown, shown_by
from inference.deidentification.faces.overwriting import overwrite
from inference.refusals import VolumeRefused
from inference.results.masks.read import read_masks
from storage.core.errors import InvalidRequest
from storage.dicom.storage_classes import SEGMENTATION_CLASSES

_SLICES = frozenset({"CT", "MR", "PT"})
# Whatever their modality says: dental volumes call themselves DX, PX, IO or OT.
_CLASSES_OF_SLICES = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{one}"
    for one in ("2", "2.1", "2.2", "4", "4.1", "4.3", "4.4", "128", "128.1", "130")
)
"""CT, MR and PET, enhanced and converted ones too."""
_VOLUMES_OF_PROJECTIONS = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.13.1.1",  # X-Ray 3D Angiographic
        "1.2.840.10008.5.1.4.1.1.13.1.2",  # X-Ray 3D Craniofacial
    }
)
# Neither shows a face: shadows, and what a probe or a catheter sees.
_NO_FACE = frozenset({"CR", "DX", "MG", "PX", "IO", "XA", "RF", "US", "IVUS", "OCT", "ECG", "SM"})
_PHOTOGRAPHS = frozenset({"XC", "DG", "GM", "DMS"})
_CAPTURED = "1.2.840.10008.5.1.4.1.1.7"
_MAPS = "1.2.840.10008.5.1.4.1.1.30"
_DRAWN = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.481.3",  # RT Structure Set
        "1.2.840.10008.5.1.4.1.1.66.5",  # Surface Segmentation
        "1.2.840.10008.5.1.4.1.1.66.6",  # Tractography Results
        "1.2.840.10008.5.1.4.1.1.68.1",  # Surface Scan Mesh
        "1.2.840.10008.5.1.4.1.1.68.2",  # Surface Scan Point Cloud
    }
)
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_SERIES_IN_MEMORY = 2
_LEAVE_OUT = "Leave this series out, or export it by a project without the option."


class FaceFinder(Protocol):
    def __call__(self, study_instance_uid: str, series_instance_uid: str) -> FaceMasks:
        """Look for a face in a series that is here, by its original UIDs."""
        ...


class StudyFaces:
    """`see` is called with the headers of all instances first."""

    def __init__(self, find: FaceFinder | None) -> None:
        """`find`: None where no model runs, and then what may show a face is refused."""
        self._find = find
        self._shown: dict[str, Shown] = {}
        self._has_head = False
        self._masks: OrderedDict[str, FaceMasks] = OrderedDict()

    def see(self, header: Dataset) -> None:
        series = str(header.get("SeriesInstanceUID") or "")
        shown = max(shown_by(header), self._shown.get(series, Shown.ELSEWHERE))
        self._shown[series] = shown
        if _shows_slices(header) and shown is not Shown.ELSEWHERE:
            self._has_head = True

    def remove(self, dataset: FileDataset) -> tuple[FaceMasks, int] | None:
        """Overwrite the face in an instance as it was received, in place.

        By what and how many voxels; None where it shows no head. Raises CannotDeidentify.
        """
        sop_class_uid = str(dataset.get("SOPClassUID", ""))
        if sop_class_uid in SEGMENTATION_CLASSES:
            self._check_segmentation(dataset)
        elif sop_class_uid in _DRAWN:
            self._check_drawn()
        elif any(one in dataset for one in _PIXELS):
            return self._of_image(dataset, sop_class_uid)
        return None

    def _of_image(self, dataset: FileDataset, sop_class_uid: str) -> tuple[FaceMasks, int] | None:
        shown = self._of(str(dataset.get("SeriesInstanceUID") or ""), dataset)
        if shown is Shown.ELSEWHERE:
            return None
        is_captured = sop_class_uid.startswith((_CAPTURED, _MAPS))
        if not _shows_slices(dataset) or is_captured or "PixelData" not in dataset:
            self._check_other_image(dataset, shown)
            return None
        masks = self._looked_at(dataset, shown)
        if masks is None:
            return None
        try:
            return masks, overwrite(dataset, masks)
        except VolumeRefused as error:
            raise CannotDeidentify(error.message, remedy=error.remedy) from error

    def _of(self, series_instance_uid: str, header: Dataset) -> Shown:
        known = self._shown.get(series_instance_uid)
        return shown_by(header) if known is None else known

    def _looked_at(self, dataset: Dataset, shown: Shown) -> FaceMasks | None:
        """The masks of its series; None where a model looked and found no face."""
        masks = self._masks_of(str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID))
        what = "It shows a head" if shown is Shown.HEAD else "It may show a head"
        if masks.refusal:
            raise CannotDeidentify(f"{what}. {masks.refusal}", remedy=masks.remedy)
        if masks.has_face:
            return masks
        stated_removed = str(dataset.get("RecognizableVisualFeatures") or "").strip() == "NO"
        if shown is Shown.HEAD and not stated_removed:
            raise CannotDeidentify(
                f"{what}, and {masks.found_by} found no face in it.", remedy=_LEAVE_OUT
            )
        return None

    def _masks_of(self, study_instance_uid: str, series_instance_uid: str) -> FaceMasks:
        found = self._masks.pop(series_instance_uid, None)
        if found is None:
            if self._find is None:
                raise CannotDeidentify(
                    "It may show a face, and faces are removed by exports of a project alone.",
                    remedy="Export the project.",
                )
            found = self._find(study_instance_uid, series_instance_uid)
        self._masks[series_instance_uid] = found
        while len(self._masks) > _SERIES_IN_MEMORY:
            self._masks.popitem(last=False)
        return found

    def _check_other_image(self, dataset: Dataset, shown: Shown) -> None:
        """What a model cannot look at: captures, renderings, maps, photographs."""
        modality = _modality(dataset)
        is_volume = dataset.get("SOPClassUID") in _VOLUMES_OF_PROJECTIONS
        is_shadow = modality in _NO_FACE and not is_volume
        if is_shadow and str(dataset.get("RecognizableVisualFeatures")) != "YES":
            return
        if shown is Shown.HEAD or self._has_head or is_volume or modality in _PHOTOGRAPHS:
            raise CannotDeidentify(
                "It may show a face, and is not an image of slices in which a model could look for"
                " it.",
                remedy=_LEAVE_OUT,
            )

    def _check_drawn(self) -> None:
        if self._has_head:
            raise CannotDeidentify(
                "Its surfaces or contours may show a face, since its study shows a head.",
                remedy=_LEAVE_OUT,
            )

    def _check_segmentation(self, segmentation: Dataset) -> None:
        """One whose segments reach into the face has the face's surface."""
        if not self._has_head:
            return
        references = list(segmentation.get("ReferencedSeriesSequence") or [])
        uid = str(references[0].SeriesInstanceUID) if len(references) == 1 else ""
        shown = self._shown.get(uid)
        if shown is Shown.ELSEWHERE:
            return
        refused = CannotDeidentify(
            "Its segments reach into the face, or it does not say on which slices of its study"
            " they lie.",
            remedy=_LEAVE_OUT,
        )
        if shown is None:
            raise refused
        masks = self._masks_of(str(segmentation.StudyInstanceUID), uid)
        if masks.refusal:
            raise CannotDeidentify(
                f"It is of a series that may show a head. {masks.refusal}", remedy=masks.remedy
            )
        if not masks.has_face:
            return
        if (int(segmentation.Rows), int(segmentation.Columns)) != masks.shape:
            raise refused
        keys = list(masks.planes)
        try:
            drawn = read_masks(segmentation, keys).array
        except InvalidRequest as error:
            raise refused from error
        for k, key in enumerate(keys):
            plane = masks.plane(key)
            if plane is not None and plane.any() and drawn[k][plane].any():
                raise refused


def _shows_slices(header: Dataset) -> bool:
    return _modality(header) in _SLICES or header.get("SOPClassUID") in _CLASSES_OF_SLICES


def _modality(header: Dataset) -> str:
    return str(header.get("Modality") or "").strip().upper()
