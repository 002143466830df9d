"""The headers of a series that will be complete soon, read while it is only quiet.

Deciding on a series of 384 slices takes a second, of which reading and understanding the headers
is the most. They are used for the complete series if it has exactly the same instances.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from inference.input_selection.fitting_instances import fitting_instances
from inference.input_selection.study_inputs import inputs_of
from inference.model_registry.status import offered
from inference.pipeline import Pipeline, begins_early
from inference.scheduling.deciding import DecisionStorage
from inference.scheduling.header_slices import HeaderSlices
from inference.scheduling.schedule_one_series import Candidate, judge_series
from storage.core.entities import Instance, Series
from storage.core.sources import are_imported

# Some 20 KB each, in a process that does much else.
_INSTANCES_AT_MOST = 1_000
_KEPT_S = 30.0


class EarlyCandidate:
    """The last one; it leaves when it is taken, and after a while in any case."""

    def __init__(self) -> None:
        self._kept: Candidate | None = None
        self._until_s = 0.0
        self._slices = HeaderSlices()
        self.unfinished: Series | None = None
        """The series whose slice was over before all of it was read; to be read on."""

    def read(
        self,
        storage: DecisionStorage,
        series: Series,
        pipelines: Sequence[Pipeline] | None = None,
    ) -> None:
        """Read the headers, for a slice at most, and ask those pipelines that are asked early:
        values that somebody has asked for are understood then. What they answer is asked again."""
        self._kept = None
        goes_on, self.unfinished = series == self.unfinished, None
        if series.instance_count > _INSTANCES_AT_MOST:
            return
        if not goes_on:
            self._slices = HeaderSlices()
        instances = fitting_instances(
            storage.index, storage.instances, series.study_instance_uid, series.series_instance_uid
        )
        if len(instances) != series.instance_count or are_imported(instances):
            return  # it goes on growing, and is read when it is quiet again
        candidate = self._slices.read(storage.instances, series, instances)
        if candidate is None:
            self.unfinished = series
            return
        if candidate.unreadable:
            return
        for standing in offered(storage.settings, storage.model_states, pipelines):
            if begins_early(standing.pipeline) and not inputs_of(standing.pipeline):
                judge_series(candidate, standing)
        self._kept = candidate
        self._until_s = time.monotonic() + storage.settings.series_quiet_s + _KEPT_S

    def take(self, series: Series, instances: Sequence[Instance]) -> Candidate | None:
        """That of the series, if these are its instances, patient corrections included."""
        kept = self._kept
        if self.unfinished is not None and _uid(self.unfinished) == _uid(series):
            self.unfinished, self._slices = None, HeaderSlices()
        if kept is None or _uid(kept.series) != _uid(series):
            return None
        self._kept = None
        return replace(kept, series=series) if list(kept.instances) == list(instances) else None

    def forget_old(self) -> None:
        if time.monotonic() > self._until_s:
            self._kept = None


def _uid(series: Series) -> str:
    return series.series_instance_uid
