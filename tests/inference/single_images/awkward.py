"""A film that is awkward in all that matters to where a heat map lies, and its heat by hand."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests.inference.films import film

WIDE = {"ImagerPixelSpacing": [0.4, 0.2]}
SHUTTER = {
    "ShutterShape": "RECTANGULAR",
    "ShutterLeftVerticalEdge": 41,
    "ShutterRightVerticalEdge": 280,
    "ShutterUpperHorizontalEdge": 21,
    "ShutterLowerHorizontalEdge": 200,
}
UPRIGHT = {"orientation": ("L", "F"), "resize": {"size": (120, 120), "fit": "pad"}}
TURNED = {"channels": 1, **UPRIGHT}
"""`model.image` of the card that `heat_by_hand` is of."""


def awkward_film(name: str) -> tuple[Dataset, NDArray[np.float64]]:
    """A film that lies on its head and side, in MONOCHROME1, with a shutter and pixels twice as
    high as wide; and what of it is bright, from 0 to 1 of the window, behind its shutter 0."""
    grey = np.full((240, 320), 0.4)
    grey[65:85, 85:115] = 0.9
    grey[150:170, 210:230] = 0.7
    grey[2:18, 130:150] = 1.0  # behind the shutter
    pixels = np.rint((1.0 - grey) * 4095).astype(np.uint16)
    dataset = film(
        name,
        pixels=pixels,
        PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape="INVERSE",
        PatientOrientation=["H", "R"],
        WindowCenter=2048,
        WindowWidth=4096,
        **WIDE,
        **{**SHUTTER, "ShutterLeftVerticalEdge": 49, "ShutterRightVerticalEdge": 272},
    )
    grey[:20], grey[200:], grey[:, :48], grey[:, 272:] = 0, 0, 0, 0
    return dataset, grey


def heat_by_hand(grey: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """The probability of what `bright_classifier` sees in it with a card of TURNED and a grid of
    4, and how far it falls for each pixel of the film that was sent."""
    # Upright, 320 rows of 0.2 mm and 240 columns of 0.4 mm become 80 and 120 of 120 by 120.
    seen = np.zeros((120, 120))
    seen[20:100] = grey.T[::-1, ::-1].reshape(80, 4, 120, 2).mean(axis=(1, 3))
    first = _probability(seen.mean())
    parts = seen.reshape(4, 30, 4, 30).sum(axis=(1, 3))
    falls = first - _probability((seen.sum() - parts) / seen.size)
    upright = falls.repeat(30, axis=0).repeat(30, axis=1)[20:100].repeat(4, axis=0)
    return float(first), upright.repeat(2, axis=1)[::-1, ::-1].T


def _probability(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-(10 * mean - 1))))
