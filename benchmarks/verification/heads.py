"""The pipelines on the shared T1-weighted head, beside what other programs give for it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import SimpleITK
from pydicom import dcmread
from pydicom.dataset import Dataset

from benchmarks.verification.rows import Row
from benchmarks.verification.structures import resliced_head
from inference.imaging.volume import assemble_volume
from inference.models.population import caveat_of
from inference.pipeline import PipelineContext
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.volume_preparation.coverage import run_with_coverage
from storage.settings import load_settings
from tests import builders
from tests.shared import SHARED

# Of deepbet 1.0.2's own command on the NIfTI file that dcm2niix makes of the series.
_DEEPBET_CM3 = 1791.7


def head_rows() -> Iterator[Row]:
    """Nothing where the shared data are not there."""
    paths = sorted((SHARED / "data/mr_t1_head").glob("*"))
    if not paths:
        return
    datasets = [dcmread(path) for path in paths]
    volume = assemble_volume(datasets)
    kind = "shared T1 head, 384 slices"
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(paths[0].parent)))
    image = reader.Execute()
    theirs = SimpleITK.GetArrayFromImage(image)
    for quantity, unit, expected, measured in (
        ("voxel", "mm³", float(np.prod(image.GetSpacing())), volume.voxel_volume_mm3),
        ("mean grey value", "", float(theirs.mean()), float(volume.voxels.mean(dtype=np.float64))),
    ):
        yield Row("assembled volume", kind, quantity, unit, expected, measured, 1e-4,
                  "SimpleITK", True)  # fmt: skip
    axial = resliced_head(paths, builders.rotation(0, 0, 0))
    yield from _brain_rows(kind, datasets, _DEEPBET_CM3, 0.005)
    yield from _brain_rows("the same, axial, anisotropic", axial, _DEEPBET_CM3, 0.02)
    lower = axial[: len(axial) * 2 // 3]
    yield from _brain_rows("the same, axial, the lower two thirds", lower, None, 0.02)


def _brain_rows(
    kind: str, datasets: Sequence[Dataset], expected: float | None, tolerance: float
) -> Iterator[Row]:
    """Without an expected volume there must be no complete one."""
    pipeline = BrainVolume()
    if not pipeline.readiness().ready:
        return
    with TemporaryDirectory() as folder:
        settings = load_settings(data_dir=Path(folder))
        context = PipelineContext(settings, assemble_volume(datasets))
        output = run_with_coverage(pipeline, context)
    (found,) = output.measurements
    is_whole = found.validity is None or found.validity.state == "complete"
    outside = caveat_of(pipeline.card.population, datasets)
    caveat = found.validity.reason if found.validity is not None else ""
    source = "deepbet's own command on the stored head" if expected else "construction"
    yield Row(pipeline.name, kind, found.label.lower(), "cm³", expected,
              found.value if is_whole else None, tolerance, source, True,
              caveat or (outside.text if outside is not None else ""))  # fmt: skip
