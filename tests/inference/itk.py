"""The other reader: SimpleITK (GDCM) on the same files."""

from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray


def read_series(folder: Path) -> SimpleITK.Image:
    """A folder with one series, as SimpleITK sorts and reads it."""
    reader = SimpleITK.ImageSeriesReader()
    (series_id,) = reader.GetGDCMSeriesIDs(str(folder))
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), series_id))
    return reader.Execute()


def lps_from_kji(image: SimpleITK.Image) -> NDArray[np.float64]:
    """The affine of an image of SimpleITK, for zero-based (k, j, i)."""
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine = np.eye(4)
    affine[:3, :3] = (direction * np.array(image.GetSpacing()))[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return affine


def corners(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The eight corner indices (k, j, i, 1) of a grid, one a column."""
    ends = [(0, n - 1) for n in shape]
    return np.array([[k, j, i, 1.0] for k in ends[0] for j in ends[1] for i in ends[2]]).T
