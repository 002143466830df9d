"""A peer fills no disk with procedure steps and availability notices, nor with their hints."""

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from sqlalchemy import func, select

from storage import tables as t
from storage.core.errors import LimitExceeded
from storage.db.engine import reading
from storage.index import expected_instances
from storage.mpps import kept
from storage.mpps.senders import Sender
from tests.dicom_node.conftest import Node
from tests.dicom_node.normalized.steps import (
    IAN,
    MPPS,
    SERIES,
    STUDY,
    announced,
    beginning,
    ending,
    modality,
    receive,
    references,
    uids,
)


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(kept, "MOST_KEPT", 3)
    return 3


def count(node: Node, table: str) -> int:
    with reading(node.storage.engine) as connection:
        return connection.execute(
            select(func.count()).select_from(t.metadata.tables[table])
        ).scalar_one()


def test_steps_that_ended_make_room_and_open_ones_are_refused(node: Node, most: int) -> None:
    with modality(node) as association:
        steps = [generate_uid() for _ in range(most)]
        for uid in steps:
            status, _ = association.send_n_create(beginning(), MPPS, uid)
            assert status.Status == 0
        # Resource limitation (PS3.7 C.5.15).
        status, _ = association.send_n_create(beginning(), MPPS, generate_uid())
        assert status.Status == 0x0213
        status, _ = association.send_n_set(ending("COMPLETED", uids(1)), MPPS, steps[1])
        assert status.Status == 0
        assert count(node, "expectation") == 1
        newest = generate_uid()
        status, _ = association.send_n_create(beginning(), MPPS, newest)
        assert status.Status == 0
    assert count(node, "procedure_step") == most
    assert count(node, "expectation") == 0
    assert node.storage.procedure_steps.get(newest).state == "IN PROGRESS"
    # Another peer has room of its own.
    assert kept.steps_to_let_go(node.storage.engine, Sender("peer:other", "MR1"), 1000) == []


def test_long_steps_that_ended_make_room_and_open_ones_are_refused(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,000 steps of 8 MiB each were 16 GiB of a peer."""
    long = uids(*range(1, 101))
    with modality(node) as association:
        for _ in range(6):
            uid = generate_uid()
            assert association.send_n_create(beginning(), MPPS, uid)[0].Status == 0
            assert association.send_n_set(ending("COMPLETED", long), MPPS, uid)[0].Status == 0
            size_bytes = node.storage.procedure_steps.get(uid).size_bytes
            monkeypatch.setattr(kept, "MOST_BYTES", 3 * size_bytes)
        assert count(node, "procedure_step") <= 3
        assert size_bytes > 20_000
        statuses = []
        for _ in range(6):
            uid = generate_uid()
            assert association.send_n_create(beginning(), MPPS, uid)[0].Status == 0
            changed = ending("COMPLETED", long)
            changed.PerformedProcedureStepStatus = "IN PROGRESS"
            statuses.append(association.send_n_set(changed, MPPS, uid)[0].Status)
        assert statuses[0] == 0
        assert statuses[-1] == 0x0213
        # What ends such a step is always taken.
        end = Dataset()
        end.PerformedProcedureStepStatus = "DISCONTINUED"
        assert association.send_n_set(end, MPPS, uid)[0].Status == 0


def test_many_peers_share_what_there_is_for_all(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = node.storage.procedure_steps
    for number in range(4):
        for _ in range(3):
            sender = Sender(f"peer:{number}", f"MR{number}")
            steps.create(generate_uid(), sender, {"00400254": {"vr": "LO"}}, [STUDY], {})
    mine = Sender("peer:0", "MR0")
    assert kept.steps_to_let_go(node.storage.engine, mine, 50) == []
    size_bytes = len('{"00400254":{"vr":"LO"}}')
    monkeypatch.setattr(kept, "MOST_BYTES_OF_ALL", 12 * size_bytes)
    with pytest.raises(LimitExceeded):
        kept.steps_to_let_go(node.storage.engine, mine, 50)
    assert kept.steps_to_let_go(node.storage.engine, Sender("peer:9", "MR9"), 50) == []


def notice(number: int) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = SERIES
    series.ReferencedSOPSequence = references(uids(number))
    for item in series.ReferencedSOPSequence:
        item.InstanceAvailability = "ONLINE"
        item.RetrieveAETitle = "ARCHIVE"
    dataset = Dataset()
    dataset.StudyInstanceUID = STUDY
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.ReferencedSeriesSequence = [series]
    return dataset


def test_the_oldest_notices_make_room(node: Node, most: int) -> None:
    with modality(node) as association:
        for number in range(most + 4):
            status, _ = association.send_n_create(notice(number), IAN, generate_uid())
            assert status.Status == 0
    assert count(node, "availability_notice") == most
    assert count(node, "expectation") == most


def test_of_very_many_hints_about_a_series_the_newest_count(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand notices of 33,000 instances each were all read in each round of decisions."""
    monkeypatch.setattr(expected_instances, "_MOST_ANNOUNCERS", 2)
    receive(node, [1])
    with modality(node) as association:
        for number in range(1, 6):
            status, _ = association.send_n_create(notice(number), IAN, generate_uid())
            assert status.Status == 0
    found = announced(node)
    assert found is not None
    assert found.missing == frozenset(uids(4, 5))
