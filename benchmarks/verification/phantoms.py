"""Series with a bright ellipsoid in them, written in every way that a scanner writes one.

SimpleITK reads the same files with GDCM and computes volume and place, pydicom the brightness; the
node assembles them itself.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_rescale

from benchmarks.verification.rows import Row
from inference.imaging.volume import assemble_volume
from inference.refusals import VolumeRefused
from inference.volume_preparation.coverage import cut_off_at
from tests import builders

SHAPE = (24, 40, 36)
_BRIGHT, _DARK, _THRESHOLD = 900, 100, 500
_ITK = "SimpleITK"
_VOLUME_MM3, _PLACE_MM, _BRIGHTNESS = 0.001, 0.01, 0.01
"""cm³ relative, mm and grey values absolute: positions are decimals of 16 characters."""

_Made = Callable[[], list[Dataset]]


def ellipsoid(centre: tuple[float, float, float] = (11.0, 19.0, 15.0)) -> NDArray[np.int16]:
    """Off the middle, so that a flip shows."""
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    inside = (
        ((k - centre[0]) / 7) ** 2 + ((j - centre[1]) / 12) ** 2 + ((i - centre[2]) / 9) ** 2
    ) <= 1
    return np.where(inside, _BRIGHT, _DARK).astype(np.int16)


def _signed() -> list[Dataset]:
    return builders.series(ellipsoid() - 1000, slope=1.0, intercept=1000.0, modality="CT")


def _rescaled_per_slice() -> list[Dataset]:
    """As PET writes it: each slice with a slope of its own."""
    datasets = builders.series(ellipsoid(), modality="CT")
    for number, dataset in enumerate(datasets):
        slope = 1 + number / 8
        stored = np.round(dataset.pixel_array / slope).astype(np.int16)
        dataset.PixelData = stored.tobytes()
        dataset.RescaleSlope = f"{slope:g}"
    return datasets


def _flipped() -> list[Dataset]:
    turned = np.diag([-1.0, 1.0, -1.0])
    return builders.series(ellipsoid(), directions=turned)


KINDS: dict[str, _Made] = {
    "axial": lambda: builders.series(ellipsoid()),
    "coronal": lambda: builders.series(ellipsoid(), directions=builders.rotation(np.pi / 2, 0, 0)),
    "sagittal": lambda: builders.series(
        ellipsoid(), directions=builders.rotation(np.pi / 2, np.pi / 2, 0)
    ),
    "oblique": lambda: builders.series(ellipsoid(), directions=builders.rotation(0.3, -0.2, 0.4)),
    "anisotropic": lambda: builders.series(ellipsoid(), spacing_mm=(5.0, 0.4, 1.3)),
    "flipped": _flipped,
    "shuffled": lambda: sorted(_signed(), key=lambda one: str(one.SOPInstanceUID)),
    "signed": _signed,
    "rescaled in each slice": _rescaled_per_slice,
    "from feet to head": lambda: builders.series(ellipsoid())[::-1],
}


def phantom_rows(folder: Path) -> Iterator[Row]:
    """Volume, centre and brightness of the ellipsoid, for each kind of series."""
    for kind, make in KINDS.items():
        datasets = make()
        theirs = _by_itk(builders.write(datasets, folder / kind.replace(" ", "-")))
        ours = _by_us(datasets)
        for quantity, unit, tolerance, is_relative in (
            ("volume", "cm³", _VOLUME_MM3, True),
            ("centre, to the left", "mm", _PLACE_MM, False),
            ("centre, to the back", "mm", _PLACE_MM, False),
            ("centre, to the head", "mm", _PLACE_MM, False),
            ("mean grey value", "", _BRIGHTNESS, False),
        ):
            source = "pydicom" if quantity == "mean grey value" else _ITK
            yield Row(
                "assembled volume", kind, quantity, unit, theirs[quantity], ours[quantity],
                tolerance, source, is_relative,
            )  # fmt: skip
    yield from _awkward_rows()


def _awkward_rows() -> Iterator[Row]:
    """What must not give a plain number: a truncated structure, and series that are no volume."""
    for kind, centre in (("whole", (11.0, 19.0, 15.0)), ("truncated", (3.0, 19.0, 15.0))):
        volume = assemble_volume(builders.series(ellipsoid(centre)))
        sides = cut_off_at(volume.voxels > _THRESHOLD, volume.lps_from_kji)
        yield Row(
            "coverage", kind, "sides cut off", "", float(kind == "truncated"), float(len(sides)),
            0, "construction", caveat=f"cut off: {', '.join(sides)}" if sides else "",
        )  # fmt: skip
    plain = builders.series(ellipsoid())
    for kind, datasets in (
        ("a slice missing", plain[:10] + plain[11:]),
        ("a slice twice", [*plain, builders.moved(plain[4], (0, 0, 0))]),
        ("gantry tilt", [builders.moved(ds, (0, 0.9 * k, 0)) for k, ds in enumerate(plain)]),
    ):
        try:
            measured: float | None = assemble_volume(datasets).voxel_volume_mm3
            caveat = ""
        except VolumeRefused as refusal:
            measured, caveat = None, refusal.message
        yield Row("assembled volume", kind, "volume", "cm³", None, measured, 0, "construction",
                  caveat=caveat)  # fmt: skip


def _by_us(datasets: Sequence[Dataset]) -> dict[str, float]:
    volume = assemble_volume(datasets)
    mask = volume.voxels > _THRESHOLD
    centre = volume.lps_from_kji @ np.append(np.argwhere(mask).mean(axis=0), 1.0)
    return _named(
        mask.sum() * volume.voxel_volume_mm3 / 1000, centre[:3], volume.voxels[mask].mean()
    )


def _by_itk(paths: Sequence[Path]) -> dict[str, float]:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(paths[0].parent)))
    image = SimpleITK.Cast(reader.Execute(), SimpleITK.sitkFloat64)
    mask = SimpleITK.BinaryThreshold(image, _THRESHOLD, 1e6, 1, 0)
    shape = SimpleITK.LabelShapeStatisticsImageFilter()
    shape.Execute(mask)
    # GDCM gives all slices the type of the first; pydicom rescales each.
    slices = (dcmread(path) for path in paths)
    grey = np.stack([apply_rescale(one.pixel_array, one) for one in slices])
    mean = float(grey[grey > _THRESHOLD].mean())
    return _named(shape.GetPhysicalSize(1) / 1000, shape.GetCentroid(1), mean)


def _named(volume_cm3: float, centre: Sequence[float], grey: float) -> dict[str, float]:
    left, back, head = (float(one) for one in centre)
    return {
        "volume": float(volume_cm3),
        "centre, to the left": left,
        "centre, to the back": back,
        "centre, to the head": head,
        "mean grey value": float(grey),
    }
