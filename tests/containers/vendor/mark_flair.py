"""Marks what is bright in FLAIR, as a DICOM Segmentation, and counts what it is given."""

import json
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr.codedict import codes

given, written = Path("/input"), Path("/output")
images = [pydicom.dcmread(one) for one in (given / "flair").iterdir()]
row, column = np.reshape(images[0].ImageOrientationPatient, (2, 3)).astype(float)
images.sort(key=lambda one: float(np.dot(one.ImagePositionPatient, np.cross(row, column))))
mask = np.stack([one.pixel_array for one in images]) > 500
described = hd.seg.SegmentDescription(
    1, "Lesion", codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Lesion, "MANUAL"
)
hd.seg.Segmentation(
    source_images=images,
    pixel_array=mask.astype(np.uint8),
    segmentation_type="BINARY",
    segment_descriptions=[described],
    series_instance_uid=hd.UID(),
    series_number=900,
    sop_instance_uid=hd.UID(),
    instance_number=1,
    manufacturer="Another vendor",
    manufacturer_model_name="Lesions",
    software_versions="2.1",
    device_serial_number="1",
).save_as(written / "mask.dcm")
counts = {one.name: len(list(one.iterdir())) for one in given.iterdir()}
numbers = [{"label": f"Files of {k}", "value": v, "unit": "1"} for k, v in counts.items()]
try:
    next((given / "t1").iterdir()).write_bytes(b"")
    numbers.append({"label": "Changed its input", "value": 1, "unit": "1"})
except OSError:
    pass
(written / "results.json").write_text(json.dumps({"measurements": numbers}))
