"""Writes tests/golden/dcmrtstruct2nii.json: what another program reads in our contours.

It wants a pydicom that the node does not run with, hence a virtual environment of its own:

    python3 -m venv /tmp/rt && /tmp/rt/bin/pip install dcmrtstruct2nii==5 'pydicom<3'
    python -m tests.inference.results.rtstruct_golden /tmp/rt/bin/dcmrtstruct2nii
"""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests import builders
from tests.inference.results.oblique_structures import MASKS, SHAPE, written_structures
from tests.inference.results_support import save

GOLDEN = Path(__file__).parents[2] / "golden" / "dcmrtstruct2nii.json"


def digest_of(structures: Dataset) -> str:
    """Of all points that the contours have, as they are written."""
    found = hashlib.sha256()
    for roi in structures.ROIContourSequence:
        for contour in roi.ContourSequence:
            found.update("\\".join(map(str, contour.ContourData)).encode() + b"\n")
    return found.hexdigest()


def packed(mask: NDArray[np.bool_]) -> str:
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


def unpacked(text: str) -> NDArray[np.bool_]:
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return np.unpackbits(bits)[: int(np.prod(SHAPE))].astype(bool).reshape(SHAPE)


def main(program: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources, structures, _ = written_structures()
        (folder / "study").mkdir()
        builders.write(sources, folder / "study")
        save(structures, folder / "structures.dcm")
        command = ["convert", "-r", "structures.dcm", "-d", "study", "-o", "masks"]
        subprocess.run([program, *command], cwd=folder, check=True)
        found = {}
        for label in MASKS:
            image = SimpleITK.ReadImage(str(folder / "masks" / f"mask_{label}.nii.gz"))
            mask = SimpleITK.GetArrayFromImage(image) > 0
            centre = [float(index) for index in np.argwhere(mask).mean(axis=0)[::-1]]
            found[label] = {
                "voxels": packed(mask),
                "volume_mm3": float(mask.sum() * np.prod(image.GetSpacing())),
                "centroid_lps_mm": image.TransformContinuousIndexToPhysicalPoint(centre),
            }
    made = {
        "program": "dcmrtstruct2nii 5",
        "command": f"dcmrtstruct2nii {' '.join(command)}",
        "contours_sha256": digest_of(structures),
        "structures": found,
    }
    GOLDEN.write_text(json.dumps(made, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
