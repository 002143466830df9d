"""Rules of release and of alerts are asked of the results that the newest studies have."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.rules.rule_set import RuleSet
from inference.site_rules.preview import Preview, preview_rules
from storage.container import Storage
from tests.inference.deliveries.test_delivery import node, with_results
from tests.inference.deliveries.test_release import PACS, RESEARCH
from tests.inference.orchestration import complete_series
from tests.inference.small import study_uid

LARGE = {"name": "large", "pipeline": "bright-region", "finding": "Bright volume", "above": 0.1}
NONE = {"name": "huge", "pipeline": "bright-region", "finding": "Bright volume", "above": 1e9}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with node(tmp_path) as storage:
        storage.peers.add(PACS)
        storage.peers.add(RESEARCH)
        with_results(storage)
        yield storage


def preview(storage: Storage, tried: dict[str, object], in_force: dict[str, object]) -> Preview:
    rules = RuleSet.model_validate(tried), RuleSet.model_validate(in_force)
    return preview_rules(storage, *rules, 500, 60.0)


def changes(found: Preview) -> set[tuple[str, str, str, str]]:
    assert {one.study_instance_uid for one in found.changes} <= {study_uid("a")}
    return {(one.section, one.what, one.before, one.after) for one in found.changes}


def test_a_rule_of_release_says_of_which_studies_results_would_wait(storage: Storage) -> None:
    tried = {
        "release": [
            {"name": "of another", "pipelines": ["brain-volume"], "results": "never"},
            {"name": "to the PACS", "to": "pacs", "results": "when_accepted"},
            {"name": "never reached", "to": "pacs", "results": "never"},
        ]
    }
    found = preview(storage, tried, {})
    assert {one.name: one.examples for one in found.rules} == {
        "of another": [],
        "to the PACS": [study_uid("a")],
        "never reached": [],
    }
    assert changes(found) == {("release", "bright-region, pacs", "at_once", "when_accepted")}
    assert changes(preview(storage, {}, tried)) == {
        ("release", "bright-region, pacs", "when_accepted", "at_once")
    }
    assert preview(storage, tried, tried).changes == []


def test_what_would_raise_an_alert_and_hold_results_back(storage: Storage) -> None:
    held = {"name": "urgent ones", "when": {"critical": "large"}, "results": "never"}
    tried = {"critical": [LARGE, NONE], "release": [held]}
    found = preview(storage, tried, {})
    assert {one.name: (one.section, one.studies) for one in found.rules} == {
        "urgent ones": ("release", 1),
        "large": ("critical", 1),
        "huge": ("critical", 0),
    }
    assert changes(found) == {
        ("release", "bright-region, pacs", "at_once", "never"),
        ("release", "bright-region, research", "at_once", "never"),
        ("critical", "large", "no alert", "alert"),
    }


def test_a_study_without_results_is_asked_nothing_of_them(tmp_path: Path) -> None:
    with node(tmp_path) as storage:
        storage.peers.add(PACS)
        complete_series(storage, "a")
        rule = {"name": "all", "results": "never"}
        found = preview(storage, {"release": [rule], "critical": [LARGE]}, {})
    assert [one.studies for one in found.rules] == [0, 0]
    assert found.changes == []
