"""One study, instance by instance: read, de-identified, checked, or refused with the reason."""

import hashlib
import io
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

from inference.deidentification.deidentifier import Deidentifier
from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.faces.overwriting import state_removed
from inference.deidentification.faces.study_faces import FaceFinder, StudyFaces
from inference.deidentification.leaks.evidence import Evidence
from inference.deidentification.leaks.leak_scan import LeakScan
from inference.deidentification.pixels.burned_in import (
    LookedAt,
    clear_unused_bits,
    holds_images,
    why_text_is_possible,
)
from inference.deidentification.pixels.pixel_bytes import clean_pixel_group
from inference.deidentification.profile import Option, Profile
from inference.deidentification.pseudonyms import Pseudonyms
from inference.deidentification.words import cleaned
from storage.core.errors import MediViewError
from storage.dicom.dataset_reader import read_part10
from storage.dicom.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from storage.dicom.value_errors import UNREADABLE

_SHOWN_LEAKS = 3


@dataclass(frozen=True)
class Deidentified:
    """An instance that may leave."""

    name: str
    """Path within an export: patient, study, series, instance, all of them pseudonyms."""
    part10: bytes
    sha256: str
    face_voxels: int = 0
    """How many were overwritten because they showed a face."""


class StudyDeidentification:
    def __init__(
        self,
        profile: Profile,
        pseudonyms: Pseudonyms,
        patient_key: str,
        headers: Iterable[Dataset],
        software: str,
        find_face: FaceFinder | None = None,
    ) -> None:
        """`headers`: those of every instance of the study, for what identifies somebody there.

        `patient_key`: the same for all studies of the patient. `find_face`: asked where the
        profile cleans recognizable visual features; without it what may show a face is refused.
        """
        evidence = Evidence(profile)
        cleans_faces = Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES in profile
        self._faces = StudyFaces(find_face) if cleans_faces else None
        self._looked_at = LookedAt()
        for header in headers:
            evidence.add(header)
            self._looked_at.see(header)
            if self._faces is not None:
                self._faces.see(header)
        self._profile = profile
        self._pseudonyms = pseudonyms
        self._words = evidence.words
        self._deidentifier = Deidentifier(profile, pseudonyms, patient_key, evidence, software)
        self._scan = LeakScan(evidence, profile, self._deidentifier.shift)

    @property
    def pseudonym(self) -> str:
        return self._deidentifier.pseudonym

    def uid(self, original: str) -> str:
        """As the instances have it."""
        return original if Option.RETAIN_UIDS in self._profile else self._pseudonyms.uid(original)

    def label(self, original: str) -> str:
        """A short name for a UID, of letters and digits."""
        return self._pseudonyms.label(original)

    def text(self, text: str) -> str:
        """Cleaned as the descriptions and texts of the instances are."""
        return cleaned(text, self._words)

    def has_leak(self, text: str, *, is_coded: bool = False) -> bool:
        """Whether the scan finds something of the originals in a text that leaves beside them.

        `is_coded`: it is a code or the name of a model, in which words of medicine name nobody.
        """
        return self._scan.has_leak(text, is_coded=is_coded)

    def apply(self, part10: bytes) -> Deidentified:
        """Raises CannotDeidentify, with what was found and where, and never with its value."""
        try:
            dataset = read_part10(io.BytesIO(part10))
            clean_pixel_group(dataset)
            clear_unused_bits(dataset)
            cleaned_pixels = []
            if self._blank_text(dataset):
                cleaned_pixels.append(Option.CLEAN_PIXEL_DATA)
            face = None if self._faces is None else self._faces.remove(dataset)
            if face is not None:
                cleaned_pixels.append(Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES)
            self._deidentifier.apply(dataset, cleaned_pixels=cleaned_pixels)
            if face is not None:
                state_removed(dataset, face[0])
            result = _write(dataset)
            name = self._name(dataset)
        except UNREADABLE as error:
            raise CannotDeidentify(
                f"It cannot be read or written as the standard says ({type(error).__name__}).",
                remedy="Leave this instance out.",
            ) from error
        leaks = self._scan.leaks(result, name)
        if leaks:
            shown = "; ".join(str(one) for one in leaks[:_SHOWN_LEAKS])
            more = f"; and {len(leaks) - _SHOWN_LEAKS} more" if len(leaks) > _SHOWN_LEAKS else ""
            raise CannotDeidentify(
                f"After de-identification {shown}{more}.", remedy="Leave this instance out."
            )
        voxels = 0 if face is None else face[1]
        return Deidentified(name, result, hashlib.sha256(result).hexdigest(), voxels)

    def _blank_text(self, dataset: FileDataset) -> bool:
        """Whether it had to be. Raises CannotDeidentify where the profile does not have it done."""
        blanks = Option.CLEAN_PIXEL_DATA in self._profile
        reason = why_text_is_possible(dataset)
        if reason and not blanks:
            raise CannotDeidentify(
                f"Its pixels may carry text: {reason}.",
                remedy="Leave it out, or use a project with clean-pixel-data.",
            )
        if not reason and not (holds_images(dataset) if blanks else self._looked_at.has(dataset)):
            return False
        # With OCR and what decodes pixels, which tables of measurements do without.
        from inference.deidentification.pixels import pixel_text

        if reason:
            pixel_text.blank_text(dataset)
            return True
        if not pixel_text.has_written_text(dataset, every_frame=blanks):
            return False
        if not blanks:
            raise CannotDeidentify(
                "Text was read in its pixels.",
                remedy="Leave it out, or use a project with clean-pixel-data.",
            )
        pixel_text.blank_text(dataset, pixel_text.is_written)
        return True

    def _name(self, dataset: FileDataset) -> str:
        return str(
            PurePosixPath(
                self.pseudonym,
                str(dataset.StudyInstanceUID),
                str(dataset.SeriesInstanceUID),
                f"{dataset.SOPInstanceUID}.dcm",
            )
        )


def reason_of(error: MediViewError) -> str:
    """One sentence for the list of what did not leave."""
    return f"{error.message} {error.remedy}".strip()


def _write(dataset: FileDataset) -> bytes:
    """A part-10 file that has no trace of the original's preamble and file meta information."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
