"""Every volume of the shared data, and every series there that is none, with the reason."""

import warnings
from collections import defaultdict
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

# By pattern below the shared data: one series each.
VOLUMES = {
    "T1 head, 384 oblique slices": "mr_t1_head/*.dcm",
    "chest CT, 133 slices": "ct_chest_LIDC-IDRI-0001/**/*.dcm",
    "GE head": "vendor_headers/ge_anatomical_001/*.dcm",
    "Siemens head": "vendor_headers/siemens_anatomical_001/*.dcm",
    "Philips enhanced head": "vendor_headers/philips_enhanced_anatomical_001/*.dcm",
    "colon CT, 3 slices": "seg_sr/dcmqi_ct-3slice/*.dcm",
    "not square, classic": "seg_sr/dcmqi_23x38x3/image/*.dcm",
    "not square, enhanced": "seg_sr/dcmqi_23x38x3/multiframe/*.dcm",
    "heart CT, 5 small slices": "dicomdir/98892001/CT5N/*",
    "enhanced CT, 2 frames": "odd/eCT_Supplemental.dcm",
    "planning CT, 2 slices": "rt/rt-utils/mock_data_ct_*.dcm",
}
# What is no volume, and words of the sentence that says why.
REFUSED = {
    "geometry_guards/gantrytilting_001/*.dcm": "The slices are tilted by 14.0°",
    "geometry_guards/notavolume_001/*.dcm": "Slices 23 and 24 lie at the same position",
    "geometry_guards/sliceincrement_001/*.dcm": "Slices 9 and 10 are 10.0 mm apart",
    "dicomdir/77654033/CT2/*": "Slices 18 and 180 are 202.5 mm apart",
    "dicomdir/98892001/CT2N/*": "the series is a localizer",
    "dicomdir/98892003/MR2/*": "The slices lie in 3 different orientations",
    "dicomdir/98892003/MR700/*": "The slices lie in 7 different orientations",
    "odd/emri_small.dcm": "has 10 frames but states the position of 0",
    "odd/MOVEKNEE.dcm": "lie at the same position",
    "odd/examples_ybr_color.dcm": "has 30 frames but states the position of 0",
    "odd/GH184.dcm": "The series has 1 slice",
    "cxr/RG1_J2KI.dcm": "ImageOrientationPatient is missing",
    "wsi/sm_image.dcm": "has 25 frames but states the position of 0",
}


def paths_of(shared_data: Path, pattern: str) -> list[Path]:
    """The files of one series, in the order of their names."""
    return sorted(path for path in shared_data.glob(pattern) if path.is_file())


def series_of_images(shared_data: Path) -> dict[tuple[str, str], list[Path]]:
    """All that has an image, as (folder, SeriesInstanceUID); an instance of frames by itself."""
    found: dict[tuple[str, str], list[Path]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for path in sorted(shared_data.rglob("*")):
        header = _header(path) if path.is_file() else None
        if header is None or "Rows" not in header:
            continue
        folder, uid = str(path.parent), str(header.get("SOPInstanceUID", ""))
        if (folder, uid) in seen:
            continue  # the same image in another encoding
        seen.add((folder, uid))
        several = "NumberOfFrames" in header
        # Some files name one series in several studies: to the node these are several series.
        series = f"{header.get('StudyInstanceUID', '')} {header.get('SeriesInstanceUID', '')}"
        found[(folder, uid if several else series)].append(path)
    return found


def _header(path: Path) -> Dataset | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # much of the folder is awkward on purpose
            return pydicom.dcmread(
                path,
                stop_before_pixels=True,
                specific_tags=[
                    *("Rows", "NumberOfFrames"),
                    *("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"),
                ],
            )
    except (InvalidDicomError, OSError, ValueError):
        return None
