"""Instances that go on as they arrive, before their series is complete.

Receiving knows nothing of it: a round looks at what lies in the index since the round before, and
what it misses, such as a row that was committed late, goes when the series is complete. What is
wanted is wanted once, no matter who asks (`storage.deliveries`).
"""

from typing import Protocol

from inference.routing.service import goes_on, of_kind, route_instances
from inference.rules.rule_set import RuleSet
from storage.container.has import (
    HasDeliveries,
    HasEngine,
    HasInstances,
    HasPeers,
    HasPriorFetches,
    HasWorklist,
)
from storage.routing.arriving import ArrivedOfSeries, ArrivingSeries, LookedAt

# Of one round, so that others get their turn.
_SERIES_AT_ONCE = 16
_INSTANCES_AT_ONCE = 256


class ArrivingStorage(
    HasEngine, HasInstances, HasWorklist, HasPeers, HasDeliveries, HasPriorFetches, Protocol
):
    """What of the storage layer is asked for what arrives."""


class ArrivingInstances:
    """Remembers between rounds how far each series was looked at."""

    def __init__(self, storage: ArrivingStorage) -> None:
        self._storage = storage
        self._arriving = ArrivingSeries(storage.engine)
        self._looked_at: dict[int, LookedAt] = {}

    def round(self, rules: RuleSet) -> int:
        """Want what arrived since the last round where rules send instances; how many.

        Without such a rule nothing is read. Raises StorageUnavailable, StorageFull.
        """
        asked = of_kind(rules, "instance")
        if not asked.routing:
            self._looked_at.clear()
            return 0
        receiving = self._arriving.receiving()
        known = self._looked_at
        self._looked_at = {one: known.get(one, LookedAt()) for one in receiving}
        news = [
            one
            for one, last_instance_at in receiving.items()
            if self._looked_at[one].last_instance_at != last_instance_at
        ]
        wanted = 0
        for series_id in news[:_SERIES_AT_ONCE]:
            found = self._arriving.arrived(
                receiving, self._looked_at[series_id], series_id, _INSTANCES_AT_ONCE
            )
            if found is not None:
                wanted += self._want(found, asked, rules)
                self._looked_at[series_id] = found.looked_at
        return wanted

    def _want(self, found: ArrivedOfSeries, asked: RuleSet, rules: RuleSet) -> int:
        storage = self._storage
        if not found.instances or not goes_on(
            storage.prior_fetches, found.series.study_instance_uid
        ):
            return 0
        return route_instances(
            storage.instances,
            storage.worklist,
            storage.deliveries,
            storage.peers,
            found.series,
            found.instances,
            asked,
            rules,
        )
