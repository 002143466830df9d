"""Compares the volume that another pipeline stated with that of the mask that it made."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pydicom

given, written = Path("/input"), Path("/output")
stated = json.loads((given / "lungs.json").read_text())
if (given / "lungs").exists():
    voxels = np.count_nonzero(pydicom.dcmread(given / "lungs/00001.dcm").pixel_array)
else:
    voxels = np.count_nonzero(nibabel.load(given / "lungs.nii.gz").dataobj)
volume = max(one["value"] for one in stated["measurements"] if one["unit"] == "cm3")
measurements = [
    {"label": "Stated volume", "value": volume, "unit": "cm3"},
    {"label": "Counted volume", "value": int(voxels) * 12 / 1000, "unit": "cm3"},
]
(written / "results.json").write_text(json.dumps({"measurements": measurements}))
