"""The pipelines on the shared T1-weighted head, beside what other programs give for it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import SimpleITK
from pydicom import dcmread

from benchmarks.verification.rows import Row
from inference.imaging.volume import assemble_volume
from inference.models.population import caveat_of
from inference.pipeline import PipelineContext
from inference.pipelines.brain.brain_volume import BrainVolume
from storage.settings import load_settings
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
    with TemporaryDirectory() as folder:
        pipeline = BrainVolume()
        if not pipeline.readiness().ready:
            return
        settings = load_settings(data_dir=Path(folder))
        output = pipeline.run(PipelineContext(settings, volume))
    (found,) = output.measurements
    yield Row(pipeline.name, kind, found.label.lower(), "cm³", _DEEPBET_CM3, found.value, 0.005,
              "deepbet's own command", True,
              caveat_of(pipeline.card.population, datasets[0]))  # fmt: skip
