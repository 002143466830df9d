"""What rules would do is said of studies that are here, and nothing happens by asking."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from inference.rules.rule_set import RuleSet
from inference.scheduling.schedule import complete_and_schedule
from inference.site_rules.preview import Preview, preview_rules
from storage.container import Storage
from storage.core.clock import utcnow
from tests.inference.deliveries.destinations.nodes import node
from tests.inference.orchestration import receive
from tests.inference.small import mr_series, study_uid

IN_FORCE = {
    "routing": [{"name": "MR away", "when": {"Modality": "MR"}, "to": ["archive"]}],
    "retention": [{"name": "a year", "keep_days": 365}],
}
TRIED = {
    "routing": [
        {"name": "MR to research", "when": {"Modality": "MR"}, "to": ["research"]},
        {"name": "CT", "when": {"Modality": "CT"}, "to": ["archive"]},
        {"name": "off", "enabled": False, "to": ["archive"]},
    ],
    "retention": [
        {"name": "thin", "when": {"Modality": "CT"}, "keep_days": 1},
        {"name": "a month", "keep_days": 30},
    ],
    "priors": [{"name": "earlier MR", "when": {"Modality": "MR"}}],
    "rules": [{"name": "no brain", "pipeline": "brain-volume", "enabled": False}],
}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with node(tmp_path) as opened:
        for name in ("a", "b"):
            receive(opened, mr_series(name, 4))
        complete_and_schedule(opened, utcnow() + timedelta(minutes=1), ())
        yield opened


def preview(storage: Storage, studies: int = 10, within_s: float = 60.0) -> Preview:
    rules = RuleSet.model_validate(TRIED), RuleSet.model_validate(IN_FORCE)
    return preview_rules(storage, *rules, studies, within_s)


def test_each_rule_says_for_how_many_studies_it_counts(storage: Storage) -> None:
    found = preview(storage)
    assert found.studies == 2
    assert {one.name: one.studies for one in found.rules} == {
        "MR to research": 2,
        "CT": 0,
        "off": 0,
        "thin": 0,
        "a month": 2,
        "earlier MR": 2,
        "no brain": 2,
    }
    assert found.rules[1].examples == [study_uid("b"), study_uid("a")]


def test_what_would_change_is_said_study_by_study(storage: Storage) -> None:
    changes = {
        (one.section, one.what, one.before, one.after)
        for one in preview(storage).changes
        if one.study_instance_uid == study_uid("a")
    }
    assert changes >= {
        ("routing", "archive", "sent", "not sent"),
        ("routing", "research", "not sent", "sent"),
        ("retention", "", "a year", "a month"),
    }
    # Four slices are none that the pipeline takes: no rule can change that.
    assert not [one for one in changes if one[0] == "rules"]


def test_rules_as_they_are_change_nothing_and_asking_does_nothing(storage: Storage) -> None:
    rules = RuleSet.model_validate(IN_FORCE)
    assert preview_rules(storage, rules, rules, 10, 60.0).changes == []
    assert storage.deliveries.of_study(study_uid("a")) == []


def test_what_is_still_arriving_is_not_asked_about(storage: Storage) -> None:
    receive(storage, mr_series("c", 4))
    found = preview(storage)
    assert found.studies == 3
    assert {one.studies for one in found.rules if one.section == "routing"} == {0, 2}
    assert not [
        one
        for one in found.changes
        if one.study_instance_uid == study_uid("c") and one.section == "routing"
    ]


def test_fewer_are_looked_at_where_the_time_is_short(storage: Storage) -> None:
    assert preview(storage, studies=1).studies == 1
    found = preview(storage, within_s=0.0)
    assert (found.studies, found.is_cut_short) == (0, True)
