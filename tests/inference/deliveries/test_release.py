"""Results leave at once, after a person has accepted them, or never: as the site's rules say."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.deliveries.service import deliver_due
from inference.pipelines.checks.rules import check_at_start
from inference.reports.due import draft_due
from inference.reports.export.publishing import publish_due
from inference.routing.send import send_study
from inference.rules.file import read_rules
from inference.withdrawals.late_instances import withdraw_outdated
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest
from storage.deliveries.listing import DeliveryFilter, list_deliveries, retry_now, send_again
from storage.deliveries.release import ReleaseScope, decide_release
from storage.peers.entities import KnownPeer
from storage.studies.filter import StudyFilter
from tests.inference.deliveries.test_delivery import deliveries, node, with_results
from tests.inference.small import study_uid

PACS = KnownPeer("pacs", kind="folder", folder="pacs", is_destination=True)
RESEARCH = KnownPeer("research", kind="folder", folder="research", is_destination=True)


def rule(results: str, name: str = "r", **more: object) -> dict[str, object]:
    return {"name": name, "results": results, **more}


def write_rules(storage: Storage, *rules: dict[str, object]) -> None:
    path = storage.settings.data_dir / "rules.yaml"
    path.write_text(json.dumps({"release": list(rules)}))


def states(storage: Storage) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in deliveries(storage):
        found.setdefault(one.destination, set()).add(one.state)
    return found


def is_result(instance: Instance) -> bool:
    return instance.source.partition(":")[0] in ("result", "rejection")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with node(tmp_path) as storage:
        storage.peers.add(PACS)
        storage.peers.add(RESEARCH)
        yield storage


def release(storage: Storage, destination: str | None = None) -> dict[str, int]:
    scope = ReleaseScope(study_uid("a"), destination=destination)
    return decide_release(storage.engine, scope, "release", utcnow())


def test_without_a_rule_results_leave_at_once(storage: Storage) -> None:
    with_results(storage)
    assert states(storage) == {"pacs": {"PENDING"}, "research": {"PENDING"}}


def test_results_for_the_pacs_wait_for_a_person_and_others_go(storage: Storage) -> None:
    write_rules(storage, rule("when_accepted", to="pacs", pipelines=["bright-region"]))
    uids = with_results(storage)
    assert states(storage) == {"pacs": {"AWAITING_RELEASE"}, "research": {"PENDING"}}
    assert deliver_due(storage, utcnow(), "sender") == 2
    assert deliver_due(storage, utcnow(), "sender") == 0
    assert states(storage)["pacs"] == {"AWAITING_RELEASE"}
    assert release(storage) == {"pacs": len(uids)}
    assert release(storage) == {}
    assert deliver_due(storage, utcnow(), "sender") == 2
    assert states(storage) == {"pacs": {"CONFIRMED"}, "research": {"CONFIRMED"}}


def test_the_first_rule_that_names_pipeline_and_destination_counts(storage: Storage) -> None:
    write_rules(
        storage,
        rule("never", "another pipeline", pipelines=["lungs"]),
        rule("never", "research", to=["research"]),
        rule("when_accepted", "everything else"),
    )
    with_results(storage)
    assert states(storage) == {"pacs": {"AWAITING_RELEASE"}}


LARGE = {"finding.bright volume": {"at_least": 0}}
HUGE = {"finding.bright volume": {"at_least": 1e9}}


CRITICAL = [
    {"name": "a bleeding", "pipeline": "bright-region", "finding": "Bright volume", "above": 0.1},
    {"name": "a huge one", "pipeline": "bright-region", "finding": "bright volume", "above": 1e9},
    {"name": "of another", "pipeline": "lungs", "finding": "bright volume", "above": 0},
]


@pytest.mark.parametrize(
    ("asked", "state"),
    [
        ({"present": True}, "AWAITING_RELEASE"),
        ("A bleeding", "AWAITING_RELEASE"),
        ("a huge one", "PENDING"),
        (["of another", "a huge one"], "PENDING"),
    ],
)
def test_what_the_site_calls_critical_decides_when_it_leaves(
    storage: Storage, asked: object, state: str
) -> None:
    path = storage.settings.data_dir / "rules.yaml"
    rules = {
        "critical": CRITICAL,
        "release": [
            rule("when_accepted", "critical for the PACS", to="pacs", when={"critical": asked}),
            rule("at_once", "critical for research", when={"critical": {"present": True}}),
            rule("never", "nothing else", to="research"),
        ],
        "routing": [
            {"name": "r", "to": "board", "what": "results", "when": {"critical": "a bleeding"}}
        ],
    }
    path.write_text(json.dumps(rules))
    storage.peers.add(KnownPeer("board", kind="folder", folder="board"))
    with_results(storage)
    assert states(storage) == {"pacs": {state}, "research": {"PENDING"}}
    routed, _ = list_deliveries(storage.engine, DeliveryFilter(destination="board"), 100, 0)
    assert {one.cause for one in routed} == {"RULE"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("release: [{name: a, results: never, when: {critical: {present: true}}}]", "no list"),
        (
            "critical: [{name: stroke, pipeline: p, finding: x, above: 1}]\n"
            "release: [{name: a, results: never, when: {not: {critical: [stroke, bleeding]}}}]",
            "critical: bleeding; of that list there are stroke",
        ),
        (
            "critical: [{name: stroke, pipeline: p, finding: x, above: 1}]\n"
            "rules: [{name: a, pipeline: p, when: {critical: stroke}}]",
            "known once a pipeline ran",
        ),
    ],
)
def test_a_condition_on_what_is_critical_nowhere_is_refused(
    tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=why):
        read_rules(path)


@pytest.mark.parametrize(
    ("when", "state"),
    [
        (LARGE, "AWAITING_RELEASE"),
        (HUGE, "PENDING"),
        ({"any": [HUGE, {"not": HUGE}]}, "AWAITING_RELEASE"),
        ({"finding.no such thing": {"present": True}}, "PENDING"),
    ],
)
def test_what_was_found_decides_whether_a_person_looks_first(
    storage: Storage, when: dict[str, object], state: str
) -> None:
    storage.peers.add(KnownPeer("archive", kind="folder", folder="archive"))
    write_rules(
        storage,
        rule("never", "huge and for research", to="research", when=HUGE),
        rule("when_accepted", "critical", when=when, to=["pacs", "archive"]),
    )
    with_results(storage)
    assert states(storage) == {"pacs": {state}, "research": {"PENDING"}}
    send_study(storage, study_uid("a"), ["archive"])
    by_hand, _ = list_deliveries(storage.engine, DeliveryFilter(destination="archive"), 100, 0)
    of_results = {
        one.state for one in by_hand if is_result(storage.index.instance(one.sop_instance_uid))
    }
    assert of_results == {state}, "by hand no other way is open"


@pytest.mark.parametrize(("when", "state"), [(LARGE, "AWAITING_RELEASE"), (HUGE, "PENDING")])
def test_a_draft_waits_because_of_what_was_found(
    tmp_path: Path, when: dict[str, object], state: str
) -> None:
    with node(tmp_path, report_delivery="all") as storage:
        storage.peers.add(PACS)
        write_rules(storage, rule("when_accepted", when=when))
        with_results(storage)
        assert draft_due(storage, utcnow())
        publish_due(storage)
        assert len(deliveries(storage)) > 2
        assert states(storage) == {"pacs": {state}}


def test_a_rule_of_release_asks_for_findings_alone(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"release": [rule("never", when={"Modality": "MR"})]}))
    with pytest.raises(InvalidRequest, match="asks for Modality; it is asked of results"):
        read_rules(path)


def test_what_was_withheld_stays_until_a_person_thinks_otherwise(storage: Storage) -> None:
    write_rules(storage, rule("when_accepted", to="pacs"))
    with_results(storage)
    scope = ReleaseScope(study_uid("a"))
    assert decide_release(storage.engine, scope, "withhold", utcnow()) == {"pacs": 2}
    waiting = [one for one in deliveries(storage) if one.destination == "pacs"]
    assert {one.state for one in waiting} == {"WITHHELD"}
    assert release(storage, "pacs") == {"pacs": 2}
    assert states(storage)["pacs"] == {"PENDING"}


def test_no_other_way_of_sending_passes_the_rule_by(storage: Storage) -> None:
    write_rules(storage, rule("when_accepted", to=["pacs", "archive"]))
    with_results(storage)
    waiting = [one.delivery_id for one in deliveries(storage) if one.destination == "pacs"]
    assert retry_now(storage.engine, DeliveryFilter(destination="pacs")) == 0
    assert send_again(storage.engine, waiting) == 0
    storage.peers.add(KnownPeer("archive", kind="folder", folder="archive"))
    sent = send_study(storage, study_uid("a"), ["pacs", "archive"])
    images = sum(not is_result(one) for one in storage.index.instances_of(study_uid("a")))
    assert sent == {"pacs": images, "archive": images}
    assert states(storage)["pacs"] == states(storage)["archive"] == {"AWAITING_RELEASE"}
    # Once released they leave, and a sending by hand takes them along.
    release(storage)
    while deliver_due(storage, utcnow(), "sender"):
        pass
    assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}
    (route,) = [r for r in storage.routing.routes_of(study_uid("a")) if r.destination == "archive"]
    assert route.confirmed == images + 2
    assert send_study(storage, study_uid("a"), ["archive"]) == {"archive": images + 2}


def test_results_whose_job_is_gone_go_by_the_strictest_rule(storage: Storage) -> None:
    write_rules(
        storage,
        rule("when_accepted", to="archive", pipelines=["brain-volume"]),
        rule("never", "r2", to="research"),
    )
    with_results(storage)
    storage.peers.add(KnownPeer("archive", kind="folder", folder="archive"))
    for series in storage.index.series_of(study_uid("a")):
        if series.origin == "received":
            storage.deletions.series(study_uid("a"), series.series_instance_uid)
    assert storage.jobs.of_studies([study_uid("a")])[study_uid("a")] == []
    assert len(storage.index.instances_of(study_uid("a"))) == 2
    sent = send_study(storage, study_uid("a"), ["pacs", "archive", "research"])
    assert (sent["archive"], sent["research"]) == (0, 0)
    assert states(storage)["archive"] == {"AWAITING_RELEASE"}


def test_superseded_results_that_were_withheld_stay_here(storage: Storage) -> None:
    write_rules(storage, rule("when_accepted", to="pacs"))
    with_results(storage)
    decide_release(storage.engine, ReleaseScope(study_uid("a")), "withhold", utcnow())
    (job,) = storage.jobs.of_studies([study_uid("a")])[study_uid("a")]
    storage.withdrawals.supersede(job.job_id, "Another series came.", utcnow())
    withdraw_outdated(storage, utcnow())
    instances = storage.index.instances_of(study_uid("a"))
    assert any(one.source.startswith("rejection:") for one in instances)
    images = sum(not is_result(one) for one in instances)
    assert send_study(storage, study_uid("a"), ["pacs"]) == {"pacs": images}
    assert "AWAITING_RELEASE" not in states(storage).get("pacs", set())


def test_a_draft_waits_like_the_results_on_which_it_rests(tmp_path: Path) -> None:
    with node(tmp_path, report_delivery="all") as storage:
        storage.peers.add(PACS)
        write_rules(storage, rule("when_accepted", pipelines=["bright-region"]))
        with_results(storage)
        assert draft_due(storage, utcnow())
        publish_due(storage)
        assert len(deliveries(storage)) > 2
        assert states(storage) == {"pacs": {"AWAITING_RELEASE"}}


def test_superseded_results_that_nobody_released_are_gone_without_a_trace(
    storage: Storage,
) -> None:
    write_rules(storage, rule("when_accepted"))
    with_results(storage)
    (job,) = storage.jobs.of_studies([study_uid("a")])[study_uid("a")]
    assert storage.withdrawals.supersede(job.job_id, "Another series came.", utcnow())
    withdraw_outdated(storage, utcnow())
    # Neither the results nor a note that would reject what never left.
    assert deliveries(storage) == []


def test_studies_with_waiting_results_are_found_and_stay(storage: Storage) -> None:
    write_rules(storage, rule("when_accepted", to="pacs"))
    with_results(storage)
    wanted = StudyFilter(awaits_release=True)
    (found,), _ = storage.index.studies(10, 0, where=wanted.conditions())
    uid = found.study_instance_uid
    assert uid == study_uid("a")
    owed = storage.obligations.of_studies([uid])[uid]
    assert [(one.count, one.owed_to) for one in owed if one.kind == "release"] == [(2, "pacs")]
    release(storage)
    assert storage.index.studies(10, 0, where=wanted.conditions()) == ([], 0)


def test_the_example_of_the_docs_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/release.md").read_text(encoding="utf-8")
    example = tmp_path / "rules.yaml"
    example.write_text(page.partition("```yaml rules\n")[2].partition("```")[0])
    rules = read_rules(example)

    def named(pipeline: str, destination: str) -> list[str]:
        return [one.results for one in rules.release_rules(pipeline, destination)]

    assert named("chest-film", "pacs") == ["when_accepted", "never", "when_accepted"]
    assert named("chest-film", "research") == ["never", "when_accepted"]
    assert named("brain-volume", "pacs") == ["when_accepted"]


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("release: [{name: a, results: later}]", "at_once"),
        ("release: [{name: a, results: never, to: []}]", "at least 1"),
        ("release: [{name: a, results: never, pipeline: x}]", "'pipeline'"),
    ],
)
def test_a_wrong_rule_is_named_with_its_line(tmp_path: Path, text: str, about: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(f"version: 1\n{text}\n")
    with pytest.raises(InvalidRequest, match=rf"rules\.yaml:2: .*{about}"):
        read_rules(path)


def test_a_rule_about_a_pipeline_that_does_not_exist_stops_the_start(storage: Storage) -> None:
    write_rules(storage, rule("when_accepted", pipelines=["brain-volumes"]))
    with pytest.raises(InvalidRequest, match="pipeline 'brain-volumes', which does not exist"):
        check_at_start(storage.settings)
