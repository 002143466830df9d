"""A stored series as a session has it in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.fitting_instances import fitting_instances
from inference.input_selection.selection import select_stack
from inference.interactive.models import ClickModel
from inference.refusals import VolumeRefused
from inference.volume_preparation.tilt import resamples_tilt
from storage.core.errors import StateConflict
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True)
class LoadedSeries:
    """`sources`: the instances of the volume, without their pixels."""

    sources: Sequence[Dataset]
    volume: Volume
    fingerprint: str


def load_series(
    index: Index,
    instance_reader: InstanceReader,
    study_instance_uid: str,
    series_instance_uid: str,
    model: ClickModel,
) -> LoadedSeries:
    """Raises NotFound, VolumeRefused where the model does not take it, InstanceDamaged."""
    series = index.series(study_instance_uid, series_instance_uid)
    instances = fitting_instances(index, instance_reader, study_instance_uid, series_instance_uid)
    datasets = list(instance_reader.datasets(instances))
    found = select_stack(
        instances, datasets, lambda some, headers: model.accepts(series, some, headers)
    )
    if not found.acceptance.accepted:
        raise VolumeRefused(f"{model.title} does not take the series. {found.acceptance.reason}")
    sources = found.stack.of(datasets)
    volume = assemble_volume(sources, found.stack.frame_indices, tilted=resamples_tilt(model))
    for dataset in datasets:
        for keyword in _PIXELS:
            if keyword in dataset:
                del dataset[keyword]
    return LoadedSeries(sources, volume, series.fingerprint)


def check_unchanged(index: Index, loaded: LoadedSeries) -> None:
    """Raises NotFound, and StateConflict where images came or went since."""
    volume = loaded.volume
    now = index.series(volume.study_instance_uid, volume.series_instance_uid)
    if now.fingerprint != loaded.fingerprint:
        raise StateConflict(
            "The series has changed since the session was opened.",
            remedy="Open another session on the series as it is now.",
        )
