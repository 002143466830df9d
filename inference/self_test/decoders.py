"""A decoder for each transfer syntax that images arrive in, on a picture of known values."""

from __future__ import annotations

import base64
from importlib import resources
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID, RLELossless

from inference.self_test.failure import ComponentFailed

_SIDE = 64
# Baseline JPEG is lossy (PS3.5 A.4.1): by one grey level for this picture.
_TOLERANCE = {"1.2.840.10008.1.2.4.50": 2}
_DESCRIPTION: dict[str, Any] = {
    "rows": _SIDE,
    "columns": _SIDE,
    "number_of_frames": 1,
    "samples_per_pixel": 1,
    "bits_allocated": 8,
    "bits_stored": 8,
    "pixel_representation": 0,
    "photometric_interpretation": "MONOCHROME2",
    "pixel_keyword": "PixelData",
}


def expected_pixels() -> NDArray[np.uint8]:
    """The picture of `samples.yaml`: uint8, shape (64, 64), a ramp down and to the right."""
    return np.add.outer(np.arange(_SIDE) * 2, np.arange(_SIDE)).astype(np.uint8)


def encoded_samples() -> dict[UID, bytes]:
    """One encoded frame for each transfer syntax."""
    text = resources.files("inference.self_test").joinpath("samples.yaml").read_text("ascii")
    frames = {UID(uid): base64.b64decode(frame) for uid, frame in yaml.safe_load(text).items()}
    rle = get_encoder(RLELossless).encode(expected_pixels().tobytes(), **_DESCRIPTION)
    return {**frames, RLELossless: rle}


def check_decoders() -> str:
    """Decode each sample. Raises ComponentFailed naming each syntax that is decoded wrong."""
    wrong: list[str] = []
    samples = encoded_samples()
    for uid, frame in samples.items():
        try:
            pixels, _ = get_decoder(uid).as_array(encapsulate([frame]), **_DESCRIPTION)
        except (RuntimeError, ValueError, ImportError, OSError) as error:
            wrong.append(f"{uid.name}: {error}")
            continue
        off_by = np.abs(pixels.astype(int) - expected_pixels()).max()
        if off_by > _TOLERANCE.get(uid, 0):
            wrong.append(f"{uid.name}: values differ by up to {off_by}")
    if wrong:
        raise ComponentFailed(
            f"Images in these transfer syntaxes cannot be shown or measured: {'; '.join(wrong)}."
        )
    return f"{len(samples)} compressed transfer syntaxes decoded right"
