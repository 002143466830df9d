"""What the database does not take as a value is refused at the door, and ends nothing else.

PostgreSQL's indexes take texts of 2,704 bytes, and a C-STORE may carry any.
"""

import random
import string
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from sqlalchemy import Engine, text

from api.server.checks.storage import check_refused_rows
from api.server.health import HealthChecks
from dicom_node.network.command_set import decode_command
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.db.engine import make_engine, writing
from storage.db.migrate import upgrade_schema
from storage.dicom.digests import digest_of
from storage.dicom.part10 import read_header
from storage.maintenance.reindexing.reindex import reindex
from storage.maintenance.verify import verify_storage
from storage.maintenance.volume_rewriting import rewrite
from storage.reconciliation.refused_rows import refused_rows
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import volumes_in
from tests.dicom_node.builders import ct_instance, data_set_bytes, encoded
from tests.faults.raw_peer import RawPeer
from tests.faults.scp_process import ScpProcess, running_scp
from tests.migrated import upgrade
from tests.postgres import PostgresServer
from tests.storage.instances import part10

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

_RANDOM = random.Random(17)
DATABASES = ["sqlite", "postgresql"]
# An index of PostgreSQL has no room for long values; SQLite takes them, and one way bounds both.
OF_SHORT_VALUES = [pytest.param("sqlite", marks=pytest.mark.slow), "postgresql"]
IDENTIFYING = [
    ("PatientID", "LO", 3000),
    ("IssuerOfPatientID", "LO", 3000),
    ("AccessionNumber", "SH", 9000),
    ("StudyID", "SH", 3000),
    ("StudyDate", "LO", 3000),
    ("SeriesTime", "LO", 3000),
    ("Modality", "CS", 60000),
    ("FrameOfReferenceUID", "LO", 3000),
]
NAMES = ("PatientName", "ReferringPhysicianName")
DESCRIBING = [
    *(*NAMES, "StudyDescription", "SeriesDescription"),
    *("ProtocolName", "BodyPartExamined", "StationName", "InstitutionName", "Manufacturer"),
]


def letters(count: int) -> str:
    """Nothing that PostgreSQL could compress."""
    return "".join(_RANDOM.choices(string.ascii_letters + string.digits, k=count))


def with_value(keyword: str, vr: str, value: str) -> Dataset:
    made = ct_instance()
    made.add_new(keyword, vr, "")
    made[keyword]._value = value
    return made


def store(node: ScpProcess, made: Dataset) -> tuple[int, bytes]:
    """The status and the command set of the answer, of a peer that nobody registered."""
    with RawPeer(node.port) as peer:
        peer.associate()
        answer = peer.store_answer(
            made.SOPInstanceUID, data_set_bytes(encoded(made)), sop_class_uid=CTImageStorage
        )
        peer.release()
    status = decode_command(answer).status
    assert status is not None
    return status, answer


def settings_for(database: str, request: pytest.FixtureRequest) -> dict[str, object]:
    if database == "sqlite":
        return {}
    server: PostgresServer = request.getfixturevalue("stoppable_postgres")
    return {"database_url": server.migrated_database()}


@pytest.mark.parametrize("database", OF_SHORT_VALUES)
def test_one_instance_with_endless_text_is_refused_and_others_are_stored(
    tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    with running_scp(tmp_path, settings_for(database, request)) as node:
        for keyword, vr, count in IDENTIFYING:
            value = letters(count)
            status, answer = store(node, with_value(keyword, vr, value))
            assert status == 0xC000, keyword
            assert keyword.encode() in answer
            assert value[:8].encode() not in answer
            assert value[:8] not in node.log_text()
        described = ct_instance()
        for keyword in DESCRIBING:
            described.add_new(keyword, "LO", "")
            # Each letter becomes eighteen when case and width are not looked at.
            described[keyword]._value = (
                letters(9000) if keyword != "PatientName" else "\ufdfa" * 3000
            )
        sent = data_set_bytes(encoded(described))
        assert store(node, described)[0] == 0x0000
        before = ct_instance()
        assert store(node, before)[0] == 0x0000
        if database == "postgresql":
            request.getfixturevalue("stoppable_postgres").stop()
            request.getfixturevalue("stoppable_postgres").start()
        after = ct_instance()
        assert store(node, after)[0] == 0x0000
        node.stop()
        # The next start reconciles, as `mediview up` does.
        node.migrate()
        with node.storage() as storage:
            for one in (described, before, after):
                storage.index.instance(one.SOPInstanceUID)
            kept = storage.instances.read(storage.index.instance(described.SOPInstanceUID))
            assert data_set_bytes(kept) == sent, "the bytes stay as they came"
            assert not refused_rows(storage.engine)


def left_behind(storage: Storage, *files: bytes) -> None:
    """Durable in a volume without a row, as the version before this one left what it refused."""
    for file in files:
        header = read_header(file)
        meta, dataset = file[: header.dataset_offset], file[header.dataset_offset :]
        staged = storage.volumes.stage(
            (meta, dataset), digest=digest_of(dataset), source="dimse:SOMEBODY", origin="received"
        )
        storage.volumes.wait_for(staged)


@pytest.mark.parametrize("database", OF_SHORT_VALUES)
def test_what_an_earlier_version_left_in_a_volume_is_indexed_by_the_beginning_of_its_text(
    tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    node = ScpProcess(tmp_path, settings_for(database, request))
    node.migrate()
    beginning = letters(2990)
    attacks = [with_value("PatientID", "LO", f"{beginning}{ending}") for ending in "ab"]
    files = [encoded(one) for one in (ct_instance(), *attacks, ct_instance())]
    with node.storage() as storage:
        left_behind(storage, *files)
    node.migrate()
    node.start()
    try:
        assert store(node, ct_instance())[0] == 0x0000
        node.stop()
    finally:
        node.kill()
    with node.storage() as storage:
        headers = [read_header(file) for file in files]
        for header in headers:
            storage.index.instance(header.sop_instance_uid)
        shown = {
            storage.index.study(header.study_instance_uid).patient_id for header in headers[1:3]
        }
        assert len(shown) == 2, "patients whose IDs begin alike stay two"
        assert {one[:900] for one in shown} == {beginning[:900]}


def refuse(engine: Engine, *, is_refused: bool) -> None:
    """The database takes no accession number NEVER, whatever the node does."""
    if engine.dialect.name == "postgresql":
        on = "ADD CONSTRAINT never CHECK (accession_number <> 'NEVER')"
        statement = f"ALTER TABLE study {on if is_refused else 'DROP CONSTRAINT never'}"
    elif is_refused:
        statement = (
            "CREATE TRIGGER never BEFORE INSERT ON study WHEN NEW.accession_number = 'NEVER'"
            " BEGIN SELECT RAISE(ABORT, 'never'); END"
        )
    else:
        statement = "DROP TRIGGER never"
    with writing(engine) as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("database", DATABASES)
def test_a_record_whose_row_is_refused_is_passed_over_kept_and_named(
    tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    node = ScpProcess(tmp_path, settings_for(database, request))
    node.migrate()
    files = [
        part10("one", instance="before"),
        part10("two", instance="refused", AccessionNumber="NEVER"),
        part10("three", instance="behind"),
    ]
    uids = [read_header(file).sop_instance_uid for file in files]
    with node.storage() as storage:
        refuse(storage.engine, is_refused=True)
        left_behind(storage, *files)
    node.migrate()
    with node.storage() as storage:
        storage.index.instance(uids[0])
        storage.index.instance(uids[2])
        with pytest.raises(NotFound):
            storage.index.instance(uids[1])
        check = check_refused_rows(storage.engine)
        assert check.state == "note"
        assert uids[1] in check.detail
        part = HealthChecks(storage).instances()
        assert part.ok
        assert f"of 1 stored instance, which stays in its volume and is not shown: {uids[1]}. " in (
            part.detail
        )
        problems = list(
            verify_storage(storage.engine, storage.index, storage.objects, storage.volumes)
        )
        assert [(one.kind, one.sop_instance_uid) for one in problems] == [("not_indexed", uids[1])]
        assert "sent to this node again" in problems[0].remedy
        # Compaction leaves the volume where it is.
        reader = VolumeReader(storage.volumes.folder)
        (path,) = volumes_in(storage.volumes.folder)
        assert rewrite(storage.engine, storage.volumes, path, reader, utcnow()) is None
        reader.close()
        assert [one.sop_instance_uid for one in refused_rows(storage.engine)] == [uids[1]]
    # What arrives is answered as refused, and not as an outage.
    node.start()
    try:
        made = ct_instance()
        made.AccessionNumber = "NEVER"
        assert store(node, made)[0] == 0xC000
        assert store(node, ct_instance())[0] == 0x0000
        node.stop()
    finally:
        node.kill()
    # Rebuilding an index comes past it as well.
    other = {"database_url": f"sqlite:///{tmp_path / 'other.sqlite3'}"}
    fresh = node.settings.model_copy(update=settings_for(database, request) or other)
    engine = make_engine(fresh.resolved_database_url)
    upgrade_schema(engine)
    refuse(engine, is_refused=True)
    rebuilt = reindex(fresh, "volumes")
    assert (rebuilt.instances, rebuilt.refused) == (3, 2)
    assert uids[1] in {one.sop_instance_uid for one in refused_rows(engine)}
    engine.dispose()
    # Once the database takes it, the next start does.
    with node.storage() as storage:
        refuse(storage.engine, is_refused=False)
    assert upgrade(node.settings) == 2
    with node.storage() as storage:
        storage.index.instance(uids[1])
        assert check_refused_rows(storage.engine).state == "ok"
        assert not HealthChecks(storage).instances().detail
