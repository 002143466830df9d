"""Everything of the storage floor, opened together and handed up as one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine

from storage import disk_reserve, private_folder
from storage.accounts import Accounts
from storage.alerts import Alerts
from storage.answers import Answers
from storage.api_keys import ApiKeys
from storage.attempts import Attempts
from storage.audit import Audit
from storage.breakers import Breakers
from storage.commitment_reports import CommitmentReports
from storage.commitment_requests import CommitmentRequests
from storage.components import Components
from storage.conflicts import Conflicts
from storage.crash_recovery import CrashRecovery
from storage.database import make_engine
from storage.decisions import Decisions
from storage.deleting import Deletions
from storage.deliveries import Deliveries
from storage.drift import Drift
from storage.events import Events
from storage.expectations import Expectations
from storage.feedback import FindingFeedback
from storage.findings import Findings
from storage.heartbeats import Heartbeats
from storage.hl7_messages import Hl7Messages
from storage.idempotency import IdempotencyKeys
from storage.index import Index
from storage.ingest import Ingest
from storage.instance_lookup import InstanceLookup
from storage.instances import InstanceReader
from storage.jobs import Jobs
from storage.model_states import ModelStates
from storage.objects import FilesystemObjects, ObjectStore
from storage.passage_vectors import PassageVectors
from storage.passages import Passages
from storage.peers import Peers
from storage.pixels.processes import DecodingLimits, configure
from storage.preferences import Preferences
from storage.priors import Priors
from storage.procedure_steps import ProcedureSteps
from storage.report_due import ReportsDue
from storage.reports import Reports
from storage.schema import check_schema
from storage.sessions import Sessions
from storage.settings import Settings
from storage.settle import check_backlog, locate
from storage.shadow_runs import ShadowRuns
from storage.signing import TokenSigner, load_secret
from storage.spoken import SpokenReports
from storage.subscriptions import Subscriptions
from storage.unreadable import UnreadableInstances
from storage.uploads import Uploads
from storage.volume_reader import VolumeReader
from storage.volumes import VolumeWriter
from storage.webhook_queue import WebhookQueue
from storage.webhooks import Webhooks
from storage.withdrawals import Withdrawals
from storage.workitem_performing import PerformedItems
from storage.workitem_search import WorkItemList
from storage.workitems import WorkItems
from storage.worklist import Worklist


@dataclass(frozen=True)
class Storage:
    """One a process: it owns the process's open volume and its database connections."""

    settings: Settings
    engine: Engine
    index: Index
    lookup: InstanceLookup
    instances: InstanceReader
    unreadable: UnreadableInstances
    objects: ObjectStore
    volumes: VolumeWriter
    ingest: Ingest
    recovery: CrashRecovery
    jobs: Jobs
    decisions: Decisions
    findings: Findings
    withdrawals: Withdrawals
    finding_feedback: FindingFeedback
    spoken_reports: SpokenReports
    reports: Reports
    priors: Priors
    reports_due: ReportsDue
    hl7_messages: Hl7Messages
    alerts: Alerts
    answers: Answers
    passages: Passages
    deliveries: Deliveries
    breakers: Breakers
    deletions: Deletions
    conflicts: Conflicts
    events: Events
    uploads: Uploads
    heartbeats: Heartbeats
    components: Components
    peers: Peers
    commitment_reports: CommitmentReports
    commitment_requests: CommitmentRequests
    procedure_steps: ProcedureSteps
    expectations: Expectations
    worklist: Worklist
    work_items: WorkItems
    work_item_list: WorkItemList
    performed_items: PerformedItems
    subscriptions: Subscriptions
    webhooks: Webhooks
    webhook_queue: WebhookQueue
    idempotency_keys: IdempotencyKeys
    accounts: Accounts
    preferences: Preferences
    sessions: Sessions
    api_keys: ApiKeys
    attempts: Attempts
    model_states: ModelStates
    shadow_runs: ShadowRuns
    drift: Drift
    audit: Audit


@contextmanager
def open_storage(settings: Settings) -> Iterator[Storage]:
    """Open the storage that `settings` name.

    Raises StorageFull without any room on the disk, StorageUnavailable when the database does not
    answer or its schema is not the one this version needs (`mediview migrate`).
    """
    private_folder.prepare(settings.data_dir)
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
    reader = VolumeReader(volumes_dir)
    writer = VolumeWriter(
        volumes_dir,
        size_bytes=settings.volume_size_bytes,
        free_disk_mark_bytes=settings.free_disk_mark_bytes,
        admit=partial(check_backlog, engine, settings.spool_max_bytes)
        if settings.object_store == "s3" and settings.spool_max_bytes
        else None,
    )
    audit = Audit(engine, settings.data_dir, fail_closed=settings.audit_fail_closed)
    recovery = CrashRecovery(engine, volumes_dir)
    ingest = Ingest(engine, writer, settings.max_instance_bytes, recovery)
    lookup = InstanceLookup(engine)
    vectors = PassageVectors(engine) if settings.passage_search == "pgvector" else None
    try:
        check_schema(engine)
        if vectors:
            vectors.check()
        objects = open_objects(settings)
        yield Storage(
            settings=settings,
            engine=engine,
            index=Index(engine),
            lookup=lookup,
            instances=InstanceReader(reader, objects, partial(locate, engine)),
            unreadable=UnreadableInstances(engine),
            objects=objects,
            volumes=writer,
            ingest=ingest,
            recovery=recovery,
            jobs=Jobs(engine),
            decisions=Decisions(engine),
            findings=Findings(engine),
            withdrawals=Withdrawals(engine),
            finding_feedback=FindingFeedback(engine),
            spoken_reports=SpokenReports(engine),
            reports=Reports(engine),
            priors=Priors(engine),
            reports_due=ReportsDue(engine),
            hl7_messages=Hl7Messages(engine),
            alerts=Alerts(engine),
            answers=Answers(engine),
            passages=Passages(engine, vectors),
            deliveries=Deliveries(engine),
            breakers=Breakers(engine),
            deletions=Deletions(engine, writer, objects),
            conflicts=Conflicts(engine, writer, reader, objects),
            events=Events(engine),
            uploads=Uploads(engine),
            heartbeats=Heartbeats(engine),
            components=Components(engine),
            peers=Peers(engine, settings),
            commitment_reports=CommitmentReports(engine),
            commitment_requests=CommitmentRequests(engine),
            procedure_steps=ProcedureSteps(engine),
            expectations=Expectations(engine),
            worklist=Worklist(engine),
            work_items=WorkItems(engine),
            work_item_list=WorkItemList(engine, settings.ae_title),
            performed_items=PerformedItems(engine),
            subscriptions=Subscriptions(engine),
            webhooks=Webhooks(engine, settings),
            webhook_queue=WebhookQueue(engine),
            idempotency_keys=IdempotencyKeys(engine),
            accounts=Accounts(engine, settings.password_min_length),
            preferences=Preferences(engine),
            sessions=Sessions(
                engine,
                idle=timedelta(seconds=settings.session_idle_s),
                lifetime=timedelta(seconds=settings.session_max_s),
            ),
            api_keys=ApiKeys(engine),
            attempts=Attempts(engine),
            model_states=ModelStates(engine),
            shadow_runs=ShadowRuns(engine),
            drift=Drift(engine),
            audit=audit,
        )
    finally:
        writer.close()
        ingest.close()
        audit.close()
        reader.close()
        engine.dispose()


def open_objects(settings: Settings) -> ObjectStore:
    """The object store that the settings name."""
    if settings.object_store == "s3":
        # With boto3, which takes 11 MB and a fifth of a second.
        from storage.s3 import S3Objects

        return S3Objects(settings)
    signer = TokenSigner(load_secret(settings.data_dir / "upload-signing.key"))
    return FilesystemObjects(
        settings.data_dir / "objects", signer=signer, public_url=settings.resolved_public_url
    )
