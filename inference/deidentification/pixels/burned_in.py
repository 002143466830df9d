"""Which images may have text in their pixels, and bits of pixels that hide an overlay."""

import numpy as np
from pydicom.dataset import Dataset

from inference.deidentification.errors import CannotDeidentify

# Ultrasound, captured screens, films, fluoroscopy, documents, visible light.
_MODALITIES = frozenset(
    {"US", "IVUS", "SC", "OT", "XA", "RF", "XC", "ES", "GM", "DOC", "HC", "OP", "DG", "ECG"}
)
_SOP_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture, and its multi-frame kinds
    "1.2.840.10008.5.1.4.1.1.6.",  # Ultrasound
    "1.2.840.10008.5.1.4.1.1.3.",  # Ultrasound, multi-frame
    "1.2.840.10008.5.1.4.1.1.12.",  # X-ray angiography and fluoroscopy
    "1.2.840.10008.5.1.4.1.1.77.1.",  # Visible light and video
)
# Values of Image Type, and parts of them.
_SCREENS = ("SCREEN SAVE", "SCREEN CAPTURE", "SCREENSHOT", "DOSE_INFO", "DOSE INFO")


def why_text_is_possible(dataset: Dataset) -> str:
    """A reason why its pixels may carry text; empty where none is known."""
    if "PixelData" not in dataset:
        return ""
    if str(dataset.get("BurnedInAnnotation") or "").strip().upper() not in ("", "NO"):
        return "it says so itself (Burned In Annotation is YES)"
    modality = str(dataset.get("Modality") or "").strip().upper()
    if modality in _MODALITIES:
        return f"its modality is {modality}"
    sop_class_uid = str(dataset.get("SOPClassUID", ""))
    if sop_class_uid.startswith(_SOP_CLASSES):
        return "it is a captured, ultrasound, fluoroscopic or visible light image"
    image_type = str(dataset.get("ImageType") or "").upper()
    if "ConversionType" in dataset or any(one in image_type for one in _SCREENS):
        return "it was converted or captured from another image (Conversion Type, Image Type)"
    return ""


# Films, which are few in a study and carry the writing of cassettes, consoles and films' edges.
_FILMS = frozenset({"CR", "DX", "MG", "PX", "IO", "RG", "BMD"})
# Values that no camera made: masks, maps, doses.
_COMPUTED = (
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.66.7",
    "1.2.840.10008.5.1.4.1.1.30",
    "1.2.840.10008.5.1.4.1.1.481.2",
)


class LookedAt:
    """Of images without a reason for text in their headers: in which OCR looks for it all the same.

    In each film, and in the first, the middle and the last image of each other series.
    """

    def __init__(self) -> None:
        self._series: dict[str, list[tuple[int, str]]] = {}

    def see(self, header: Dataset) -> None:
        """Each header of a study, before the first question."""
        try:
            number = int(header.get("InstanceNumber") or 0)
        except (TypeError, ValueError):
            number = 0
        one = (number, str(header.get("SOPInstanceUID", "")))
        self._series.setdefault(str(header.get("SeriesInstanceUID", "")), []).append(one)

    def has(self, dataset: Dataset) -> bool:
        """Whether it is one of them; `dataset` is an original with its pixels."""
        if not holds_images(dataset):
            return False
        if is_film(dataset):
            return True
        uids = [uid for _, uid in sorted(self._series.get(str(dataset.SeriesInstanceUID), ()))]
        if not uids:
            return True
        return str(dataset.SOPInstanceUID) in {uids[0], uids[len(uids) // 2], uids[-1]}


def is_film(dataset: Dataset) -> bool:
    return str(dataset.get("Modality") or "").strip().upper() in _FILMS


def holds_images(dataset: Dataset) -> bool:
    """Whether it has pixels that something other than a computation made."""
    return "PixelData" in dataset and str(dataset.get("SOPClassUID", "")) not in _COMPUTED


def clear_unused_bits(dataset: Dataset) -> None:
    """Clear the bits of native pixels beside those stored (PS3.5 8.1.1).

    Older systems kept overlays there (8.1.2, retired). Before the overlays' attributes are removed.
    Raises CannotDeidentify where such an overlay is in compressed pixels.
    """
    if "PixelData" not in dataset or "BitsStored" not in dataset:
        return
    is_compressed = dataset.file_meta.TransferSyntaxUID.is_encapsulated
    if is_compressed and not _has_embedded_overlay(dataset):
        return
    bits, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if not is_compressed and stored == bits:
        return
    low = int(dataset.HighBit) + 1 - stored
    if is_compressed or bits not in (8, 16, 32) or low < 0 or stored + low > bits:
        raise CannotDeidentify(
            "It may have an overlay in unused bits of its pixels, which cannot be cleared.",
            remedy="Leave this instance out.",
        )
    order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
    whole = dataset.PixelData[: len(dataset.PixelData) // (bits // 8) * (bits // 8)]
    pixels = np.frombuffer(whole, np.dtype(f"{order}u{bits // 8}"))
    cleared = pixels & pixels.dtype.type(((1 << stored) - 1) << low)
    if dataset.get("PixelRepresentation") == 1 and low == 0:
        # Many readers take the sign from the highest bit allocated.
        sign = pixels.dtype.type(1 << (stored - 1))
        cleared = (cleared ^ sign) - sign
    dataset.PixelData = cleared.astype(pixels.dtype).tobytes()


def _has_embedded_overlay(dataset: Dataset) -> bool:
    return any(
        tag.group & 0xFF00 == 0x6000 and tag.element == 0x0102 and dataset[tag].value
        for tag in list(dataset.keys())
    )
