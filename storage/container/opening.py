"""Open everything that the storage layer has together, and close it in order."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from storage import tables as t
from storage.access_groups.decisions import AccessDecisions
from storage.access_groups.emergency import EmergencyAccess
from storage.access_groups.repository import AccessGroups
from storage.access_groups.visibility import visibility_of
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
from storage.container.ingest import conflict_turns, make_ingest
from storage.container.members import Storage
from storage.core.data_folder import disk_reserve, private_folder, unfinished_restore
from storage.db.due.studies import StudiesDue
from storage.db.engine import make_engine
from storage.db.schema import check_schema
from storage.deletion.copies_in_bucket import carry_out_copies
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
from storage.hosts.keys import take_keys
from storage.hosts.repository import Hosts
from storage.idempotency.repository import IdempotencyKeys
from storage.index.driver.instance_lookup import InstanceLookup
from storage.index.expected_instances import Expectations
from storage.index.instance_location import locate
from storage.index.repository import Index
from storage.index.unreadable_instances import UnreadableInstances
from storage.ingest.conflicts import Conflicts
from storage.ingest.generated import GeneratedInstances
from storage.integrity.instance_reader import InstanceReader
from storage.integrity.offline import offline_uids
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
from storage.objects.backlog import check_backlog
from storage.objects.opening import open_objects
from storage.patient_identity.lookup import CorrectedPatients
from storage.patient_identity.repository import PatientChanges
from storage.patient_identity.study_patients import StudyPatients
from storage.peers.notifications import PeerNotifications
from storage.peers.repository import Peers
from storage.pixels.processes import DecodingLimits, configure
from storage.priors.fetches import PriorFetches
from storage.priors.pause import PriorPause
from storage.priors.searches import PriorSearches
from storage.processes.components import Components
from storage.processes.conditions import NodeConditions
from storage.processes.deletion_numbers import DeletionNumbers
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
from storage.search.vectors import PassageVectors
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
from storage.volumes.reader import VolumeReader
from storage.volumes.writer import VolumeWriter
from storage.webhooks.outbox import WebhookOutbox
from storage.webhooks.repository import Webhooks
from storage.worklist.repository import Worklist


@contextmanager
def open_storage(settings: Settings) -> Iterator[Storage]:
    """Open the storage that `settings` name.

    Raises StorageFull without any room on the disk, StorageUnavailable when the database does not
    answer or its schema is not the one this version needs (`mediview migrate`).
    """
    private_folder.prepare(settings.data_dir)
    unfinished_restore.check(settings.data_dir)
    configure(
        DecodingLimits(
            settings.max_frame_pixels,
            settings.decoder_processes,
            settings.decoder_memory_bytes,
            settings.decoder_timeout_s,
        )
    )
    disk_reserve.check_room(settings.data_dir)
    volumes_dir = settings.data_dir / "volumes"
    engine = make_engine(settings.resolved_database_url)
    hosts = Hosts(
        engine,
        settings.data_dir,
        own_disks=settings.own_disks,
        free_disk_mark_bytes=settings.free_disk_mark_bytes,
    )
    numbers = DeletionNumbers(engine) if settings.own_disks else None
    reader = VolumeReader(volumes_dir)
    writer = VolumeWriter(
        volumes_dir,
        size_bytes=settings.volume_size_bytes,
        free_disk_mark_bytes=settings.free_disk_mark_bytes,
        admit=partial(check_backlog, engine, settings.spool_max_bytes)
        if settings.object_store == "s3" and settings.spool_max_bytes
        else None,
        numbers=numbers,
    )
    audit = Audit(engine, settings.data_dir, fail_closed=settings.audit_fail_closed)
    objects = open_objects(settings)
    recovery = CrashRecovery(
        engine,
        volumes_dir,
        numbers,
        hosts.is_elsewhere,
        partial(carry_out_copies, engine, objects),
    )
    index = Index(engine)
    damaged = DamagedInstances(engine, partial(offline_uids, engine, hosts))
    series_tries = SeriesTries(engine)
    instances = InstanceReader(
        reader,
        objects,
        partial(locate, engine),
        damaged,
        CorrectedPatients(engine).of_study,
        StudyPatients(engine).keys_of,
        hosts.holder,
        series_tries.refuse_set_aside,
    )
    ingest = make_ingest(settings, engine, writer, recovery, damaged, index, instances, objects)
    lookup = InstanceLookup(engine)
    vectors = PassageVectors(engine) if settings.passage_search == "pgvector" else None
    try:
        check_schema(engine)
        if settings.own_disks:
            if settings.host_keys_dir is not None:
                take_keys(settings.data_dir, settings.host_keys_dir)
            hosts.join()
        if vectors:
            vectors.check()
        commitment_retention = timedelta(seconds=settings.commitment_retention_s)
        yield Storage(
            settings=settings,
            engine=engine,
            index=index,
            lookup=lookup,
            instances=instances,
            unreadable=UnreadableInstances(engine),
            series_tries=series_tries,
            damaged=damaged,
            objects=objects,
            volumes=writer,
            hosts=hosts,
            ingest=ingest,
            generated=GeneratedInstances(engine, ingest, audit, settings.data_dir),
            recovery=recovery,
            jobs=Jobs(engine),
            acceptance_decisions=AcceptanceDecisions(engine),
            findings=Findings(engine),
            lesions=Lesions(engine),
            withdrawals=Withdrawals(engine),
            finding_feedback=FindingFeedback(engine),
            feedback_reports=FeedbackReports(engine),
            reports=Reports(engine),
            report_publishing=ReportPublishing(engine),
            rejection_notes=RejectionNotes(engine),
            patient_studies=index.patient_studies,
            patient_changes=PatientChanges(engine),
            draft_queue=DraftQueue(engine),
            due_for_priors=StudiesDue(engine, t.prior_due),
            due_for_results=StudiesDue(engine, t.result_due),
            due_for_orders=StudiesDue(engine, t.order_due),
            retrospective_runs=RetrospectiveRuns(engine),
            hl7_outbox=Hl7Outbox(engine),
            hl7_sending=Hl7Sending(engine),
            critical_alerts=CriticalAlerts(engine),
            study_readers=StudyReaders(engine),
            urgencies=Urgencies(engine),
            answers=Answers(engine),
            interactive_sessions=InteractiveSessions(engine),
            shared_views=SharedViews(engine),
            passages=Passages(engine, vectors),
            deliveries=Deliveries(engine),
            circuit_breakers=CircuitBreakers(engine),
            routing=Routing(engine),
            rule_versions=RuleVersions(engine),
            report_templates=ReportTemplates(engine),
            prior_searches=PriorSearches(engine),
            prior_fetches=PriorFetches(engine),
            prior_pause=PriorPause(engine),
            projects=Projects(engine, settings),
            project_exports=ProjectExports(engine),
            deletions=Deletions(engine, writer, objects, recovery),
            conflicts=Conflicts(
                engine, writer, reader, objects, conflict_turns(settings), hosts.holder
            ),
            legal_holds=LegalHolds(engine),
            retention=StudyRetention(engine),
            study_attributes=StudyAttributesReader(engine),
            study_uses=StudyUses(engine),
            obligations=Obligations(engine),
            disk_samples=DiskSamples(engine),
            events=Events(engine),
            uploads=Uploads(engine),
            heartbeats=Heartbeats(
                engine,
                settings.data_dir / "heartbeats" if engine.dialect.name == "sqlite" else None,
            ),
            components=Components(engine),
            node_conditions=NodeConditions(engine),
            peers=Peers(engine, settings),
            peer_notifications=PeerNotifications(engine, commitment_retention),
            commitment_reports=CommitmentReports(engine, commitment_retention),
            commitment_requests=CommitmentRequests(engine, commitment_retention),
            procedure_steps=ProcedureSteps(engine),
            expectations=Expectations(engine),
            worklist=Worklist(engine),
            workitems=Workitems(engine),
            workitem_list=WorkitemList(engine, settings.ae_title),
            performed_items=PerformedItems(engine),
            claimed_elsewhere=ClaimedElsewhere(engine),
            subscriptions=Subscriptions(engine),
            event_reports=EventReports(engine),
            fhircast_topics=FhircastTopics(engine),
            fhircast_events=FhircastEvents(engine),
            fhircast_subscriptions=FhircastSubscriptions(engine),
            webhooks=Webhooks(engine, settings),
            webhook_outbox=WebhookOutbox(engine, partial(visibility_of, engine)),
            fhir_subscriptions=FhirSubscriptions(engine, settings, partial(visibility_of, engine)),
            idempotency_keys=IdempotencyKeys(engine),
            access_groups=AccessGroups(engine),
            access_decisions=AccessDecisions(engine),
            emergency_access=EmergencyAccess(engine, audit),
            accounts=Accounts(engine, settings.password_min_length),
            preferences=Preferences(engine),
            sessions=Sessions(
                engine,
                idle=timedelta(seconds=settings.session_idle_s),
                lifetime=timedelta(seconds=settings.session_max_s),
                second_factor_roles=settings.second_factor_roles,
            ),
            shown_names=ShownNames(engine),
            confirmations=Confirmations(engine),
            challenges=Challenges(engine),
            recovery_codes=RecoveryCodes(engine),
            provider_logouts=ProviderLogouts(engine),
            second_factors=SecondFactors(engine, settings.data_dir),
            api_keys=ApiKeys(engine),
            known_devices=KnownDevices(engine),
            login_throttle=LoginThrottle(engine),
            model_states=ModelStates(engine),
            model_packages=ModelPackages(engine),
            shadow_runs=ShadowRuns(engine),
            model_trials=ModelTrials(engine),
            drift=Drift(engine),
            audit=audit,
        )
    finally:
        writer.close()
        ingest.close()
        audit.close()
        damaged.close()
        reader.close()
        engine.dispose()
