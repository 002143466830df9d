"""Ask the rules of routing about what is complete, once, and want it at their destinations.

What is owed lies in the index (`storage.routing`), so a process that dies in between delays an
instance and never loses it. An instance does not go back to the peer from which it came.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from inference.deliveries.terms import HoursWatch
from inference.patient_identity.cross_references import want_cross_references
from inference.priors.triggers import TriggerStorage, want_for_series
from inference.routing.arriving import ArrivingInstances
from inference.routing.service import goes_on, of_kind, route_series, route_study
from inference.rules.file import current_rules
from inference.rules.rule_set import RuleSet
from storage.container.has import HasDeliveries, HasEngine, HasRouting, HasSeriesTries, HasSettings
from storage.core.entities import Series
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable

log = structlog.get_logger(__name__)

# Of one round, so that others get their turn.
_SERIES_AT_ONCE = 16
_STUDIES_AT_ONCE = 4
_TRY_LATER_S = 60.0
# Older series are looked at in the first rounds of a process.
_RECENT = timedelta(days=1)


class RoutingRoundStorage(
    TriggerStorage,
    HasSettings,
    HasEngine,
    HasDeliveries,
    HasRouting,
    HasSeriesTries,
    Protocol,
):
    """What of the storage layer routing and the fetching of earlier studies begin with."""


class RoutingRounds:
    """Remembers between rounds what could not be read, and until when it is left alone."""

    def __init__(
        self,
        storage: RoutingRoundStorage,
        study_completed: Callable[[str, RuleSet, datetime], object] = lambda *_: None,
    ) -> None:
        """`study_completed`: what else is asked of rules when all of a study is there, by its
        StudyInstanceUID, the rules and the time."""
        self._storage = storage
        self._study_completed = study_completed
        self._postponed: dict[str, float] = {}
        self._looked_at_everything = False
        self._hours = HoursWatch(storage)
        self._arriving = ArrivingInstances(storage)

    def look_at_everything(self) -> None:
        """Also at what was complete long ago: at first, and when the clock is set."""
        self._looked_at_everything = False

    def round(self, now: datetime) -> int:
        """Send on what the rules say, of series and studies that became complete; how many
        instances.

        Raises InvalidRequest where the rules are wrong: what is complete then waits for them.
        """
        storage = self._storage
        rules = current_rules(storage.settings)
        self._hours.follow(rules)
        since = now - _RECENT if self._looked_at_everything else None
        later = time.monotonic()
        self._postponed = {uid: until for uid, until in self._postponed.items() if until > later}
        due_at = now + timedelta(seconds=storage.settings.study_quiet_s)
        wanted = self._of_arriving(rules)
        has_study_rules = bool(of_kind(rules, "study").routing or rules.deidentification)
        found = storage.routing.waiting_series(_SERIES_AT_ONCE, since, self._postponed)
        for series in found:
            try:
                want_cross_references(storage, series)
                if rules.priors or rules.routing:
                    with storage.series_tries.trying(series):
                        wanted += self._look_at(series, rules)
            except (StorageFull, StorageUnavailable) as error:
                self._try_later(series.series_instance_uid, error)
            else:
                storage.routing.looked_at([series], due_at if has_study_rules else None)
        # Only once nothing is left of what was there before.
        self._looked_at_everything |= len(found) < _SERIES_AT_ONCE and not self._postponed
        for uid in storage.routing.due_studies(now, _STUDIES_AT_ONCE, self._postponed):
            try:
                if goes_on(storage.prior_fetches, uid):
                    wanted += route_study(
                        storage.index,
                        storage.instances,
                        storage.worklist,
                        storage.deliveries,
                        storage.peers,
                        uid,
                        rules,
                    )
                    self._study_completed(uid, rules, now)
            except (StorageFull, StorageUnavailable) as error:
                self._try_later(uid, error)
            else:
                storage.routing.study_looked_at(uid, now)
        return wanted

    def _of_arriving(self, rules: RuleSet) -> int:
        try:
            return self._arriving.round(rules)
        except (StorageFull, StorageUnavailable) as error:
            # What is missed goes when its series is complete.
            log.warning("not_routed", error=error.code)
            return 0

    def _look_at(self, series: Series, rules: RuleSet) -> int:
        storage = self._storage
        want_for_series(storage, series, rules)
        if not goes_on(storage.prior_fetches, series.study_instance_uid):
            return 0
        return route_series(
            storage.index,
            storage.instances,
            storage.worklist,
            storage.deliveries,
            storage.peers,
            series,
            rules,
        )

    def _try_later(self, uid: str, error: MediViewError) -> None:
        """The others may lie elsewhere, and do not wait for it."""
        log.warning("not_routed", uid=uid, error=error.code)
        self._postponed[uid] = time.monotonic() + _TRY_LATER_S
        # It may be of long ago when it can be read again.
        self._looked_at_everything = False
