"""Received images go on where the site's rules say, each once, whatever breaks in between."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from inference.deliveries.service import deliver_due
from inference.rejection_notes.service import FOLLOWING
from inference.routing.rounds import RoutingRounds
from inference.routing.send import send_study
from inference.rules.file import read_rules
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Delivery, Instance
from storage.core.errors import InvalidRequest, NotFound, StorageUnavailable
from storage.deliveries.listing import DeliveryFilter, list_deliveries
from storage.peers.entities import KnownPeer
from storage.retention.obligations import Obligations
from tests.inference.deliveries.destinations.nodes import node, with_results
from tests.inference.orchestration import complete_series, receive
from tests.inference.rejection_notes.notes import hide_rejected, note_over, send
from tests.inference.small import mr_series, series_uid, study_uid
from tests.services import free_port, orthanc

ROOT = Path(__file__).parents[3]
ARCHIVE = KnownPeer("archive", kind="folder", folder="archive")
"""It gets what is sent there, and no results."""


def rules(storage: Storage, text: str) -> None:
    path = storage.settings.data_dir / "rules.yaml"
    # A file of the same size within one tick of the clock would pass as unchanged.
    path.write_text(f"{text}\n# {utcnow().isoformat()}\n")


MR_TO_ARCHIVE = """
routing:
  - name: MR to the archive
    when: {Modality: MR}
    to: archive
"""


def wanted(storage: Storage, destination: str = "archive") -> list[Delivery]:
    found, _ = list_deliveries(storage.engine, DeliveryFilter(destination=destination), 1000, 0)
    return sorted(found, key=lambda one: one.created_at)


def round_of(storage: Storage) -> int:
    return RoutingRounds(storage).round(utcnow())


def files(storage: Storage) -> list[Path]:
    return sorted(storage.settings.resolved_export_dir.rglob("*.dcm"))


def test_a_series_goes_on_as_it_came_and_is_proven_there(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, MR_TO_ARCHIVE)
        sent = mr_series("a", 5)
        receive(storage, sent)
        assert round_of(storage) == 0, "it is still arriving"
        complete_and_schedule(storage, utcnow() + timedelta(minutes=1), ())
        assert round_of(storage) == 5
        assert round_of(storage) == 0
        assert deliver_due(storage, utcnow(), "sender") == 5
        assert {(one.state, one.cause, one.rule) for one in wanted(storage)} == {
            ("CONFIRMED", "RULE", "MR to the archive")
        }
        assert sorted(path.read_bytes() for path in files(storage)) == sorted(sent)
        assert storage.deliveries.of_study(study_uid("a")) == [], "those of results alone"


def test_orthanc_holds_what_went_on(tmp_path: Path) -> None:
    port = free_port()
    pacs = KnownPeer("pacs", ae_title="ORTHANC", host="127.0.0.1", port=port)
    with node(tmp_path, pacs) as storage, orthanc(tmp_path, port=port) as there:
        rules(storage, MR_TO_ARCHIVE.replace("archive", "pacs"))
        complete_series(storage, "a", 6)
        assert round_of(storage) == 6
        assert deliver_due(storage, utcnow(), "sender") == 6
        assert len(there.get("/instances")) == 6
        assert {one.state for one in wanted(storage, "pacs")} == {"CONFIRMED"}


@pytest.mark.parametrize(
    ("when", "goes"),
    [
        ("{Modality: CT}", False),
        ("{SendingApplicationEntityTitle: TEST}", True),
        ("{SendingApplicationEntityTitle: OTHER}", False),
        ("{all: [{Modality: MR}, {slices: {at_least: 9}}]}", False),
    ],
)
def test_only_what_the_condition_says(tmp_path: Path, when: str, goes: bool) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, MR_TO_ARCHIVE.replace("{Modality: MR}", when))
        complete_series(storage, "a", 4)
        assert round_of(storage) == (4 if goes else 0)


def test_nothing_goes_back_to_where_it_came_from(tmp_path: Path) -> None:
    sender = KnownPeer("pacs", ae_title="TEST", host="127.0.0.1", port=104)
    with node(tmp_path, ARCHIVE, sender) as storage:
        rules(storage, MR_TO_ARCHIVE.replace("to: archive", "to: [pacs, archive]"))
        complete_series(storage, "a", 3)
        assert round_of(storage) == 3
        assert wanted(storage, "pacs") == []


def test_what_arrives_later_goes_alone(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, MR_TO_ARCHIVE)
        complete_series(storage, "a", 4)
        assert round_of(storage) == 4
        complete_series(storage, "a", 6)
        assert round_of(storage) == 2
        assert len({one.sop_instance_uid for one in wanted(storage)}) == 6


def test_a_whole_study_waits_until_all_of_it_is_there(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(
            storage,
            MR_TO_ARCHIVE.replace("{Modality: MR}", "{SeriesDescription: second}")
            + "    send: study\n",
        )
        first = complete_series(storage, "a", 3)
        second = [_in_another_series(one) for one in mr_series("a", 2)]
        assert round_of(storage) == 0
        receive(storage, second)
        quiet = utcnow() + timedelta(seconds=storage.settings.study_quiet_s + 1)
        assert RoutingRounds(storage).round(quiet) == 0, "the second series still arrives"
        complete_and_schedule(storage, utcnow() + timedelta(minutes=1), ())
        assert round_of(storage) == 0, "it was complete a moment ago"
        assert RoutingRounds(storage).round(quiet + timedelta(seconds=1)) == 5
        assert first.series_instance_uid in {one.series_instance_uid for one in wanted(storage)}
        assert RoutingRounds(storage).round(quiet + timedelta(hours=1)) == 0


def test_rules_that_come_later_leave_alone_what_came_before(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        complete_series(storage, "a", 3)
        assert round_of(storage) == 0
        rules(storage, MR_TO_ARCHIVE)
        assert round_of(storage) == 0
        complete_series(storage, "b", 2)
        assert round_of(storage) == 2


def test_wrong_rules_hold_up_what_is_complete_until_they_are_right(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, MR_TO_ARCHIVE.replace("to: archive", "towards: archive"))
        complete_series(storage, "a", 3)
        with pytest.raises(InvalidRequest, match=r"rules\.yaml:5: 'towards'"):
            round_of(storage)
        rules(storage, MR_TO_ARCHIVE)
        assert round_of(storage) == 3


def test_a_peer_that_is_not_known_yet_gets_it_later(tmp_path: Path) -> None:
    with node(tmp_path) as storage:
        rules(storage, MR_TO_ARCHIVE)
        complete_series(storage, "a", 3)
        assert round_of(storage) == 3
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert "No destination is named archive" in wanted(storage)[0].last_error
        storage.peers.add(ARCHIVE)
        assert deliver_due(storage, utcnow() + timedelta(minutes=5), "sender") == 3


def test_results_go_first(tmp_path: Path) -> None:
    pacs = KnownPeer("results", kind="folder", folder="results", is_destination=True)
    with node(tmp_path, ARCHIVE, pacs) as storage:
        rules(storage, MR_TO_ARCHIVE)
        complete_series(storage, "bulk", 4)
        assert round_of(storage) == 4
        with_results(storage, "a")
        first = storage.deliveries.claim_due("sender", 30.0, utcnow(), 32)
        assert {one.destination for one in first} == {"results"}
        second = storage.deliveries.claim_due("sender", 30.0, utcnow(), 32)
        assert {one.destination for one in second} == {"archive"}


def test_a_person_sends_a_study_and_sends_it_again(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        complete_series(storage, "a", 3)
        for _ in range(2):
            assert send_study(storage, study_uid("a"), ["archive"]) == {"archive": 3}
            assert deliver_due(storage, utcnow(), "sender") == 3
            assert len(files(storage)) == 3
            for path in files(storage):
                path.unlink()
        (route,) = storage.routing.routes_of(study_uid("a"))
        assert (route.cause, route.total, route.confirmed, route.failing) == ("PERSON", 3, 3, 0)


def test_what_cannot_be_sent_is_said_before_anything_is(tmp_path: Path) -> None:
    caller = KnownPeer("ct1", ae_title="CT1")
    with node(tmp_path, ARCHIVE, caller) as storage:
        complete_series(storage, "a", 3)
        with pytest.raises(NotFound, match="No peer is named 'achive'"):
            send_study(storage, study_uid("a"), ["archive", "achive"])
        with pytest.raises(InvalidRequest, match="Nothing can be sent to 'ct1'"):
            send_study(storage, study_uid("a"), ["archive", "ct1"])
        with pytest.raises(NotFound):
            send_study(storage, study_uid("a"), ["archive"], [series_uid("b")])
        assert wanted(storage) == []


def test_what_was_complete_long_ago_is_looked_at_until_nothing_is_left(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, MR_TO_ARCHIVE)
        for number in range(18):
            complete_series(storage, f"old{number}", 1)
        rounds, much_later = RoutingRounds(storage), utcnow() + timedelta(days=3)
        assert [rounds.round(much_later) for _ in range(3)] == [16, 2, 0]


def test_series_that_cannot_be_read_do_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, MR_TO_ARCHIVE + "    send: study\n")
        away = {study_uid(f"away{number}") for number in range(16)}
        for number in range(16):
            complete_series(storage, f"away{number}", 1)
        complete_series(storage, "here", 2)
        read = type(storage.instances).dataset

        def dataset(reader: object, instance: Instance, **options: bool) -> Dataset:
            if instance.study_instance_uid in away:
                raise StorageUnavailable("The bucket is away.", remedy="Wait.")
            return read(storage.instances, instance, **options)

        monkeypatch.setattr(type(storage.instances), "dataset", dataset)
        rounds = RoutingRounds(storage)
        assert [rounds.round(utcnow()) for _ in range(2)] == [0, 0]
        quiet = utcnow() + timedelta(seconds=storage.settings.study_quiet_s + 1)
        assert sum(rounds.round(quiet) for _ in range(6)) == 2


def test_retention_keeps_a_study_whose_rules_were_not_asked(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        complete_series(storage, "a", 3)
        obligations = Obligations(storage.engine)
        owed = obligations.of_studies([study_uid("a")])[study_uid("a")]
        assert [one.kind for one in owed] == ["routing"]
        round_of(storage)
        assert not obligations.of_studies([study_uid("a")]).get(study_uid("a"))


def test_a_result_that_a_person_sent_on_is_taken_back_there_too(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        results = with_results(storage, "a")
        send_study(storage, study_uid("a"), ["archive"])
        assert deliver_due(storage, utcnow(), "sender") == 10
        uids = [one.sop_instance_uid for one in results]
        assert storage.withdrawals.destinations_of(uids) == {"archive": "PERSON"}
        note = [storage.index.instance(uids[0])]
        storage.deliveries.enqueue("archive", note, None, cause="PERSON")
        send_study(storage, study_uid("a"), ["archive"])
        assert deliver_due(storage, utcnow(), "sender") == 10


def test_the_example_of_the_documentation_is_right(tmp_path: Path) -> None:
    page = (ROOT / "docs/routing.md").read_text()
    example = tmp_path / "rules.yaml"
    example.write_text(page.partition("```yaml rules\n")[2].partition("```")[0])
    first, second = read_rules(example).routing
    assert (first.to, first.send) == (("archive",), "series")
    assert (second.to, second.send) == (("archive", "research"), "study")


def _in_another_series(file: bytes) -> bytes:

    dataset = dcmread(BytesIO(file))
    dataset.SeriesInstanceUID = series_uid("second")
    dataset.SeriesDescription = "second"
    dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID}.2"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    target = BytesIO()
    dataset.save_as(target)
    return target.getvalue()


def test_a_rejection_note_follows_the_images_that_it_rejects(tmp_path: Path) -> None:
    other = KnownPeer("other", kind="folder", folder="other")
    sender = KnownPeer("sender", ae_title="TEST")
    with node(tmp_path, ARCHIVE, other, sender) as storage:
        rules(storage, MR_TO_ARCHIVE)
        sent = mr_series("head", 3)
        receive(storage, sent)
        complete_and_schedule(storage, utcnow() + timedelta(minutes=1), ())
        assert round_of(storage) == 3
        assert deliver_due(storage, utcnow(), "sender") == 3
        images = [dcmread(BytesIO(one)) for one in sent]
        note, plain = note_over(images[:1]), note_over(images[1:], "113000")
        send(storage, [note, plain])
        hide_rejected(storage, utcnow())
        (follows,) = (one for one in wanted(storage) if one.sop_instance_uid == note.SOPInstanceUID)
        assert (follows.destination, follows.cause, follows.rule) == ("archive", "RULE", FOLLOWING)
        assert wanted(storage, "other") == [], "it never had the images"
        assert deliver_due(storage, utcnow(), "sender") == 1
        # A selection that rejects nothing goes where the rules say.
        assert plain.SOPInstanceUID not in {one.sop_instance_uid for one in wanted(storage)}
