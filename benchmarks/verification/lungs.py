"""Both lungs of the shared chest CT, beside SimpleITK, and of a phantom with lungs in parts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import SimpleITK
from pydicom import dcmread

from benchmarks.verification.rows import Row
from inference.imaging.volume import assemble_volume
from inference.pipeline import PipelineContext
from inference.pipelines.chest.lung_density import LungDensity
from inference.volume_preparation.coverage import run_with_coverage
from storage.settings import load_settings
from tests.inference.chest import SPACING_MM, chest, volume_of
from tests.inference.cutting import cut
from tests.shared import SHARED

_BELOW_HU, _EMPHYSEMA_HU = -500, -950
_CLOSING_MM = 5.0
_MM3_IN_LITRE = 1e6
_CAVEAT = "SimpleITK's mask holds the large airways, the node's does not."


def lung_rows() -> Iterator[Row]:
    """Of the shared data nothing where they are not there."""
    yield from _in_parts()
    yield from _beside_clipped_air()
    folder = SHARED / "data/ct_chest_LIDC-IDRI-0001"
    if not folder.is_dir():
        return
    upwards = SimpleITK.ImageSeriesReader().GetGDCMSeriesFileNames(str(folder))
    whole = f"shared chest CT, {len(upwards)} slices"
    shuffled = sorted(upwards, key=lambda one: str(dcmread(one).SOPInstanceUID))
    yield from _beside(f"{whole}, shuffled", upwards, shuffled)
    yield from _beside("every second slice of it", upwards[::2], upwards[::2])
    yield from _beside("its lower 80 slices", None, upwards[:80])
    yield from _beside("its upper 80 slices", None, upwards[-80:])


def _in_parts() -> Iterator[Row]:
    """Plates of tissue, 18 mm high, part the left lung into two and the right one into three."""
    body = chest()
    k, _, i = np.indices(body.hu.shape)
    z, is_right = SPACING_MM[0] * k - 114.0, i < body.hu.shape[2] // 2
    plates = (np.abs(z + 40.0) < 9.0) | ((np.abs(z - 30.0) < 9.0) & is_right)
    body.hu[plates & (body.left | body.right)] = 20.0
    with TemporaryDirectory() as scratch:
        settings = load_settings(data_dir=Path(scratch))
        output = run_with_coverage(LungDensity(), PipelineContext(settings, volume_of(body)))
    measured = {one.label: one.value for one in output.measurements}
    for side, mask in (("Left", body.left), ("Right", body.right)):
        litres = np.count_nonzero(mask & ~plates) * float(np.prod(SPACING_MM)) / _MM3_IN_LITRE
        label = f"{side} lung volume"
        yield Row("lung-density", "phantom of a chest, lungs in several parts", label.lower(), "L",
                  litres, measured.get(label), 0.03, "construction", True, "")  # fmt: skip


def _beside_clipped_air() -> Iterator[Row]:
    """A bulla at a side of the images is clipped to -1024 HU, which they state as padding."""
    body = chest()
    middle, radius_mm = np.array([38.0, 75.0, 140.0]), 50.0
    away_mm = np.linalg.norm((np.indices(body.hu.shape).T - middle) * SPACING_MM, axis=-1).T
    body.hu[body.left & (away_mm < radius_mm) & (body.hu < -800)] = -1024.0
    part = cut(volume_of(body), 2, 0, 141)
    padded = replace(part, padding_ranges=np.full_like(part.padding_ranges, -1024.0))
    with TemporaryDirectory() as scratch:
        settings = load_settings(data_dir=Path(scratch))
        output = run_with_coverage(LungDensity(), PipelineContext(settings, padded))
    hu = SimpleITK.GetImageFromArray(part.voxels)
    aerated = SimpleITK.GetImageFromArray(body.left[:, :, :141].astype(np.uint8))
    aerated &= SimpleITK.BinaryThreshold(hu, -5000, _BELOW_HU)
    low = SimpleITK.Cast(SimpleITK.BinaryThreshold(hu, -5000, _EMPHYSEMA_HU), SimpleITK.sitkFloat32)
    share = SimpleITK.LabelIntensityStatisticsImageFilter()
    share.Execute(aerated, low)
    (found,) = [one for one in output.measurements if one.label == "Left lung LAA-950"]
    kind = "phantom of a chest cut off at its left, a bulla there clipped to the padding value"
    yield Row("lung-density", kind, found.label.lower(), "%", share.GetMean(1) * 100, found.value,
              0.3, "SimpleITK", False, found.validity.reason if found.validity else "")  # fmt: skip


def _beside(kind: str, reference: Sequence[str] | None, paths: Sequence[str]) -> Iterator[Row]:
    """Without a reference there must be no values of both lungs."""
    expected: dict[str, float] = {}
    if reference is not None:
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(reference)
        expected = _by_simpleitk(reader.Execute())
    with TemporaryDirectory() as scratch:
        settings = load_settings(data_dir=Path(scratch))
        volume = assemble_volume([dcmread(path) for path in paths])
        output = run_with_coverage(LungDensity(), PipelineContext(settings, volume))
    measured = {one.label: one.value for one in output.measurements}
    reasons = {one.validity.reason for one in output.measurements if one.validity is not None}
    caveat = " ".join(sorted(reasons))
    for label, unit, tolerance, is_relative in (
        ("Both lungs volume", "L", 0.05, True),
        ("Both lungs mean density", "HU", 10.0, False),
        ("Both lungs LAA-950", "%", 2.0, False),
    ):
        yield Row("lung-density", kind, label.lower(), unit, expected.get(label),
                  measured.get(label), tolerance, "SimpleITK" if expected else "construction",
                  is_relative, _CAVEAT if expected else caveat)  # fmt: skip


def _by_simpleitk(image: Any) -> dict[str, float]:
    """Air within the body, the two largest parts of it, closed by 5 mm for their vessels."""
    air = SimpleITK.BinaryThreshold(image, -5000, _BELOW_HU)
    inside = air & ~_at_sides(air)
    parts = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(inside), 250_000)
    lungs = SimpleITK.Cast((parts > 0) & (parts <= 2), SimpleITK.sitkUInt8)
    radius = [round(_CLOSING_MM / step) for step in image.GetSpacing()]
    closed = SimpleITK.BinaryMorphologicalClosing(lungs, radius)
    mask = SimpleITK.GetArrayViewFromImage(lungs) > 0
    hu = SimpleITK.GetArrayViewFromImage(image)[mask]
    voxels = float(np.count_nonzero(SimpleITK.GetArrayViewFromImage(closed)))
    return {
        "Both lungs volume": voxels * float(np.prod(image.GetSpacing())) / _MM3_IN_LITRE,
        "Both lungs mean density": float(hu.mean()),
        "Both lungs LAA-950": float((hu < _EMPHYSEMA_HU).mean() * 100),
    }


def _at_sides(air: Any) -> Any:
    """Air that reaches the sides of the images, slice by slice."""
    found = SimpleITK.GetArrayFromImage(air)
    outside = np.zeros_like(found)
    for k in range(len(found)):
        labels = SimpleITK.GetArrayFromImage(
            SimpleITK.ConnectedComponent(SimpleITK.GetImageFromArray(found[k]))
        )
        sides = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        outside[k] = np.isin(labels, np.unique(sides[sides > 0]))
    image = SimpleITK.GetImageFromArray(outside)
    image.CopyInformation(air)
    return image
