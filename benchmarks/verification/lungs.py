"""Both lungs of the shared chest CT, beside thresholds and morphology of SimpleITK."""

from collections.abc import Iterator
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
from storage.settings import load_settings
from tests.shared import SHARED

_BELOW_HU, _EMPHYSEMA_HU = -500, -950
_CLOSING_MM = 5.0
_MM3_IN_LITRE = 1e6
_CAVEAT = "SimpleITK's mask holds the large airways, the node's does not."


def lung_rows() -> Iterator[Row]:
    """Nothing where the shared data are not there."""
    folder = SHARED / "data/ct_chest_LIDC-IDRI-0001"
    paths = sorted(folder.rglob("*.dcm")) or sorted(folder.glob("*"))
    if not paths:
        return
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(paths[0].parent)))
    image = reader.Execute()
    expected = _by_simpleitk(image)
    with TemporaryDirectory() as scratch:
        settings = load_settings(data_dir=Path(scratch))
        volume = assemble_volume([dcmread(path) for path in paths])
        output = LungDensity().run(PipelineContext(settings, volume))
    measured = {one.label: one.value for one in output.measurements}
    kind = f"shared chest CT, {len(paths)} slices"
    for label, unit, tolerance, is_relative in (
        ("Both lungs volume", "L", 0.05, True),
        ("Both lungs mean density", "HU", 10.0, False),
        ("Both lungs LAA-950", "%", 2.0, False),
    ):
        yield Row("lung-density", kind, label.lower(), unit, expected[label], measured[label],
                  tolerance, "SimpleITK", is_relative, _CAVEAT)  # fmt: skip


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
