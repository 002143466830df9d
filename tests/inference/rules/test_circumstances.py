"""Conditions on the circumstances: when something arrived, how urgent it is, what never holds."""

from datetime import datetime
from pathlib import Path

import pytest

from inference.rules.conditions import Condition
from inference.rules.doubts import doubts
from inference.rules.facts import SeriesFacts
from inference.rules.file import read_rules
from inference.rules.judge import judge, rule_on
from storage.core.errors import InvalidRequest
from tests.inference.rules.rules_files import rules_in
from tests.inference.rules.test_conditions import headers

# A Monday.
NIGHT = datetime(2026, 11, 30, 3, 15).astimezone()
DAY = datetime(2026, 11, 30, 12, 15).astimezone()


def facts(at: datetime | None = NIGHT) -> SeriesFacts:
    return SeriesFacts(headers(), ("CT1",), at)


@pytest.mark.parametrize(
    ("hours", "holds_by_night", "holds_by_day"),
    [("20:00-06:00", True, False), (["sat,sun"], False, False), (["mon 12:00-13:00"], False, True)],
)
def test_when_a_series_arrived(hours: object, holds_by_night: bool, holds_by_day: bool) -> None:
    condition = Condition.model_validate({"received": {"hours": hours}})
    assert judge(condition, facts(NIGHT)).holds is holds_by_night
    assert judge(condition, facts(DAY)).holds is holds_by_day
    assert not judge(condition, facts(None)).holds, "an order did not arrive as a series does"
    trace = judge(condition, facts(NIGHT))
    assert trace.text.startswith("received in ")
    assert trace.found.startswith("2026-11-30T03:15")


PRIORITY = """
priority:
  - name: emergency department
    when: {SendingApplicationEntityTitle: CT_ER}
    priority: STAT
  - name: at night
    when: {received: {hours: "20:00-06:00"}}
    priority: HIGH
rules:
  - name: any
    pipeline: a
  - name: slow
    pipeline: b
    priority: -20
"""


def test_how_urgent_a_job_is(tmp_path: Path) -> None:
    rules = read_rules(rules_in(tmp_path, PRIORITY))
    assert rule_on(rules, "a", facts(NIGHT)).priority == 50
    assert rule_on(rules, "a", facts(DAY)).priority == 0
    assert rule_on(rules, "b", facts(NIGHT)).priority == -20, "its own rule says more"
    assert rule_on(rules, "without a rule", facts(NIGHT)).priority == 50
    assert rule_on(rules, "without a rule", facts(DAY)).priority is None
    emergency = SeriesFacts(headers(), ("CT_ER",), NIGHT)
    assert rule_on(rules, "a", emergency).priority == 100


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("priority: [{name: a, priority: SOON}]", "is no priority; use STAT, HIGH, ROUTINE"),
        ("rules: [{name: a, pipeline: p, when: {received: NIGHT}}]", "belong together"),
        ("rules: [{name: a, pipeline: p, when: {Modality: {hours: '1:00'}}}]", "time of the week"),
        ("rules: [{name: a, pipeline: p, when: {Modality: {hours: sat}}}]", "belong together"),
        ("retention: [{name: a, when: {received: {hours: sat}}}]", "computed of one series"),
    ],
)
def test_what_cannot_stand_there_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        read_rules(rules_in(tmp_path, text))


def test_what_no_instance_has_is_said_and_not_refused(tmp_path: Path) -> None:
    rules = read_rules(
        rules_in(
            tmp_path,
            """
routing:
  - name: never
    when: {all: [{NumberOfStudyRelatedInstances: {at_least: 1}}, {Modality: CT}]}
    to: archive
  - name: always
    when: {SendingApplicationEntityTitle: CT1}
    to: archive
retention:
  - name: studies
    when: {ModalitiesInStudy: CT}
""",
        )
    )
    (doubt,) = doubts(rules, [])
    assert doubt.startswith("The rule 'never' asks for NumberOfStudyRelatedInstances")


def test_an_alert_of_a_pipeline_that_does_not_exist_is_doubted_and_not_refused(
    tmp_path: Path,
) -> None:
    text = """
critical:
  - {name: typo, pipeline: lung-densty, finding: LAA-950, above: 20}
  - {name: right, pipeline: lung-density, finding: LAA-950, above: 20}
"""
    rules = read_rules(rules_in(tmp_path, text))
    (doubt,) = doubts(rules, ["brain-volume", "lung-density"])
    assert doubt == (
        "The rule 'typo' is for the pipeline 'lung-densty', which does not exist: nothing is"
        " critical by it. Perhaps lung-density is meant."
    )
