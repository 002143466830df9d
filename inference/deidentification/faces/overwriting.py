"""Voxels of a face overwritten in one instance, and what it states afterwards."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset

from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.faces.face_masks import FaceMasks
from inference.imaging.frames import Frame, frames_of
from storage.pixels.decoding import decode_frames, decompress

_MOST_BYTES = 2 << 30
_FRAME_TYPES = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence")
# Of the pixels as they were.
_EXTREMES = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
)


def overwrite(dataset: FileDataset, masks: FaceMasks) -> int:
    """In place; how many voxels. Compressed pixels become uncompressed, in every instance of the
    series, so that they stay alike.

    Raises CannotDeidentify where a frame was not looked at, VolumeRefused, and what decoders raise.
    """
    frames = frames_of([dataset])
    planes = [masks.plane((one.sop_instance_uid, one.frame_number)) for one in frames]
    if any(one is None for one in planes):
        raise CannotDeidentify(
            f"{masks.found_by} has not looked at all of its images for a face.",
            remedy="Leave its series out.",
        )
    decompress(dataset, _MOST_BYTES)
    stored = np.array(decode_frames(dataset, _MOST_BYTES))
    if (
        stored.ndim != 3
        or stored.shape != (len(frames), *masks.shape)
        or stored.dtype.kind not in "iu"
    ):
        raise CannotDeidentify(
            "Its pixels have another form than the images in which the face was found.",
            remedy="Leave its series out.",
        )
    count = 0
    for frame, plane in zip(frames, planes, strict=True):
        if plane is not None:
            stored[frame.frame_index][plane] = _stored_air(dataset, frame, masks.air, stored)
            count += int(np.count_nonzero(plane))
    data = stored.astype(stored.dtype.newbyteorder("<"), copy=False).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    return count


def state_removed(dataset: Dataset, masks: FaceMasks) -> None:
    """That the pixels are derived ones without a face (PS3.3 C.7.6.1.1.2, PS3.15 E.3.2).

    All instances of a series say so, also those beside the face: they stay one stack.
    """
    dataset.RecognizableVisualFeatures = "NO"
    dataset.ImageType = _derived(dataset.get("ImageType"))
    for groups in (
        *(dataset.get("SharedFunctionalGroupsSequence") or ()),
        *(dataset.get("PerFrameFunctionalGroupsSequence") or ()),
    ):
        for keyword in _FRAME_TYPES:
            for item in groups.get(keyword) or ():
                item.FrameType = _derived(item.get("FrameType"))
    value = f"{masks.air:g} {masks.unit}".strip()
    dataset.DerivationDescription = (
        f"Voxels of the face were overwritten with {value}, the air of the series, where"
        f" {masks.found_by} marked them. UNVERIFIED, for research use only."
    )
    mask = Dataset()
    mask.CodeValue, mask.CodingSchemeDesignator = "113047", "DCM"
    mask.CodeMeaning = "Pixel by pixel mask"
    dataset.DerivationCodeSequence = [*(dataset.get("DerivationCodeSequence") or ()), mask]
    for keyword in _EXTREMES:
        if keyword in dataset:
            delattr(dataset, keyword)


def _derived(image_type: Any) -> list[str]:
    several = image_type if hasattr(image_type, "append") else [image_type]
    values = [str(one) for one in several if one is not None]
    return ["DERIVED", *(values[1:] or ["PRIMARY"])]


def _stored_air(dataset: Dataset, frame: Frame, air: float, stored: NDArray[np.generic]) -> int:
    """The stored value that is nearest to `air` after the rescaling of the frame."""
    bits = min(int(dataset.BitsStored), stored.dtype.itemsize * 8)
    is_signed = int(dataset.PixelRepresentation) == 1
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if is_signed else (0, (1 << bits) - 1)
    value = round((air - frame.rescale_intercept) / frame.rescale_slope)
    return max(low, min(high, value))
