"""Peers that are notified of procedure steps and of available instances, by pynetdicom's SCP."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.events import Event

from dicom_node.normalized.peer_notifier import PeerNotifier
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.db.engine import writing
from storage.peers.entities import KnownPeer
from storage.peers.notifications import NOTIFICATION_KINDS, want_notified
from storage.peers.validation import checked
from tests.dicom_node.conftest import Node
from tests.dicom_node.normalized.steps import (
    IAN,
    MPPS,
    SERIES,
    STUDY,
    beginning,
    ending,
    modality,
    receive,
    uids,
)
from tests.services import free_port


@dataclass
class Ris:
    """Keeps steps as PS3.4 F.7 asks, and answers what it is set to for once."""

    port: int
    steps: dict[str, Dataset] = field(default_factory=dict)
    notices: list[Dataset] = field(default_factory=list)
    loses_answers: int = 0

    def create(self, event: Event) -> tuple[int, Dataset | None]:
        if event.request.AffectedSOPClassUID == IAN:
            self.notices.append(event.attribute_list)
            return 0x0000, None
        uid = str(event.request.AffectedSOPInstanceUID)
        if uid in self.steps:
            return 0x0111, None
        assert event.attribute_list.PerformedProcedureStepStatus == "IN PROGRESS"
        self.steps[uid] = event.attribute_list
        return self._answered()

    def change(self, event: Event) -> tuple[int, Dataset | None]:
        step = self.steps.get(str(event.request.RequestedSOPInstanceUID))
        if step is None:
            return 0x0112, None
        if step.PerformedProcedureStepStatus != "IN PROGRESS":
            error = Dataset()
            error.Status, error.ErrorID = 0x0110, 0xA710
            return error, None  # type: ignore[return-value] # as pynetdicom allows
        assert "ScheduledStepAttributesSequence" not in event.modification_list
        step.update(event.modification_list)
        return self._answered()

    def _answered(self) -> tuple[int, Dataset | None]:
        """It did what it was asked, and where the answer gets lost, the sender cannot know."""
        if self.loses_answers:
            self.loses_answers -= 1
            return 0x0213, None
        return 0x0000, None


@contextmanager
def listening(ris: Ris) -> Iterator[None]:
    ae = AE("RIS")
    for sop_class in (MPPS, IAN):
        ae.add_supported_context(sop_class)
    handlers = [(evt.EVT_N_CREATE, ris.create), (evt.EVT_N_SET, ris.change)]
    server = ae.start_server(("127.0.0.1", ris.port), block=False, evt_handlers=handlers)
    try:
        yield
    finally:
        server.shutdown()


@pytest.fixture
def ris(node: Node) -> Ris:
    """Known to the node, and not there yet. The tests say when it is notified."""
    node.scp.stop_reporting()
    ris = Ris(free_port())
    node.storage.peers.add(peer_of(ris))
    return ris


def peer_of(ris: Ris, **changes: object) -> KnownPeer:
    known = KnownPeer(
        name="ris",
        ae_title="RIS",
        host="127.0.0.1",
        port=ris.port,
        notifications=frozenset(NOTIFICATION_KINDS),
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def notify(node: Node, in_s: float = 0) -> int:
    return PeerNotifier(node.storage).tell_due(utcnow() + timedelta(seconds=in_s))


def last_error(node: Node) -> str:
    return node.storage.peer_notifications.waiting()["ris"].last_error


def perform(node: Node, state: str = "COMPLETED", instances: Sequence[int] = (1, 2)) -> str:
    uid = generate_uid()
    with modality(node) as scu:
        assert scu.send_n_create(beginning(), MPPS, uid)[0].Status == 0
        assert scu.send_n_set(ending(state, uids(*instances)), MPPS, uid)[0].Status == 0
    return uid


def test_a_step_is_passed_on_as_it_goes(node: Node, ris: Ris) -> None:
    uid = generate_uid()
    with modality(node) as scu, listening(ris):
        scu.send_n_create(beginning(), MPPS, uid)
        assert notify(node) == 1
        assert ris.steps[uid].PerformedProcedureStepStatus == "IN PROGRESS"
        assert str(ris.steps[uid].PatientName) == "Müller^Jürgen"
        assert notify(node) == 0
        scu.send_n_set(ending("COMPLETED", uids(1, 2)), MPPS, uid)
        assert notify(node) == 1
    step = ris.steps[uid]
    assert (step.PerformedProcedureStepStatus, step.PerformedProcedureStepEndDate) == (
        "COMPLETED",
        "20240131",
    )
    images = step.PerformedSeriesSequence[0].ReferencedImageSequence
    assert [one.ReferencedSOPInstanceUID for one in images] == uids(1, 2)


@pytest.mark.parametrize("state", ["COMPLETED", "DISCONTINUED"])
def test_a_peer_that_was_away_hears_of_the_beginning_and_the_end(
    node: Node, ris: Ris, state: str
) -> None:
    uid = perform(node, state)
    assert notify(node) == 0
    assert "cannot be reached" in last_error(node)
    with listening(ris):
        assert notify(node, in_s=3600) == 1
    assert ris.steps[uid].PerformedProcedureStepStatus == state
    assert node.storage.peer_notifications.waiting() == {}


def test_an_answer_that_was_lost_does_no_harm(node: Node, ris: Ris) -> None:
    uid = perform(node)
    with listening(ris):
        for hour, lost in enumerate((1, 1, 0), start=1):
            ris.loses_answers = lost
            done = notify(node, in_s=3600 * hour)
    assert done == 1
    assert ris.steps[uid].PerformedProcedureStepStatus == "COMPLETED"


def test_a_peer_that_lost_its_steps_gets_them_again(node: Node, ris: Ris) -> None:
    uid = generate_uid()
    with modality(node) as scu, listening(ris):
        scu.send_n_create(beginning(), MPPS, uid)
        assert notify(node) == 1
        ris.steps.clear()
        scu.send_n_set(ending("COMPLETED", uids(1)), MPPS, uid)
        assert notify(node) == 1
    assert ris.steps[uid].PerformedProcedureStepStatus == "COMPLETED"


def test_nobody_is_notified_of_its_own_steps(node: Node, ris: Ris) -> None:
    node.storage.peers.replace(peer_of(ris, ae_title="CT1"))
    perform(node)
    assert node.storage.peer_notifications.waiting() == {}


def test_which_instances_are_here_and_which_are_gone(node: Node, ris: Ris) -> None:
    receive(node, [1, 2])
    complete(node)
    with listening(ris):
        assert notify(node) == 1
        with writing(node.storage.engine) as connection:
            # As when two series of results complete, and the first notification has both.
            want_notified(connection, "ian", STUDY, utcnow())
        assert notify(node) == 1
        assert len(ris.notices) == 1
        receive(node, [3])
        complete(node)
        assert notify(node) == 1
        node.storage.deletions.study(STUDY)
        assert notify(node) == 1
    assert [availability(one) for one in ris.notices] == [
        dict.fromkeys(uids(1, 2), "ONLINE"),
        dict.fromkeys(uids(1, 2, 3), "ONLINE"),
        dict.fromkeys(uids(1, 2, 3), "UNAVAILABLE"),
    ]
    assert {one.StudyInstanceUID for one in ris.notices} == {STUDY}


def test_the_step_that_made_a_study_is_named_and_none_of_two(node: Node, ris: Ris) -> None:
    step = perform(node)
    receive(node, [1, 2])
    complete(node)
    with listening(ris):
        notify(node)
        perform(node, instances=(3,))
        receive(node, [3])
        complete(node)
        notify(node)
    first, second = (
        [(str(one.ReferencedSOPClassUID), str(one.ReferencedSOPInstanceUID)) for one in of]
        for of in (one.ReferencedPerformedProcedureStepSequence for one in ris.notices)
    )
    assert first == [(MPPS, step)]
    assert second == []


def test_a_study_that_goes_after_months_is_named(node: Node, ris: Ris) -> None:
    receive(node, [1])
    complete(node)
    with listening(ris):
        assert notify(node) == 1
        node.storage.peer_notifications.forget_old(utcnow() + timedelta(days=60))
        node.storage.deletions.instance(uids(1)[0])
        assert notify(node) == 1
    assert availability(ris.notices[-1]) == {uids(1)[0]: "UNAVAILABLE"}


def test_what_changes_after_months_is_tried_for_as_long_as_ever(node: Node, ris: Ris) -> None:
    uid = generate_uid()
    days = 24 * 3600.0
    with modality(node) as scu:
        scu.send_n_create(beginning(), MPPS, uid)
        assert notify(node, in_s=40 * days) == 0
        assert node.storage.peer_notifications.waiting()["ris"].given_up == 1
        scu.send_n_set(ending("COMPLETED", uids(1)), MPPS, uid)
    assert notify(node, in_s=days) == 0
    waiting = node.storage.peer_notifications.waiting()["ris"]
    assert (waiting.count, waiting.given_up) == (1, 0)
    with listening(ris):
        assert notify(node, in_s=2 * days) == 1
    assert ris.steps[uid].PerformedProcedureStepStatus == "COMPLETED"


def test_another_peer_of_the_name_begins_from_nothing(node: Node, ris: Ris) -> None:
    perform(node)
    node.storage.peers.remove("ris")
    node.storage.peers.add(peer_of(ris))
    assert node.storage.peer_notifications.waiting() == {}


def test_who_is_notified_no_more_hears_nothing(node: Node, ris: Ris) -> None:
    uid = perform(node)
    node.storage.peers.replace(peer_of(ris, notifications=frozenset({"ian"})))
    with listening(ris):
        assert notify(node) == 1
    assert uid not in ris.steps
    assert node.storage.peer_notifications.waiting() == {}


def test_a_peer_that_cannot_be_called_is_not_notified(node: Node) -> None:
    folder = KnownPeer("archive", "folder", folder="a", notifications=frozenset({"ian"}))
    unknown = KnownPeer("ris", ae_title="RIS", host="h", port=104, notifications={"hl7"})  # type: ignore[arg-type]
    for peer, said in ((folder, "by DIMSE"), (unknown, "cannot contain 'hl7'")):
        with pytest.raises(InvalidRequest, match=said):
            checked(peer, node.storage.settings)


def complete(node: Node) -> None:
    (series,) = node.storage.index.series_of(STUDY)
    assert node.storage.index.mark_complete(series, utcnow())


def availability(notice: Dataset) -> dict[str, str]:
    (series,) = notice.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == SERIES
    return {
        str(one.ReferencedSOPInstanceUID): str(one.InstanceAvailability)
        for one in series.ReferencedSOPSequence
    }
