"""Masks as another reader, highdicom, takes them from the PACS."""

import io

import highdicom as hd
import numpy as np
from numpy.typing import NDArray

from tests.e2e.support.pacs import Pacs
from tests.e2e.support.studies import SentStudy, images_in_order


def mask_at(pacs: Pacs, study: SentStudy, sop_instance_uid: str) -> NDArray[np.bool_]:
    """All segments of a SEG as one, shape (slices, rows, columns), slices in the viewer's order."""
    seg = hd.seg.segread(io.BytesIO(pacs.instances_of(study.study_instance_uid)[sop_instance_uid]))
    mask = seg.get_pixels_by_source_instance(
        [str(one.SOPInstanceUID) for one in images_in_order(study)],
        combine_segments=True,
        ignore_spatial_locations=True,
        assert_missing_frames_are_empty=True,
    )
    return np.asarray(mask > 0)
