"""What the storage layer has, in one place: its repositories, its files and its settings."""

from dataclasses import dataclass, replace
from typing import Self

from sqlalchemy import Engine

from storage.access_groups.decisions import AccessDecisions
from storage.access_groups.emergency import EmergencyAccess
from storage.access_groups.repository import AccessGroups
from storage.accounts.api_keys import ApiKeys
from storage.accounts.challenges import Challenges
from storage.accounts.confirmations import Confirmations
from storage.accounts.known_devices import KnownDevices
from storage.accounts.login_throttle import LoginThrottle
from storage.accounts.preferences import Preferences
from storage.accounts.provider_logouts import ProviderLogouts
from storage.accounts.recovery_codes import RecoveryCodes
from storage.accounts.repository import Accounts
from storage.accounts.second_factors import SecondFactors
from storage.accounts.sessions import Sessions
from storage.accounts.shown_names import ShownNames
from storage.audit import Audit
from storage.commitment.reports import CommitmentReports
from storage.commitment.requests import CommitmentRequests
from storage.db.due.studies import StudiesDue
from storage.deletion.service import Deletions
from storage.deliveries.circuit_breaker import CircuitBreakers
from storage.deliveries.repository import Deliveries
from storage.events.repository import Events
from storage.fhir_subscriptions.repository import FhirSubscriptions
from storage.fhircast.events import FhircastEvents
from storage.fhircast.subscriptions import FhircastSubscriptions
from storage.fhircast.topics import FhircastTopics
from storage.findings.feedback import FindingFeedback
from storage.findings.feedback_reports import FeedbackReports
from storage.findings.repository import Findings
from storage.hosts.repository import Hosts
from storage.idempotency.repository import IdempotencyKeys
from storage.index.driver.instance_lookup import InstanceLookup
from storage.index.expected_instances import Expectations
from storage.index.patient_studies import PatientStudies
from storage.index.repository import Index
from storage.index.unreadable_instances import UnreadableInstances
from storage.ingest.conflicts import Conflicts
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
from storage.model_registry.drift import Drift
from storage.model_registry.packages import ModelPackages
from storage.model_registry.registry import ModelStates
from storage.model_registry.shadow_runs import ShadowRuns
from storage.model_registry.trials import ModelTrials
from storage.mpps.repository import ProcedureSteps
from storage.objects.store import ObjectStore
from storage.patient_identity.repository import PatientChanges
from storage.peers.notifications import PeerNotifications
from storage.peers.repository import Peers
from storage.priors.fetches import PriorFetches
from storage.priors.pause import PriorPause
from storage.priors.searches import PriorSearches
from storage.processes.components import Components
from storage.processes.conditions import NodeConditions
from storage.processes.heartbeats import Heartbeats
from storage.projects.exports import ProjectExports
from storage.projects.repository import Projects
from storage.reconciliation.crash_recovery import CrashRecovery
from storage.rejection_notes.repository import RejectionNotes
from storage.report_templates.repository import ReportTemplates
from storage.reports.critical_alerts import CriticalAlerts
from storage.reports.draft_queue import DraftQueue
from storage.reports.hl7_outbox import Hl7Outbox
from storage.reports.hl7_sending import Hl7Sending
from storage.reports.publishing import ReportPublishing
from storage.reports.readers import StudyReaders
from storage.reports.repository import Reports
from storage.retention.disk import DiskSamples
from storage.retention.legal_holds import LegalHolds
from storage.retention.obligations import Obligations
from storage.retention.repository import StudyRetention
from storage.retention.study_attributes import StudyAttributesReader
from storage.retention.uses import StudyUses
from storage.retrospective_runs.repository import RetrospectiveRuns
from storage.routing.repository import Routing
from storage.rules.repository import RuleVersions
from storage.search.passages import Passages
from storage.settings import Settings
from storage.shared_views.repository import SharedViews
from storage.studies.urgency import Urgencies
from storage.uploads.repository import Uploads
from storage.ups.claimed_elsewhere import ClaimedElsewhere
from storage.ups.event_reports import EventReports
from storage.ups.performer import PerformedItems
from storage.ups.repository import Workitems
from storage.ups.search import WorkitemList
from storage.ups.subscriptions import Subscriptions
from storage.volumes.writer import VolumeWriter
from storage.webhooks.outbox import WebhookOutbox
from storage.webhooks.repository import Webhooks
from storage.worklist.repository import Worklist


@dataclass(frozen=True)
class Storage:
    """One a process: it owns the process's open volume and its database connections."""

    settings: Settings
    engine: Engine
    index: Index
    lookup: InstanceLookup
    instances: InstanceReader
    unreadable: UnreadableInstances
    series_tries: SeriesTries
    damaged: DamagedInstances
    objects: ObjectStore
    volumes: VolumeWriter
    hosts: Hosts
    ingest: Ingest
    generated: GeneratedInstances
    recovery: CrashRecovery
    jobs: Jobs
    acceptance_decisions: AcceptanceDecisions
    findings: Findings
    lesions: Lesions
    withdrawals: Withdrawals
    finding_feedback: FindingFeedback
    feedback_reports: FeedbackReports
    reports: Reports
    report_publishing: ReportPublishing
    rejection_notes: RejectionNotes
    patient_studies: PatientStudies
    patient_changes: PatientChanges
    draft_queue: DraftQueue
    due_for_priors: StudiesDue
    due_for_results: StudiesDue
    due_for_orders: StudiesDue
    retrospective_runs: RetrospectiveRuns
    hl7_outbox: Hl7Outbox
    hl7_sending: Hl7Sending
    critical_alerts: CriticalAlerts
    study_readers: StudyReaders
    urgencies: Urgencies
    answers: Answers
    interactive_sessions: InteractiveSessions
    shared_views: SharedViews
    passages: Passages
    deliveries: Deliveries
    circuit_breakers: CircuitBreakers
    routing: Routing
    rule_versions: RuleVersions
    report_templates: ReportTemplates
    prior_searches: PriorSearches
    prior_fetches: PriorFetches
    prior_pause: PriorPause
    projects: Projects
    project_exports: ProjectExports
    deletions: Deletions
    conflicts: Conflicts
    legal_holds: LegalHolds
    retention: StudyRetention
    study_attributes: StudyAttributesReader
    study_uses: StudyUses
    obligations: Obligations
    disk_samples: DiskSamples
    events: Events
    uploads: Uploads
    heartbeats: Heartbeats
    components: Components
    node_conditions: NodeConditions
    peers: Peers
    peer_notifications: PeerNotifications
    commitment_reports: CommitmentReports
    commitment_requests: CommitmentRequests
    procedure_steps: ProcedureSteps
    expectations: Expectations
    worklist: Worklist
    workitems: Workitems
    workitem_list: WorkitemList
    performed_items: PerformedItems
    claimed_elsewhere: ClaimedElsewhere
    subscriptions: Subscriptions
    event_reports: EventReports
    fhircast_topics: FhircastTopics
    fhircast_events: FhircastEvents
    fhircast_subscriptions: FhircastSubscriptions
    webhooks: Webhooks
    webhook_outbox: WebhookOutbox
    fhir_subscriptions: FhirSubscriptions
    idempotency_keys: IdempotencyKeys
    access_groups: AccessGroups
    access_decisions: AccessDecisions
    emergency_access: EmergencyAccess
    accounts: Accounts
    preferences: Preferences
    sessions: Sessions
    shown_names: ShownNames
    confirmations: Confirmations
    challenges: Challenges
    second_factors: SecondFactors
    recovery_codes: RecoveryCodes
    provider_logouts: ProviderLogouts
    api_keys: ApiKeys
    known_devices: KnownDevices
    login_throttle: LoginThrottle
    model_states: ModelStates
    model_packages: ModelPackages
    shadow_runs: ShadowRuns
    model_trials: ModelTrials
    drift: Drift
    audit: Audit

    def with_instances(self, instances: InstanceReader) -> Self:
        """The same, whose instances are read by that reader."""
        return replace(self, instances=instances)
