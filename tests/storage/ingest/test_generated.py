"""What others send under a UID of the node is never taken for what the node made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.server.checks.storage import check_occupied_uids
from storage.audit import Code
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage, open_storage
from storage.core.errors import NotFound, UidOccupied
from storage.core.sources import is_own
from storage.core.uids import FORMER_UIDS, UidScheme, derive_uid
from storage.ingest.generated import OCCUPIED
from storage.settings import Settings
from tests.migrated import upgrade
from tests.storage.instances import part10

NAMES = ("test", "study", "results", "report")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    settings = Settings(data_dir=tmp_path / "node", free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as opened:
        yield opened


def uids_of(scheme: UidScheme) -> list[str]:
    return [scheme.derive(*NAMES)]


def made(uid: str, value: str = "") -> bytes:
    return part10("study", "results", "report", SOPInstanceUID=uid, PatientComments=value)


def test_uids_cannot_be_computed_outside_and_are_the_same_in_every_process(
    storage: Storage,
) -> None:
    (uid,) = uids_of(storage.generated.scheme(uids_of))
    assert uid != derive_uid(*NAMES)
    with open_storage(storage.settings) as other:
        assert uids_of(other.generated.scheme(uids_of)) == [uid]
        key = Path(other.settings.data_dir) / "uid.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert "key" not in repr(storage.generated.scheme(uids_of))


def test_what_an_earlier_release_made_keeps_its_uid(storage: Storage) -> None:
    (former,) = uids_of(FORMER_UIDS)
    storage.generated.store(made(former), former, "report")
    assert uids_of(storage.generated.scheme(uids_of)) == [former]


def test_what_others_send_under_a_uid_of_the_node_is_never_its_own(storage: Storage) -> None:
    (uid,) = uids_of(storage.generated.scheme(uids_of))
    instance, outcome = storage.generated.store(made(uid), uid, "report")
    assert (instance.source, outcome) == ("report", "stored")
    # It left the node, was deleted here, and somebody who read it sends it changed.
    storage.deletions.instance(uid)
    storage.ingest.accept(made(uid, "forged"), "dimse:STRANGER")
    with pytest.raises(UidOccupied):
        storage.generated.store(made(uid), uid, "report")
    with pytest.raises(NotFound):
        storage.generated.instance(uid)
    (another,) = uids_of(storage.generated.scheme(uids_of))
    assert another not in (uid, derive_uid(*NAMES))
    assert storage.generated.store(made(another), another, "report")[1] == "stored"
    storage.audit.flush()
    found = check_occupied_uids(storage.engine)
    assert found.state == "note"
    assert uid in found.detail
    assert "dimse:STRANGER, a changed copy" in found.detail


def test_what_others_sent_is_noted_once_by_whatever_process(storage: Storage) -> None:
    (uid,) = uids_of(storage.generated.scheme(uids_of))

    def noted() -> int:
        # Another process finds it, or the same one after a restart.
        with open_storage(storage.settings) as other:
            assert other.generated.occupied([uid]) == {uid: "dimse:STRANGER"}
            other.audit.flush()
            wanted = AuditFilter(code=Code.SECURITY_ALERT, text=OCCUPIED)
            return find_events(other.engine, wanted, 1, 0)[1]

    storage.ingest.accept(made(uid), "dimse:STRANGER")
    assert [noted(), noted()] == [1, 1]
    storage.deletions.instance(uid)
    storage.ingest.accept(made(uid), "dimse:STRANGER")
    assert [noted(), noted()] == [2, 2]


def test_nobody_who_sends_gets_a_source_of_the_node() -> None:
    own = ("report", "report:superseded", "result:1", "reader:dora", "rejection:1")
    assert all(map(is_own, own))
    for way in ("dimse:", "stow:", "fetch:", "import:", "import-to-run:", "may-reject:", "upload:"):
        assert not any(is_own(way + one) for one in own)
