"""A small application of another maker: marks what is bright in FLAIR, on the grid of T1."""

import json
import os
import sys
from pathlib import Path

import nibabel as nib
import numpy as np

given, written = map(Path, sys.argv[1:3])
flair, t1 = (nib.load(given / f"{name}.nii.gz") for name in ("flair", "t1"))
if flair.shape != t1.shape or not np.allclose(flair.affine, t1.affine):
    raise SystemExit("The two are on different grids.")
bright = np.asarray(flair.dataobj) > float(os.environ["LESION_ABOVE"])
nib.save(nib.Nifti1Image(bright.astype(np.uint8), t1.affine), written / "lesions.nii.gz")
files = sorted(path.name for path in given.iterdir())
(written / "results.json").write_text(
    json.dumps({"measurements": [{"label": "Files given", "value": len(files), "unit": "1"}]})
)
