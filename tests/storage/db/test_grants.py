"""Each role works with its own account of PostgreSQL, and reaches nothing that is not its own."""

import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import get_args

import psycopg
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    StudyRootQueryRetrieveInformationModelFind,
)
from sqlalchemy import update

from dicom_node.scu import send
from dicom_node.server.scp import start_scp
from inference.webhooks.ended_owners import pause_those_of_ended_owners
from storage import tables as t
from storage.access_groups.emergency import WantedStudies
from storage.audit import Actor
from storage.container import Storage, open_storage
from storage.core.callers.visibility import Caller
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.db.engine import make_engine, reading, writing
from storage.db.grants import _UNSIGNED, EXCEPTIONS, LISTED, Role, account_of, grant_all, rights
from storage.idempotency.repository import IdempotencyKey
from storage.peers.entities import KnownPeer
from storage.reports.entities import SIGNED_STATES, ReportState
from storage.settings import Settings
from storage.webhooks.repository import Webhooks
from tests.api.access.closed import PASSWORD, ClosedNode, confirm, sign_in
from tests.api.client import api_node
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import Node, node_settings
from tests.postgres import PostgresServer
from tests.services import free_port
from tests.storage.instances import part10

ACCOUNT_PASSWORD = secrets.token_hex(16)


@pytest.fixture(scope="module")
def owner_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database at this version's schema, whose owner has given the accounts their rights."""
    url = postgres_server.migrated_database()
    engine = make_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with psycopg.connect(url, autocommit=True) as connection:
        for role in EXCEPTIONS:
            connection.execute(f"DROP ROLE IF EXISTS {account_of(role)}")  # type: ignore[arg-type]
            connection.execute(
                f"CREATE ROLE {account_of(role)} LOGIN PASSWORD '{ACCOUNT_PASSWORD}'"  # type: ignore[arg-type]
            )
    with writing(engine) as connection:
        assert grant_all(connection) == [account_of(role) for role in EXCEPTIONS]
    yield url
    engine.dispose()
    postgres_server.drop(url)
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        for role in EXCEPTIONS:
            connection.execute(f"DROP ROLE IF EXISTS {account_of(role)}")  # type: ignore[arg-type]


def url_of(owner_url: str, role: Role) -> str:
    _, _, where = owner_url.partition("@")
    return f"postgresql://{account_of(role)}:{ACCOUNT_PASSWORD}@{where}"


@pytest.fixture(scope="module")
def owner(owner_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    settings = node_settings(tmp_path_factory.mktemp("owner"), database_url=owner_url)
    with open_storage(settings) as storage:
        yield storage


def test_the_receiver_does_all_its_work(owner_url: str, owner: Storage, tmp_path: Path) -> None:
    owner.peers.add(KnownPeer("ct", ae_title="CT"))
    step = {"Modality": "CT", "ScheduledProcedureStepStartDate": "20260601"}
    owner.worklist.add(
        {
            "PatientID": "P-1",
            "StudyInstanceUID": "1.2.8",
            "ScheduledProcedureStepSequence": [step],
        }
    )
    settings = node_settings(tmp_path, database_url=url_of(owner_url, "scp"))
    ds = ct_instance()
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        node = Node(storage, scp)
        try:
            (stored,) = send([item_of(encoded(ds))], peer=node.peer, calling_ae_title="CT")
            assert stored.ok
            ae = AE("CT")
            ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
            ae.add_requested_context(ModalityWorklistInformationFind)
            ae.add_requested_context(ModalityPerformedProcedureStep)
            with_peer = ae.associate("127.0.0.1", node.port)
            asked = Dataset()
            asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", ds.StudyInstanceUID
            find = StudyRootQueryRetrieveInformationModelFind
            assert [s.Status for s, _ in with_peer.send_c_find(asked, find)] == [0xFF00, 0]
            order = Dataset()
            order.PatientID = "P-1"
            order.ScheduledProcedureStepSequence = [Dataset()]
            found = with_peer.send_c_find(order, ModalityWorklistInformationFind)
            assert [status.Status for status, _ in found] == [0xFF00, 0]
            performed = Dataset()
            performed.PerformedProcedureStepStatus = "IN PROGRESS"
            performed.PerformedProcedureStepID = "1"
            performed.PerformedProcedureStepStartDate = "20260601"
            performed.PerformedProcedureStepStartTime = "080000"
            performed.PerformedStationAETitle = "CT"
            performed.Modality = "CT"
            performed.PerformedSeriesSequence = []
            performed.ScheduledStepAttributesSequence = [Dataset()]
            status, _ = with_peer.send_n_create(performed, ModalityPerformedProcedureStep, "1.2.9")
            assert status.Status in (0, 0x0120), status
            with_peer.release()
        finally:
            scp.shutdown(grace_s=1.0)
        assert storage.instances.read(storage.index.instance(ds.SOPInstanceUID))
        storage.audit.flush()
        assert not list(storage.audit.spool.waiting())


def test_the_api_does_all_its_work(owner_url: str, owner: Storage, tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        http_port=free_port(),
        auth="required",
        database_url=url_of(owner_url, "api"),
    )
    owner.accounts.add("root", PASSWORD, ["admin"])
    with api_node(settings) as running:
        closed = ClosedNode(running)
        with closed.client() as root:
            signed_in = sign_in(root, "root")
            root.headers["X-CSRF-Token"] = signed_in.json()["csrf_token"]
            assert confirm(root).status_code == 204
            eve = {"name": "eve", "password": PASSWORD, "roles": ["viewer"]}
            assert root.post("/api/users", json=eve).status_code == 201
            stored = root.post(
                "/dicom-web/studies",
                content=part10(PatientID="P-2"),
                headers={"Content-Type": "application/dicom"},
            )
            assert stored.status_code == 200, stored.text
            (study,) = root.get("/api/studies").json()["items"][:1]
            for path in ("/api/studies", "/api/users", "/api/audit", "/api/models", "/metrics"):
                assert root.get(path).status_code == 200, path
            for _ in range(3):
                assert root.get(f"/dicom-web/studies/{study['study_instance_uid']}/metadata")
            gone = root.delete(f"/dicom-web/studies/{study['study_instance_uid']}")
            assert gone.status_code == 204, gone.text
        running.storage.audit.flush()
        assert not list(running.storage.audit.spool.waiting())


ATTACKS: list[tuple[Role, str]] = [
    ("scp", "SELECT password_hash FROM account"),
    ("scp", "INSERT INTO api_key (key_id) VALUES ('x')"),
    ("scp", "UPDATE session SET subject = 'root'"),
    ("scp", "SELECT secret FROM webhook"),
    ("scp", "UPDATE peer SET may = '[]'"),
    ("scp", "DELETE FROM legal_hold"),
    ("scp", "INSERT INTO access_group_member (group_id, kind, subject) VALUES (1, 'peer', 'x')"),
    ("scp", "UPDATE model_state SET digest = ''"),
    ("scp", "DELETE FROM audit_event"),
    ("scp", "UPDATE audit_event SET actor_name = 'nobody'"),
    ("scp", "UPDATE audit_chain SET position = 0"),
    ("scp", "DROP TABLE audit_event"),
    ("scp", "CREATE TABLE mine (x int)"),
    ("scp", "INSERT INTO study_group (study_instance_uid, group_id) VALUES ('1.2', 1)"),
    ("scp", "UPDATE study_group SET group_id = 1"),
    ("scp", "UPDATE host_key SET digest = ''"),
    ("scp", "DELETE FROM host_key"),
    ("scp", "DELETE FROM host"),
    ("scp", "INSERT INTO webhook_delivery (delivery_id) VALUES ('x')"),
    ("scp", "SELECT payload FROM webhook_delivery"),
    ("api", "DELETE FROM audit_event"),
    ("api", "UPDATE audit_event SET detail = '{}'"),
    ("api", "UPDATE audit_chain SET position = 0"),
    ("api", "DELETE FROM audit_subject"),
    ("api", "ALTER TABLE account ADD COLUMN x int"),
    ("api", "UPDATE alembic_version SET version_num = '0001'"),
    ("worker", "SELECT password_hash FROM account"),
    ("worker", "UPDATE model_package SET archive_sha256 = ''"),
    ("worker", "SELECT token_hash FROM session"),
    ("worker", "UPDATE peer SET host = '192.0.2.1'"),
    ("worker", "DELETE FROM audit_event"),
    ("worker", "UPDATE webhook SET url = 'http://192.0.2.1'"),
    ("worker", "DELETE FROM report"),
    ("worker", "DELETE FROM report_version"),
    ("worker", "UPDATE study_group SET group_id = 1"),
    ("worker", "UPDATE host_key SET digest = ''"),
    ("control", "SELECT secret FROM second_factor"),
    ("control", "SELECT secret_hash FROM api_key"),
    ("control", "SELECT password_hash FROM account"),
    ("control", "UPDATE account SET roles = '[\"admin\"]'"),
    ("control", "UPDATE model_state SET digest = ''"),
    ("control", "INSERT INTO session (token_hash) VALUES ('x')"),
    ("control", "UPDATE session SET subject = 'root'"),
    ("control", "SELECT token_hash FROM session"),
    ("control", "DELETE FROM failed_attempt"),
    ("control", "DELETE FROM preference"),
    ("control", "UPDATE emergency_access SET expires_at = '2099-01-01'"),
    ("control", "SELECT answer FROM idempotency_key FOR UPDATE"),
    *((role, "INSERT INTO model_trial DEFAULT VALUES") for role in ("scp", "worker", "control")),
    *(
        (role, statement)
        for role in ("scp", "worker", "control")
        for statement in (
            "INSERT INTO finding_feedback DEFAULT VALUES",
            "UPDATE finding_feedback SET verifies = true, given_by = 'Dr. Jane Doe'",
        )
    ),
]


@pytest.mark.parametrize(("role", "statement"), ATTACKS)
def test_a_role_that_is_taken_over_reaches_nothing_else(
    owner_url: str, role: Role, statement: str
) -> None:
    with (
        psycopg.connect(url_of(owner_url, role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", list(EXCEPTIONS))
def test_the_database_gives_what_the_list_says(owner_url: str, role: Role) -> None:
    """Not a right more: what an earlier version gave is taken."""
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee = %s",
            [account_of(role)],
        ).fetchall()
    given = {(table, right) for table, right in rows if table != "alembic_version"}
    whole = {(table, one) for table, all_ in rights(role) for one in all_ if "(" not in one}
    assert given == whole


def test_who_runs_models_writes_drafts_and_signs_none(owner_url: str, owner: Storage) -> None:
    """Nor changes what a person has signed; what follows a signed report is noted all the same."""
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match="Only people sign reports")
    uid = "1.2.826.0.1.3680043.8.498.77"
    owner.reports.offer(uid, language="en", title="A draft", sections=[], basis_digest="a")
    with psycopg.connect(url_of(owner_url, "worker"), autocommit=True) as worker:
        worker.execute("UPDATE report SET title = 'Another'")
        for table in ("report", "report_version"):
            for change in ("state = 'final'", "state = 'amended', title = 'x'"):
                with refused:
                    worker.execute(f"UPDATE {table} SET {change}")  # type: ignore[arg-type]
    with psycopg.connect(owner_url, autocommit=True) as person:
        for table in ("report", "report_version"):
            person.execute(
                f"UPDATE {table} SET state = 'final', signed_name = 'Ann'"  # type: ignore[arg-type]
            )
    with psycopg.connect(url_of(owner_url, "worker"), autocommit=True) as worker:
        for change in (
            *("title = 'x'", "signed_name = 'Eve'", "sections = '[1]'", "language = 'de'"),
            *("study_instance_uid = '9.9.9'", "signed_at = now()", "publish_version = 7"),
            *("state = 'draft', title = 'x'", "state = 'Final'", "report_id = 'another'"),
        ):
            with refused:
                worker.execute(f"UPDATE report SET {change}")  # type: ignore[arg-type]
        for change in ("state = 'draft'", "report_id = 'another'", "version = 7", "reason = 'x'"):
            with refused:
                worker.execute(f"UPDATE report_version SET {change}")  # type: ignore[arg-type]
        for table in ("report", "report_version"):
            with refused:
                worker.execute(
                    f"INSERT INTO {table} SELECT * FROM {table}"  # type: ignore[arg-type]
                )
        worker.execute(
            "UPDATE report SET words = NULL, attention = 'new', proposal = '[]',"
            " superseded_at = now(), updated_at = now()"
        )
    assert set(get_args(ReportState)) == {*_UNSIGNED, *SIGNED_STATES}


def test_who_runs_models_puts_none_to_work(owner_url: str, owner: Storage) -> None:
    """A first proof and a failed self-test are noted all the same."""
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    states = owner.model_states
    states.move("spleen", "1.0", "a" * 64, "added", "petra")
    states.move("spleen", "0.9", "b" * 64, "verified", "petra", verified_at=utcnow())
    states.move("brain", "1.0", "c" * 64, "active", "node", verified_at=utcnow())
    with psycopg.connect(url_of(owner_url, "worker"), autocommit=True) as worker:
        for statement in (
            *("UPDATE model_state SET state = 'active'", "UPDATE model_state SET state = 'shadow'"),
            "UPDATE model_state SET state = 'verified' WHERE version = '1.0'",
            "UPDATE model_state SET name = 'spleen', version = '2' WHERE name = 'brain'",
            "INSERT INTO model_state SELECT name, '2', digest, 'verified', detail, answer,"
            " evaluation, verified_at, changed_at, changed_by FROM model_state",
            *("DELETE FROM model_state", "DELETE FROM model_change"),
            "UPDATE model_change SET to_state = 'active'",
        ):
            with refused:
                worker.execute(statement)  # type: ignore[arg-type]
    settings = owner.settings.model_copy(update={"database_url": url_of(owner_url, "worker")})
    with open_storage(settings) as running:
        # What it is there for: a model of the release proven for the first time, in the place of
        # its former version, and one that fails.
        running.model_states.move("brain", "1.1", "d" * 64, "active", "self-test")
        running.model_states.move("spleen", "0.9", "b" * 64, "added", "self-test", detail="Blank.")
    after = {(name, version): one.state for (name, version), one in states.all().items()}
    assert after == {
        ("brain", "1.0"): "retired",
        ("brain", "1.1"): "active",
        ("spleen", "0.9"): "added",
        ("spleen", "1.0"): "added",
    }


def test_sqlite_has_no_accounts(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'index.sqlite3'}")
    with reading(engine) as connection, pytest.raises(InvalidRequest):
        grant_all(connection)
    engine.dispose()


def test_every_table_is_listed_and_no_other() -> None:
    assert {name for name, _ in rights("api")} == LISTED


def test_control_ends_emergency_access_and_removes_expired_keys(
    owner_url: str, owner: Storage, tmp_path: Path
) -> None:
    owner.ingest.accept(part10(study="emergency", PatientID="P-7"), source="test")
    now = utcnow()
    owner.emergency_access.begin(
        Caller("account", "eve"),
        Actor("account", "Eve", id="account:eve"),
        "stroke",
        WantedStudies(patient_id="P-7"),
        timedelta(hours=1),
        now,
    )
    key = IdempotencyKey(("account:eve", "POST", "/api/peers"), "0123456789abcdef")
    owner.idempotency_keys.begin(key, "digest", "attempt", 1.0, 1.0)
    later = now + timedelta(hours=2)
    settings = node_settings(tmp_path, database_url=url_of(owner_url, "control"))
    with open_storage(settings) as storage:
        assert storage.emergency_access.remove_expired(later) == 1
        storage.idempotency_keys.prune(later)
    assert owner.emergency_access.remove_expired(later) == 0
    assert owner.idempotency_keys.begin(key, "another", "attempt", 1.0, 1.0) == "ours"


def test_control_pauses_webhooks_of_ended_keys_and_sees_no_secret(
    owner_url: str, owner: Storage, tmp_path: Path
) -> None:
    key, _ = owner.api_keys.create("gone", ["integrator"], [], created_by="t", expires_at=None)
    hooks = Webhooks(
        owner.engine, owner.settings.model_copy(update={"webhook_hosts": ("ris.example",)})
    )
    hook = hooks.add(
        "https://ris.example/", ("*",), "",
        created_by=Caller("key", key.key_id), sends_everything=False,
    )  # fmt: skip
    with writing(owner.engine) as connection:
        connection.execute(update(t.api_key).values(revoked_at=utcnow()))
    settings = node_settings(tmp_path, database_url=url_of(owner_url, "control"))
    with open_storage(settings) as storage:
        pause_those_of_ended_owners(storage, utcnow())
    assert not hooks.get(hook.webhook_id).is_active
