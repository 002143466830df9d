"""A rule sends instances as they arrive, and nothing twice when their series is complete."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from inference.deliveries.service import deliver_due
from inference.routing import arriving
from inference.routing.rounds import RoutingRounds
from inference.routing.service import explain_routing
from inference.rules.file import current_rules, read_rules
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer
from tests.inference.deliveries.destinations.nodes import node
from tests.inference.orchestration import receive
from tests.inference.routing.test_routing import ARCHIVE, files, rules, wanted
from tests.inference.small import changed, mr_series, study_uid

AS_THEY_ARRIVE = """
routing:
  - name: at once
    when: {Modality: MR}
    to: archive
    send: instance
"""


def complete(storage: Storage) -> None:
    complete_and_schedule(storage, utcnow() + timedelta(minutes=1), ())


def test_what_arrives_goes_on_before_its_series_is_complete(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, AS_THEY_ARRIVE)
        rounds = RoutingRounds(storage)
        sent = mr_series("a", 6)
        receive(storage, sent[:2])
        assert rounds.round(utcnow()) == 2
        assert rounds.round(utcnow()) == 0
        assert deliver_due(storage, utcnow(), "sender") == 2
        receive(storage, sent[2:5])
        assert rounds.round(utcnow()) == 3
        receive(storage, sent[5:])
        complete(storage)
        assert rounds.round(utcnow()) == 1, "what came last, and nothing twice"
        assert rounds.round(utcnow()) == 0
        assert deliver_due(storage, utcnow(), "sender") == 4
        assert sorted(path.read_bytes() for path in files(storage)) == sorted(sent)
        assert {(one.state, one.rule) for one in wanted(storage)} == {("CONFIRMED", "at once")}


def test_a_long_series_goes_in_portions_and_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "_INSTANCES_AT_ONCE", 3)
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, AS_THEY_ARRIVE)
        receive(storage, mr_series("a", 7))
        rounds = RoutingRounds(storage)
        assert [rounds.round(utcnow()) for _ in range(4)] == [3, 3, 1, 0]
        restarted = RoutingRounds(storage)
        assert [restarted.round(utcnow()) for _ in range(3)] == [0, 0, 0]
        receive(storage, mr_series("a", 8)[7:])
        assert restarted.round(utcnow()) == 1


def test_each_instance_is_asked_for_itself(tmp_path: Path) -> None:
    """Of one series some instances go, also where all of it was complete before the rule was."""
    only_right = "{not: {ImageComments: left}}"
    sent = mr_series("a", 4)
    marked = [changed(one, ImageComments="left") for one in sent[:3]]
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, AS_THEY_ARRIVE.replace("{Modality: MR}", only_right))
        receive(storage, [*marked, sent[3]])
        rounds = RoutingRounds(storage)
        assert rounds.round(utcnow()) == 1
        complete(storage)
        assert rounds.round(utcnow()) == 0
        (one,) = wanted(storage)
        assert one.sop_instance_uid == dcmread(BytesIO(sent[3])).SOPInstanceUID
        ((_, (tried,)),) = explain_routing(
            storage.index,
            storage.instances,
            storage.worklist,
            storage.prior_fetches,
            study_uid("a"),
            current_rules(storage.settings),
        )
        assert tried.holds
        assert len(tried.instances) == 1


def test_nothing_goes_back_to_its_sender(tmp_path: Path) -> None:
    sender = KnownPeer("pacs", ae_title="TEST", host="127.0.0.1", port=104)
    with node(tmp_path, ARCHIVE, sender) as storage:
        rules(storage, AS_THEY_ARRIVE.replace("to: archive", "to: [pacs, archive]"))
        receive(storage, mr_series("a", 3))
        assert RoutingRounds(storage).round(utcnow()) == 3
        assert wanted(storage, "pacs") == []


def test_without_such_a_rule_nothing_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("the index was asked")

    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, AS_THEY_ARRIVE.replace("instance", "series"))
        receive(storage, mr_series("a", 3))
        monkeypatch.setattr(arriving.ArrivingSeries, "receiving", asked)
        assert RoutingRounds(storage).round(utcnow()) == 0


@pytest.mark.parametrize(
    ("rest", "sentence"),
    [
        ("when: {slices: {at_least: 3}}", "slices is known of a series"),
        ("when: {not: {plane: axial}}", "plane is known of a series"),
        ("when: {finding.x: {present: true}}", "is of what is received"),
        ("what: results", "is of what is received"),
    ],
)
def test_what_no_instance_tells_alone_is_refused(tmp_path: Path, rest: str, sentence: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(f"routing: [{{name: a, to: b, send: instance, {rest}}}]")
    with pytest.raises(InvalidRequest, match=sentence):
        read_rules(path)
