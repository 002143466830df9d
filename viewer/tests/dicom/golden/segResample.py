"""Makes segResample.json: what SimpleITK finds where a segmentation of another grid lies on images.

Run from the repository's root: .venv/bin/python viewer/tests/dicom/golden/segResample.py
"""

import json
from pathlib import Path

import numpy as np
import SimpleITK
from scipy.spatial.transform import Rotation

SEG_SIZE = (9, 7, 5)  # columns, rows, planes
SEG_SPACING = (2.0, 2.6, 3.5)
SEG_ORIGIN = (-7.0, -6.5, -6.0)
IMAGE_SIZE = (16, 14, 8)
IMAGE_SPACING = (1.3, 1.1, 2.1)
IMAGE_ORIGIN = (-9.0, -8.0, -7.5)


def directions(*degrees: float) -> np.ndarray:
    return Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()


def volume(values: np.ndarray, spacing, origin, direction) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction.ravel())
    return image


def main() -> None:
    seg_direction, image_direction = directions(20, -15, 30), directions(-5, 8, -12)
    numbers = np.random.default_rng(7)
    binary = (numbers.random(SEG_SIZE[::-1]) > 0.5).astype(np.uint8)
    fractions = numbers.integers(0, 201, SEG_SIZE[::-1]).astype(np.uint8)
    target = volume(
        np.zeros(IMAGE_SIZE[::-1], np.uint8), IMAGE_SPACING, IMAGE_ORIGIN, image_direction
    )

    def resampled(values: np.ndarray, how: int) -> np.ndarray:
        source = volume(values.astype(np.float64), SEG_SPACING, SEG_ORIGIN, seg_direction)
        return SimpleITK.GetArrayFromImage(
            SimpleITK.Resample(
                source, target, SimpleITK.Transform(), how, 0.0, SimpleITK.sitkFloat64
            )
        )

    nearest = resampled(binary, SimpleITK.sitkNearestNeighbor) > 0.5
    mostly = resampled(fractions, SimpleITK.sitkLinear) > 100
    made = {
        "seg": {
            "size": SEG_SIZE,
            "spacing": SEG_SPACING,
            "origin": SEG_ORIGIN,
            "direction": seg_direction.round(12).tolist(),
            "binary": binary.reshape(SEG_SIZE[2], -1).tolist(),
            "fractions": fractions.reshape(SEG_SIZE[2], -1).tolist(),
        },
        "image": {
            "size": IMAGE_SIZE,
            "spacing": IMAGE_SPACING,
            "origin": IMAGE_ORIGIN,
            "direction": image_direction.round(12).tolist(),
        },
        "nearest": nearest.astype(int).reshape(IMAGE_SIZE[2], -1).tolist(),
        "mostly": mostly.astype(int).reshape(IMAGE_SIZE[2], -1).tolist(),
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
