"""Marks what is bright on images that are given as NIfTI, in a label map of the same name."""

from pathlib import Path

import nibabel as nib
import numpy as np

given, written = Path("/input"), Path("/output")
for path in given.iterdir():
    image = nib.load(path)
    values = np.asarray(image.dataobj)
    bright = values > (3000 if values.max() > 255 else 200)
    # Turned, with an affine that says so.
    turned = nib.as_closest_canonical(nib.Nifti1Image(bright.astype(np.uint8), image.affine))
    nib.save(turned, written / path.name)
