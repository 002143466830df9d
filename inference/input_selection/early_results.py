"""What was read and computed of a series while it might still have grown.

Nothing of it is a result before a job takes it: the job asks as always whether the series is
complete and what it was made for, and takes only what was made of exactly its instances.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.imaging.stacks import SeriesStack
from inference.imaging.volume import Volume
from inference.pipeline_output import PipelineOutput
from storage.core.entities import Instance, Job

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True)
class EarlyResult:
    """`sources`: all instances of the series in the order of `instances`, without pixels."""

    pipeline: str
    pipeline_version: str
    instances: tuple[Instance, ...]
    sources: tuple[Dataset, ...]
    stack: SeriesStack
    """The one that was assembled."""
    volume: Volume
    output: PipelineOutput | None = None
    """None where the model has not run to its end."""
    notes: tuple[str, ...] = ()

    def is_for(self, job: Job) -> bool:
        """Whether job and result are of one series, and of the same version of a pipeline."""
        first = self.instances[0]
        return (
            (job.pipeline, job.pipeline_version) == (self.pipeline, self.pipeline_version)
            and job.study_instance_uid == first.study_instance_uid
            and job.series_instance_uid == first.series_instance_uid
        )


class EarlyResults:
    """The last one of this process; it leaves when it is taken, and after a while in any case."""

    def __init__(self) -> None:
        self._kept: EarlyResult | None = None
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def keep(self, result: EarlyResult, at_most_s: float) -> None:
        """In place of the one before, which another series may have left."""
        with self._lock:
            self._drop()
            self._kept = result
            self._timer = threading.Timer(at_most_s, self._forget, [result])
            self._timer.daemon = True
            self._timer.start()

    def take(self, job: Job) -> EarlyResult | None:
        """It is the job's alone from then on. One of another series is let go: it takes memory."""
        with self._lock:
            kept = self._kept
            self._drop()
        return kept if kept is not None and kept.is_for(job) else None

    def _forget(self, result: EarlyResult) -> None:
        with self._lock:
            if self._kept is result:
                self._drop()

    def _drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._kept = self._timer = None


EARLY = EarlyResults()
"""Of this process, which works on one job at a time."""


def drop_pixels(datasets: Sequence[Dataset]) -> None:
    """The voxels are in the volume now; keeping them twice would cost the model its memory."""
    for dataset in datasets:
        for keyword in _PIXELS:
            if keyword in dataset:
                del dataset[keyword]
