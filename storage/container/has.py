"""Members of the container, one each, for the Protocols of the functions that use several."""

from typing import Protocol, Self

from sqlalchemy import Engine

from storage.access_groups.decisions import AccessDecisions
from storage.access_groups.repository import AccessGroups
from storage.audit import Audit
from storage.commitment.requests import CommitmentRequests
from storage.deletion.service import Deletions
from storage.deliveries.circuit_breaker import CircuitBreakers
from storage.deliveries.repository import Deliveries
from storage.events.repository import Events
from storage.fhir_subscriptions.repository import FhirSubscriptions
from storage.findings.feedback import FindingFeedback
from storage.findings.feedback_reports import FeedbackReports
from storage.findings.repository import Findings
from storage.hosts.repository import Hosts
from storage.idempotency.repository import IdempotencyKeys
from storage.index.expected_instances import Expectations
from storage.index.patient_studies import PatientStudies
from storage.index.repository import Index
from storage.ingest.generated import GeneratedInstances
from storage.ingest.service import Ingest
from storage.integrity.instance_reader import InstanceReader
from storage.integrity.repository import DamagedInstances
from storage.interactive.repository import InteractiveSessions
from storage.jobs.acceptance_decisions import AcceptanceDecisions
from storage.jobs.repository import Jobs
from storage.jobs.series_tries import SeriesTries
from storage.jobs.withdrawals import Withdrawals
from storage.language.repository import Answers
from storage.lesions.repository import Lesions
from storage.model_registry.registry import ModelStates
from storage.model_registry.shadow_runs import ShadowRuns
from storage.model_registry.trials import ModelTrials
from storage.objects.store import ObjectStore
from storage.patient_identity.repository import PatientChanges
from storage.peers.notifications import PeerNotifications
from storage.peers.repository import Peers
from storage.priors.fetches import PriorFetches
from storage.priors.pause import PriorPause
from storage.priors.searches import PriorSearches
from storage.processes.components import Components
from storage.processes.heartbeats import Heartbeats
from storage.rejection_notes.repository import RejectionNotes
from storage.reports.critical_alerts import CriticalAlerts
from storage.reports.readers import StudyReaders
from storage.reports.repository import Reports
from storage.retention.disk import DiskSamples
from storage.retention.obligations import Obligations
from storage.retention.repository import StudyRetention
from storage.retention.study_attributes import StudyAttributesReader
from storage.retention.uses import StudyUses
from storage.retrospective_runs.repository import RetrospectiveRuns
from storage.routing.repository import Routing
from storage.settings import Settings
from storage.studies.urgency import Urgencies
from storage.uploads.repository import Uploads
from storage.ups.claimed_elsewhere import ClaimedElsewhere
from storage.volumes.writer import VolumeWriter
from storage.webhooks.outbox import WebhookOutbox
from storage.worklist.repository import Worklist


class HasSettings(Protocol):
    @property
    def settings(self) -> Settings: ...


class HasEngine(Protocol):
    @property
    def engine(self) -> Engine: ...


class HasIndex(Protocol):
    @property
    def index(self) -> Index: ...


class HasInstances(Protocol):
    @property
    def instances(self) -> InstanceReader: ...


class HasOtherInstances(HasInstances, Protocol):
    def with_instances(self, instances: InstanceReader) -> Self:
        """The same, whose instances are read by that reader."""


class HasDamaged(Protocol):
    @property
    def damaged(self) -> DamagedInstances: ...


class HasObjects(Protocol):
    @property
    def objects(self) -> ObjectStore: ...


class HasGenerated(Protocol):
    @property
    def generated(self) -> GeneratedInstances: ...


class HasJobs(Protocol):
    @property
    def jobs(self) -> Jobs: ...


class HasRetrospectiveRuns(Protocol):
    @property
    def retrospective_runs(self) -> RetrospectiveRuns: ...


class HasSeriesTries(Protocol):
    @property
    def series_tries(self) -> SeriesTries: ...


class HasAcceptanceDecisions(Protocol):
    @property
    def acceptance_decisions(self) -> AcceptanceDecisions: ...


class HasFindings(Protocol):
    @property
    def findings(self) -> Findings: ...


class HasLesions(Protocol):
    @property
    def lesions(self) -> Lesions: ...


class HasWithdrawals(Protocol):
    @property
    def withdrawals(self) -> Withdrawals: ...


class HasFindingFeedback(Protocol):
    @property
    def finding_feedback(self) -> FindingFeedback: ...


class HasFeedbackReports(Protocol):
    @property
    def feedback_reports(self) -> FeedbackReports: ...


class HasReports(Protocol):
    @property
    def reports(self) -> Reports: ...


class HasPatientStudies(Protocol):
    @property
    def patient_studies(self) -> PatientStudies: ...


class HasCriticalAlerts(Protocol):
    @property
    def critical_alerts(self) -> CriticalAlerts: ...


class HasDeliveries(Protocol):
    @property
    def deliveries(self) -> Deliveries: ...


class HasCircuitBreakers(Protocol):
    @property
    def circuit_breakers(self) -> CircuitBreakers: ...


class HasPriorSearches(Protocol):
    @property
    def prior_searches(self) -> PriorSearches: ...


class HasPriorFetches(Protocol):
    @property
    def prior_fetches(self) -> PriorFetches: ...


class HasPeers(Protocol):
    @property
    def peers(self) -> Peers: ...


class HasWorklist(Protocol):
    @property
    def worklist(self) -> Worklist: ...


class HasModelStates(Protocol):
    @property
    def model_states(self) -> ModelStates: ...


class HasShadowRuns(Protocol):
    @property
    def shadow_runs(self) -> ShadowRuns: ...


class HasModelTrials(Protocol):
    @property
    def model_trials(self) -> ModelTrials: ...


class HasAudit(Protocol):
    @property
    def audit(self) -> Audit: ...


class HasIngest(Protocol):
    @property
    def ingest(self) -> Ingest: ...


class HasVolumes(Protocol):
    @property
    def volumes(self) -> VolumeWriter: ...


class HasHosts(Protocol):
    @property
    def hosts(self) -> Hosts: ...


class HasCommitmentRequests(Protocol):
    @property
    def commitment_requests(self) -> CommitmentRequests: ...


class HasRetention(Protocol):
    @property
    def retention(self) -> StudyRetention: ...


class HasStudyAttributes(Protocol):
    @property
    def study_attributes(self) -> StudyAttributesReader: ...


class HasStudyUses(Protocol):
    @property
    def study_uses(self) -> StudyUses: ...


class HasObligations(Protocol):
    @property
    def obligations(self) -> Obligations: ...


class HasDiskSamples(Protocol):
    @property
    def disk_samples(self) -> DiskSamples: ...


class HasDeletions(Protocol):
    @property
    def deletions(self) -> Deletions: ...


class HasRouting(Protocol):
    @property
    def routing(self) -> Routing: ...


class HasHeartbeats(Protocol):
    @property
    def heartbeats(self) -> Heartbeats: ...


class HasAccessGroups(Protocol):
    @property
    def access_groups(self) -> AccessGroups: ...


class HasUploads(Protocol):
    @property
    def uploads(self) -> Uploads: ...


class HasInteractiveSessions(Protocol):
    @property
    def interactive_sessions(self) -> InteractiveSessions: ...


class HasPriorPause(Protocol):
    @property
    def prior_pause(self) -> PriorPause: ...


class HasExpectations(Protocol):
    @property
    def expectations(self) -> Expectations: ...


class HasRejectionNotes(Protocol):
    @property
    def rejection_notes(self) -> RejectionNotes: ...


class HasStudyReaders(Protocol):
    @property
    def study_readers(self) -> StudyReaders: ...


class HasUrgencies(Protocol):
    @property
    def urgencies(self) -> Urgencies: ...


class HasEvents(Protocol):
    @property
    def events(self) -> Events: ...


class HasComponents(Protocol):
    @property
    def components(self) -> Components: ...


class HasAnswers(Protocol):
    @property
    def answers(self) -> Answers: ...


class HasIdempotencyKeys(Protocol):
    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...


class HasPeerNotifications(Protocol):
    @property
    def peer_notifications(self) -> PeerNotifications: ...


class HasPatientChanges(Protocol):
    @property
    def patient_changes(self) -> PatientChanges: ...


class HasWebhookOutbox(Protocol):
    @property
    def webhook_outbox(self) -> WebhookOutbox: ...


class HasFhirSubscriptions(Protocol):
    @property
    def fhir_subscriptions(self) -> FhirSubscriptions: ...


class HasAccessDecisions(Protocol):
    @property
    def access_decisions(self) -> AccessDecisions: ...


class HasClaimedElsewhere(Protocol):
    @property
    def claimed_elsewhere(self) -> ClaimedElsewhere: ...
