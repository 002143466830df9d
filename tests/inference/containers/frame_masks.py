"""Segmentations of multi-frame images as another vendor writes them: each frame names the frame of
the image that it is the mask of."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests.inference.containers.test_single_images import segmentation
from tests.inference.films import film


def frames_segmentation(
    image: Dataset, masks: Mapping[int, NDArray[np.bool_]], **stated: Any
) -> Dataset:
    """`masks` by frame number, one segment; `stated` is set on the result last."""
    one = film("frame of an image", pixels=np.zeros((image.Rows, image.Columns), np.uint16))
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID"):
        setattr(one, keyword, image[keyword].value)
    found = segmentation(one, next(iter(masks.values())))
    (first,) = found.PerFrameFunctionalGroupsSequence
    groups = []
    for number in masks:
        own = copy.deepcopy(first)
        source = own.DerivationImageSequence[0].SourceImageSequence[0]
        source.ReferencedSOPClassUID, source.ReferencedFrameNumber = image.SOPClassUID, number
        groups.append(own)
    found.PerFrameFunctionalGroupsSequence = groups
    found.NumberOfFrames = len(groups)
    bits = np.packbits(np.concatenate([one.ravel() for one in masks.values()]), bitorder="little")
    found.PixelData = bits.tobytes() + b"\0" * (bits.size % 2)
    if image.get("FrameOfReferenceUID"):
        found.FrameOfReferenceUID = image.FrameOfReferenceUID
    for keyword, value in stated.items():
        setattr(found, keyword, value)
    return found
