"""What a worker does about earlier studies each time it is woken."""

from collections.abc import Callable
from typing import Protocol

from storage.container.has import (
    HasAudit,
    HasIndex,
    HasIngest,
    HasPatientChanges,
    HasPeers,
    HasPriorFetches,
    HasPriorPause,
    HasPriorSearches,
    HasSettings,
    HasWorklist,
)


class PriorStorage(
    HasSettings,
    HasIndex,
    HasIngest,
    HasPatientChanges,
    HasPeers,
    HasPriorSearches,
    HasPriorFetches,
    HasPriorPause,
    HasWorklist,
    HasAudit,
    Protocol,
):
    """What of the storage layer earlier studies are found and fetched with."""


def search_and_fetch_due(
    storage: PriorStorage, owner: str, stopping: Callable[[], bool] = lambda: False
) -> None:
    """Ask archives first: that takes a moment, a study minutes."""
    # With what speaks to archives, which a process needs only where there is something to fetch.
    from inference.priors.fetch import fetch_due
    from inference.priors.search import search_due

    is_paused = storage.prior_pause.since() is not None
    if not is_paused:
        search_due(storage, owner, stopping)
    fetch_due(storage, owner, stopping, for_persons=is_paused)
