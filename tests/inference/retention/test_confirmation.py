"""Nothing leaves before the peers that a rule names have proved that they have every instance."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from inference.retention.confirmation import ask_peer
from inference.retention.dry_run import plan
from inference.retention.service import RetentionRounds
from storage.container import Storage
from storage.core.clock import utcnow
from storage.settings import Destination
from tests.inference.deliveries.test_commitment_delivery import OddPeer
from tests.inference.orchestration import storage_in
from tests.inference.retention.studies import complete, in_days, is_here, study, with_rules
from tests.services import free_port, orthanc
from tests.storage.instances import part10

AT_PACS = "  - {name: archived, keep_days: 30, confirmed_at: [pacs]}\n"


@contextmanager
def node(folder: Path, port: int) -> Iterator[Storage]:
    there = Destination("pacs", "ORTHANC", "127.0.0.1", port)
    with storage_in(folder, destinations=(there,)) as storage:
        with_rules(storage, AT_PACS)
        yield storage


def why(storage: Storage, study_instance_uid: str, days: float = 31) -> list[str]:
    (planned,) = plan(storage, [study_instance_uid], in_days(days))
    return [one.text for one in planned.reasons]


def test_the_pacs_is_asked_when_the_time_is_over_and_once_more_after_some_hours(
    tmp_path: Path,
) -> None:
    with orthanc(tmp_path) as pacs, node(tmp_path, pacs.port) as storage:
        first = study(storage, "first")
        storage.ingest.accept(part10(study="first", series="other"), "dimse:CT1")
        complete(storage, first)
        assert why(storage, first) == ["pacs has not been asked yet whether it has the instances."]
        rounds = RetentionRounds(storage)
        assert rounds.round(in_days(31)).removed == 0
        assert why(storage, first) == ["pacs lacks 2 of 2 instances."]

        pacs.post("/instances", part10(study="first"))
        # Not asked again every half minute.
        rounds.round(in_days(31) + timedelta(hours=2))
        assert why(storage, first) == ["pacs lacks 2 of 2 instances."]
        rounds.round(in_days(31) + timedelta(hours=7))
        assert why(storage, first) == ["pacs lacks 1 of 2 instances."]

        pacs.post("/instances", part10(study="first", series="other"))
        assert rounds.round(in_days(31) + timedelta(hours=14)).removed == 1
        assert not is_here(storage, first)


def test_a_storage_commitment_for_the_whole_study_is_proof(tmp_path: Path) -> None:
    with OddPeer(same_association=True).run() as peer, node(tmp_path, peer.port) as storage:
        first = study(storage, "first")
        storage.ingest.accept(part10(study="first", series="other"), "dimse:CT1")
        complete(storage, first)
        assert RetentionRounds(storage).round(in_days(31)).removed == 1
        (asked,) = peer.asked
        assert len(asked.ReferencedSOPSequence) == 2
        assert peer.stored == []


def test_a_study_that_has_grown_is_asked_about_again(tmp_path: Path) -> None:
    with orthanc(tmp_path) as pacs, node(tmp_path, pacs.port) as storage:
        first = study(storage, "first")
        pacs.post("/instances", part10(study="first"))
        (attributes,) = storage.study_attributes.read([first])
        assert ask_peer(storage, attributes, "pacs", in_days(31)).why == ""
        assert why(storage, first) == []
        storage.ingest.accept(part10(study="first", instance="late"), "dimse:CT1")
        complete(storage, first)
        assert why(storage, first) == ["pacs has not been asked yet whether it has the instances."]


def test_a_pacs_that_is_down_is_called_once_a_round_and_nothing_leaves(tmp_path: Path) -> None:
    with node(tmp_path, free_port()) as storage:
        studies = [study(storage, f"study-{number}") for number in range(3)]
        assert RetentionRounds(storage).round(in_days(31)).removed == 0
        asked = storage.retention.confirmations(studies)
        assert [one.is_complete for one in asked] == [False]
        assert all(is_here(storage, one) for one in studies)
        (one,) = [one for one in studies if one == asked[0].study_instance_uid]
        assert why(storage, one)[0].startswith("pacs could not be asked: ")


def test_what_the_node_delivered_itself_and_the_pacs_confirmed_need_not_be_asked(
    tmp_path: Path,
) -> None:
    with node(tmp_path, free_port()) as storage:
        first = study(storage, "first")
        storage.deliveries.enqueue("pacs", storage.index.instances_of(first), None)
        ids = [one.delivery_id for one in storage.deliveries.of_study(first)]
        storage.deliveries.confirmed(ids, utcnow())
        assert RetentionRounds(storage).round(in_days(31)).removed == 1


def test_a_peer_that_is_not_there_any_more_is_named_and_keeps_everything(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        with_rules(storage, "  - {name: archived, keep_days: 1, confirmed_at: [old-archive]}\n")
        first = study(storage, "first")
        assert RetentionRounds(storage).round(in_days(31)).removed == 0
        assert why(storage, first) == ["No peer is named old-archive; the rule waits for it."]
