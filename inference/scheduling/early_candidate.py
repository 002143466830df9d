"""The headers of a series that will be complete soon, read while it is only quiet.

Deciding on a series of 384 slices takes a second, of which reading and understanding the headers
is the most. They are used for the complete series if it has exactly the same instances.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

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

    def read(
        self,
        storage: DecisionStorage,
        series: Series,
        pipelines: Sequence[Pipeline] | None = None,
    ) -> None:
        """Read the headers, and ask those pipelines that are asked early: values that somebody
        has asked for are understood then. What they answer is asked again."""
        self._kept = None
        if series.instance_count > _INSTANCES_AT_MOST:
            return
        instances = storage.index.instances_of(
            series.study_instance_uid, series.series_instance_uid
        )
        if not instances or are_imported(instances):
            return
        candidate = HeaderSlices().read(storage.instances, series, instances)
        if candidate is None or candidate.unreadable:
            return  # what takes long is read in slices once it is complete
        for standing in offered(storage.settings, storage.model_states, pipelines):
            if begins_early(standing.pipeline) and not inputs_of(standing.pipeline):
                judge_series(candidate, standing)
        self._kept = candidate
        self._until_s = time.monotonic() + storage.settings.series_quiet_s + _KEPT_S

    def take(self, series: Series, instances: Sequence[Instance]) -> Candidate | None:
        """That of the series, if these are its instances, patient corrections included."""
        kept = self._kept
        if kept is None or kept.series.series_instance_uid != series.series_instance_uid:
            return None
        self._kept = None
        return replace(kept, series=series) if list(kept.instances) == list(instances) else None

    def forget_old(self) -> None:
        if time.monotonic() > self._until_s:
            self._kept = None
