"""Studies leave when their time is over and nothing is owed; each other stays for a reason."""

import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest

from inference.retention import clock_doubt
from inference.retention.service import RetentionRounds
from inference.rules.file import read_rules
from storage.audit import Actor, AuditEvent, Code
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.volumes.files import SUFFIX
from tests.inference.retention.studies import (
    complete,
    in_days,
    is_here,
    round_in,
    study,
    why,
    with_rules,
)
from tests.storage.instances import part10

THIRTY_DAYS = "  - {name: all, keep_days: 30}\n"


def test_a_study_leaves_for_good_when_its_time_is_over_and_the_trail_says_by_which_rule(
    storage: Storage,
) -> None:
    first = study(storage, "first", PatientID="P-77")
    with_rules(storage, THIRTY_DAYS)
    assert round_in(storage, 29.9).removed == 0
    done = round_in(storage, 30.1)
    assert (done.removed, is_here(storage, first)) == (1, False)
    assert storage.events.since(0)[-1].payload["change"] == "study_deleted"
    storage.audit.flush()
    (event,), _ = find_events(storage.engine, AuditFilter(actor="retention"), 10, 0)
    assert (event.code, event.action, event.actor_id) == ("110105", "D", "rule:all")
    assert (event.study_instance_uids, event.patient_ids) == ((first,), ("P-77",))
    assert event.detail["cause"] == "time"


def test_without_rules_everything_stays(storage: Storage) -> None:
    first = study(storage, "first")
    assert round_in(storage, 10_000).removed == 0
    assert is_here(storage, first)


def test_the_first_rule_that_holds_counts_and_its_conditions_see_the_whole_study(
    storage: Storage,
) -> None:
    with_rules(
        storage,
        "  - name: research stays\n"
        "    when:\n"
        "      any:\n"
        "        - SendingApplicationEntityTitle: RESEARCH\n"
        "        - StudyDescription: {contains: trial}\n"
        "  - name: mammography\n"
        "    when: {Modality: MG}\n"
        "    keep_days: 3650\n"
        "  - {name: thick, when: {SliceThickness: {at_least: 5}}, keep_days: 7}\n"
        "  - {name: not MG, when: {not: {Modality: MG}}, keep_days: 30}\n",
    )
    research = study(storage, "research", source="dimse:RESEARCH")
    trial = study(storage, "trial", StudyDescription="Drug Trial 7")
    mammography = study(storage, "mammography", Modality="MG")
    # A report beside the images is no MG; the study is one all the same.
    storage.ingest.accept(part10(study="mammography", series="report", Modality="SR"), "stow")
    complete(storage, mammography)
    thick = study(storage, "thick", SliceThickness="5.0")
    other = study(storage, "other", SliceThickness="1.0")
    round_in(storage, 8)
    assert not is_here(storage, thick)
    round_in(storage, 31)
    assert not is_here(storage, other)
    assert all(is_here(storage, one) for one in (research, trial, mammography))
    round_in(storage, 3651)
    assert not is_here(storage, mammography)
    assert why(storage, research, 9000) == ["The rule 'research stays' names no time."]


def test_each_round_comes_a_step_further_however_short_its_time_is(storage: Storage) -> None:
    for name in ("first", "second"):
        study(storage, name)
    with_rules(storage, THIRTY_DAYS)
    assert round_in(storage, 1).removed == 0, "which decides on both"
    hurried = RetentionRounds(storage, budget_s=1e-9)
    removed = [round_in(storage, 31, hurried).removed for _ in range(4)]
    assert sum(removed) == 2, removed


def test_size_may_decide(storage: Storage) -> None:
    with_rules(storage, "  - {name: large, size_mib_at_least: 0.5, keep_days: 1}\n")
    small = study(storage, "small")
    large = study(storage, "large", Rows=512, Columns=512, PixelData=bytes(2 * 512 * 512))
    round_in(storage, 2)
    assert (is_here(storage, small), is_here(storage, large)) == (True, False)
    assert why(storage, small) == ["No rule holds for it."]


def test_a_late_instance_starts_the_time_again(storage: Storage) -> None:
    first = study(storage, "first")
    with_rules(storage, THIRTY_DAYS)
    round_in(storage, 1)
    storage.ingest.accept(part10(study="first", instance="late"), "stow")
    assert why(storage, first) == ["It is still being received."]
    complete(storage, first)
    assert why(storage, first, 29.9)[0].startswith("Its time ends on 2")
    round_in(storage, 31)
    assert not is_here(storage, first)


def test_a_study_that_is_used_stays_and_the_nodes_own_reading_is_no_use(storage: Storage) -> None:
    used, unused = study(storage, "used"), study(storage, "unused")
    with_rules(storage, "  - {name: unused, keep_days: 30, since: used}\n")
    round_in(storage, 0)
    ada = Actor("account", "ada")
    for at in (in_days(10), in_days(20)):
        storage.audit.record(
            AuditEvent(Code.INSTANCES_ACCESSED, "R", ada, study_instance_uids=(used,), at=at)
        )
    own = Actor("node", "node")
    event = AuditEvent(Code.BEGIN_TRANSFER, "E", own, study_instance_uids=(unused,), at=in_days(20))
    storage.audit.record(event)
    storage.audit.flush()
    round_in(storage, 31)
    assert (is_here(storage, used), is_here(storage, unused)) == (True, False)
    round_in(storage, 49)
    assert is_here(storage, used)
    round_in(storage, 51)
    assert not is_here(storage, used)


def test_a_file_that_goes_wrong_leaves_the_rules_as_they_were(storage: Storage) -> None:
    first = study(storage, "first")
    with_rules(storage, "  - {name: all, keep_days: 9000}\n")
    rounds = RetentionRounds(storage)
    rounds.round(in_days(0))
    with_rules(storage, "  - {name: all, keep_days: -1}\n")
    assert round_in(storage, 31, rounds).problem == ""
    assert is_here(storage, first)


def test_a_file_that_was_wrong_from_the_start_lets_nothing_leave_and_that_is_said(
    storage: Storage,
) -> None:
    first = study(storage, "first")
    with_rules(storage, "  - name: all\n    keep_dys: 1\n")
    done = round_in(storage, 31)
    assert "rules.yaml:4: 'keep_dys'" in done.problem
    assert storage.retention.last_round()["problem"] == done.problem
    assert is_here(storage, first)
    storage.settings.resolved_rules_file.unlink()
    round_in(storage, 31)
    assert storage.retention.last_round() == {}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("  - {name: a, keep_days: -1}\n", 3, "greater than or equal to 0"),
        (
            "  - name: a\n    when:\n      all:\n        - slices: 3\n",
            3,
            "slices, which is computed",
        ),
        ("  - {name: a}\n  - {name: a}\n", 1, "share the name a"),
        ("  - {name: a, since: birth}\n", 3, "'received' or 'used'"),
    ],
)
def test_a_mistake_in_a_rule_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(f"version: 1\nretention:\n{text}")
    with pytest.raises(InvalidRequest) as refused:
        read_rules(file)
    assert f"rules.yaml:{line}: " in refused.value.message
    assert says in refused.value.message


def test_headers_that_cannot_be_read_keep_the_study(storage: Storage) -> None:
    first = study(storage, "first")
    with_rules(storage, "  - {name: thick, when: {SliceThickness: {at_least: 1}}, keep_days: 1}\n")
    storage.volumes.close()
    storage.instances._volumes.close()
    for volume in storage.volumes.folder.glob(f"*{SUFFIX}"):
        volume.write_bytes(b"\0" * volume.stat().st_size)
    assert round_in(storage, 2).removed == 0
    assert why(storage, first)[0].startswith("Its headers cannot be read: ")


def test_a_clock_that_leaps_ahead_lets_nothing_leave_for_a_day(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = study(storage, "first")
    with_rules(storage, THIRTY_DAYS)
    passed_s = [0.0]
    monkeypatch.setattr(clock_doubt, "time", SimpleNamespace(monotonic=lambda: passed_s[0]))
    rounds = RetentionRounds(storage)
    rounds.round(utcnow())
    done = rounds.round(in_days(400))
    assert done.problem.startswith(f"The clock says {in_days(400):%Y-%m-%d}, and the last round")
    # A process that starts meanwhile is no wiser.
    passed_s[0] = 80_000
    assert rounds.round(in_days(401)).removed == 0
    RetentionRounds(storage).round(in_days(401))
    assert is_here(storage, first)
    # Set right again, it goes on as if nothing had been.
    assert rounds.round(in_days(1)).problem == ""
    # The node was off for a long time: after a day it believes so.
    rounds.round(in_days(100))
    passed_s[0] += 86_400
    assert rounds.round(in_days(101)).removed == 1


def test_long_texts_of_many_series_are_not_held_while_a_rule_asks(storage: Storage) -> None:
    """Of megabytes of text in each series, which a few KiB hold where they are deflated."""
    for number in range(6):
        file = part10(
            "many", f"series-{number}", ImageComments="of a trial", TextValue="t" * 900_000
        )
        uid = storage.ingest.accept(file, "dimse:CT1").study_instance_uid
    complete(storage, uid)
    with_rules(storage, "  - {name: t, when: {ImageComments: {contains: trial}}, keep_days: 1}\n")
    tracemalloc.start()
    try:
        assert round_in(storage, 2).removed == 1
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 4_500_000
