"""What an operation may ask of the database: see budgets.toml."""

import sqlite3
import threading
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind
from sqlalchemy import Engine, event

from api.middleware import unchanged
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.settings import load_settings
from tests.api.client import api_node
from tests.dicom_node.builders import ct_instance, data_set_bytes, encoded, identifier
from tests.faults.pushing import Batch
from tests.faults.raw_peer import RawPeer, context
from tests.migrated import upgrade
from tests.services import free_port

BUDGETS: dict[str, int] = tomllib.loads(Path(__file__).with_name("budgets.toml").read_text())[
    "statements"
]
STUDIES, SLICES = 20, 12
# What the node does of its own now and then, which on a busy machine falls into every round.
OF_ITS_OWN = {
    "audit",
    "commitment-reporter",
    "damaged-instances",
    "peer-notifier",
    "scp-peers",
    "traffic",
    "workitem-reporter",
}
ROUNDS = 5


@dataclass
class Statements:
    """What SQLite runs in this process."""

    texts: list[str] = field(default_factory=list)

    def follow(self, connection: sqlite3.Connection, _: object) -> None:
        connection.set_trace_callback(self._ran)

    def _ran(self, text: str) -> None:
        # Statements of triggers are traced as comments.
        if not text.startswith("--") and threading.current_thread().name not in OF_ITS_OWN:
            self.texts.append(text)

    def of(self, operation: Callable[[], object]) -> list[str]:
        """Those of the shortest of some rounds, once everything is warm."""
        operation()
        rounds = []
        for _ in range(ROUNDS):
            self.texts.clear()
            operation()
            rounds.append(list(self.texts))
        return min(rounds, key=len)


@pytest.fixture(scope="module")
def statements() -> Iterator[Statements]:
    counted = Statements()
    event.listen(Engine, "connect", counted.follow)
    yield counted
    event.remove(Engine, "connect", counted.follow)


@pytest.fixture(scope="module")
def operations(
    statements: Statements, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Callable[[], object]]]:
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("budgets") / "data",
        http_port=free_port(),
        dicom_port=0,
        free_disk_mark_bytes=0,
        unknown_peers_may=("store", "query"),
    )
    upgrade(settings)
    with (
        # What has changed is asked for each time, however fast the machine is.
        patch.object(unchanged, "_LOOK_EVERY_S", 0.0),
        api_node(settings) as node,
        open_storage(settings) as storage,
    ):
        for _ in range(STUDIES - 1):
            storage.ingest.accept(encoded(ct_instance(size=16)), "test")
        slices = [
            ct_instance(size=16, study_instance_uid="2.25.7", series_instance_uid="2.25.8")
            for _ in range(SLICES)
        ]
        for one in slices:
            storage.ingest.accept(encoded(one), "test")
        scp = start_scp(storage)
        entity = AE("BUDGET")
        entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
        finding = entity.associate("127.0.0.1", scp.port, ae_title="MEDIVIEW")
        batch, again = Batch(7), slices[0]
        with RawPeer(scp.port) as sender:
            sender.associate([context(1, CTImageStorage, [ExplicitVRLittleEndian])])

            def store_an_instance() -> None:
                one = batch.make()
                assert sender.store(one.sop_instance_uid, one.data_set) == 0

            def store_again() -> None:
                data_set = data_set_bytes(encoded(again))
                assert sender.store(str(again.SOPInstanceUID), data_set) == 0

            def find_studies() -> None:
                keys: Dataset = identifier({"QueryRetrieveLevel": "STUDY", "PatientID": None})
                assert list(finding.send_c_find(keys, StudyRootQueryRetrieveInformationModelFind))

            def get(path: str) -> Callable[[], object]:
                def ask() -> None:
                    assert node.client.get(path).status_code == 200

                return ask

            series = "/dicom-web/studies/2.25.7/series/2.25.8"
            yield {
                "store_an_instance": store_an_instance,
                "store_an_instance_again": store_again,
                "find_studies": find_studies,
                "list_studies": get("/api/studies?limit=20"),
                "show_a_study": get("/api/studies/2.25.7"),
                "search_studies_by_qido": get("/dicom-web/studies?limit=10"),
                "read_metadata_of_a_series": get(f"{series}/metadata"),
                "read_a_frame": get(f"{series}/instances/{again.SOPInstanceUID}/frames/1"),
            }
        finding.release()
        scp.shutdown()


@pytest.mark.parametrize("operation", sorted(BUDGETS))
def test_an_operation_keeps_its_budget(
    statements: Statements, operations: dict[str, Callable[[], object]], operation: str
) -> None:
    ran = statements.of(operations[operation])
    if len(ran) > BUDGETS[operation] and operation.startswith(("find", "read")):
        # What is remembered for a second may have been asked for again on a busy machine.
        ran = statements.of(operations[operation])
    assert len(ran) <= BUDGETS[operation], "\n".join(ran)


def test_every_operation_has_a_budget(operations: dict[str, Callable[[], object]]) -> None:
    assert set(operations) == set(BUDGETS)
