"""What of the storage layer the hub uses."""

from typing import Protocol

from storage.accounts.api_keys import ApiKeys
from storage.accounts.sessions import Sessions
from storage.container.has import (
    HasEngine,
    HasFindingFeedback,
    HasFindings,
    HasIndex,
    HasJobs,
    HasSettings,
)
from storage.fhircast.events import FhircastEvents
from storage.fhircast.subscriptions import FhircastSubscriptions
from storage.fhircast.topics import FhircastTopics


class HubStorage(HasSettings, HasEngine, Protocol):
    @property
    def fhircast_topics(self) -> FhircastTopics: ...
    @property
    def fhircast_events(self) -> FhircastEvents: ...
    @property
    def fhircast_subscriptions(self) -> FhircastSubscriptions: ...
    @property
    def api_keys(self) -> ApiKeys: ...
    @property
    def sessions(self) -> Sessions: ...


class SharingStorage(HubStorage, HasIndex, HasJobs, HasFindings, HasFindingFeedback, Protocol):
    """For events that the node makes of what it holds."""
