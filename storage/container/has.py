"""Members of the container, one each, for the Protocols of the functions that use several."""

from typing import Protocol

from sqlalchemy import Engine

from storage.audit import Audit
from storage.deliveries.circuit_breaker import CircuitBreakers
from storage.deliveries.repository import Deliveries
from storage.findings.feedback import FindingFeedback
from storage.findings.feedback_reports import FeedbackReports
from storage.findings.repository import Findings
from storage.index.patient_studies import PatientStudies
from storage.index.repository import Index
from storage.ingest.generated import GeneratedInstances
from storage.integrity.instance_reader import InstanceReader
from storage.integrity.repository import DamagedInstances
from storage.jobs.acceptance_decisions import AcceptanceDecisions
from storage.jobs.repository import Jobs
from storage.jobs.withdrawals import Withdrawals
from storage.lesions.repository import Lesions
from storage.model_registry.registry import ModelStates
from storage.model_registry.shadow_runs import ShadowRuns
from storage.objects.filesystem import ObjectStore
from storage.peers.repository import Peers
from storage.priors.fetches import PriorFetches
from storage.priors.searches import PriorSearches
from storage.reports.critical_alerts import CriticalAlerts
from storage.reports.repository import Reports
from storage.settings import Settings
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


class HasAudit(Protocol):
    @property
    def audit(self) -> Audit: ...
