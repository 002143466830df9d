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
from storage.core.entities import StoreAssociation
from storage.dicom.part10 import read_header
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


def test_how_a_study_came_and_what_its_order_says_is_asked_too(tmp_path: Path) -> None:
    by_address = {"sender_address": "10.1.0.0/16"}
    asked = {
        "called": {"ReceivingApplicationEntityTitle": "MAMMO_IN"},
        "address": by_address,
        "order": {"order.RequestedProcedureCodeSequence.CodeValue": "24627-2"},
        "another order": {"order.RequestedProcedureCodeSequence.CodeValue": "30745-4"},
    }
    rules = RuleSet.model_validate(
        {
            "routing": [{"name": name, "when": one, "to": "x"} for name, one in asked.items()],
            "retention": [
                {"name": f"keep {name}", "when": one, "keep_days": 30}
                for name, one in [("others", {"not": by_address}), *asked.items()]
            ],
        }
    )
    with node(tmp_path) as storage:
        for name, association in (
            ("a", StoreAssociation("MAMMO_IN", "10.1.2.3")),
            ("b", StoreAssociation("MEDIVIEW", "192.168.0.3")),
        ):
            for part10 in mr_series(name, 3):
                header = read_header(part10)
                storage.ingest.accept_dimse(
                    part10[header.dataset_offset :],
                    sop_class_uid=header.sop_class_uid,
                    sop_instance_uid=header.sop_instance_uid,
                    transfer_syntax_uid=header.transfer_syntax_uid,
                    calling_ae_title="CT1",
                    association=association,
                )
        storage.worklist.add(
            {
                "StudyInstanceUID": study_uid("b"),
                "RequestedProcedureCodeSequence": [{"CodeValue": "24627-2"}],
            }
        )
        complete_and_schedule(storage, utcnow() + timedelta(minutes=1), ())
        found = preview_rules(storage, rules, RuleSet(), 10, 60.0)
    assert {one.name: one.examples for one in found.rules} == {
        "called": [study_uid("a")],
        "address": [study_uid("a")],
        "order": [study_uid("b")],
        "another order": [],
        "keep others": [study_uid("b")],
        "keep called": [study_uid("a")],
        "keep address": [],
        "keep order": [],
        "keep another order": [],
    }


def test_what_would_change_is_said_study_by_study(storage: Storage) -> None:
    changes = {
        (one.section, one.what, one.before, one.after)
        for one in preview(storage).changes
        if one.study_instance_uid == study_uid("a")
    }
    assert changes >= {
        ("routing", "archive", "sent", "not sent"),
        ("routing", "research", "not sent", "sent"),
        ("retention", "", f"a year ({day(365)})", f"a month ({day(30)})"),
    }
    # Four slices are none that the pipeline takes: no rule can change that.
    assert not [one for one in changes if one[0] == "rules"]


def day(after_days: int) -> str:
    return (utcnow() + timedelta(days=after_days)).date().isoformat()


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({"keep_days": 30}, "a year (30)"),
        ({"evict": True}, "a year (365, evict)"),
        ({"keep_days": None}, "a year"),
        ({"keep_days": None, "evict": True}, "a year (evict)"),
    ],
)
def test_another_time_under_the_same_name_is_a_change(
    storage: Storage, changes: dict[str, object], after: str
) -> None:
    """A rule that takes studies away a year earlier is what a preview is asked for."""
    tried = {"retention": [{"name": "a year", "keep_days": 365, **changes}]}
    rules = (
        RuleSet.model_validate(tried),
        RuleSet.model_validate({"retention": IN_FORCE["retention"]}),
    )
    found = preview_rules(storage, *rules, 10, 60.0).changes
    for days in (30, 365):
        after = after.replace(f"{days}", day(days)) if f"({days}" in after else after
    assert {(one.before, one.after) for one in found} == {(f"a year ({day(365)})", after)}
    assert len(found) == 2


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
