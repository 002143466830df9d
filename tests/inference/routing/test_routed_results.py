"""A rule of routing sends results, or images because of what was found in them."""

from pathlib import Path

import pytest

from inference.deliveries.service import deliver_due
from inference.routing.service import explain_routing
from inference.rules.file import current_rules, read_rules
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from tests.inference.deliveries.destinations.nodes import FOLDER, node, with_results
from tests.inference.routing.test_routing import ARCHIVE, round_of, rules, wanted
from tests.inference.small import study_uid

RULE = """
routing:
  - name: what is large
    when: {all: [{Modality: MR}, {finding.bright volume: {at_least: LIMIT}}]}
    to: archive
    what: WHAT
"""


def rule(storage: Storage, limit: float, what: str) -> None:
    rules(storage, RULE.replace("LIMIT", str(limit)).replace("WHAT", what))


@pytest.mark.parametrize(
    ("limit", "what", "results", "received"),
    [(0, "results", True, False), (0, "both", True, True), (0, "received", False, True)]
    + [(1e9, what, False, False) for what in ("results", "both", "received")],
)
def test_what_goes_because_of_a_finding(
    tmp_path: Path, limit: float, what: str, results: bool, received: bool
) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rule(storage, limit, what)
        made = {one.sop_instance_uid for one in with_results(storage)}
        assert round_of(storage) == 0, "what was found is not known on arrival"
        sent = {one.sop_instance_uid for one in wanted(storage)}
        assert (sent >= made) is results
        assert bool(sent - made) is received
        assert {one.cause for one in wanted(storage)} <= {"RULE"}
        assert deliver_due(storage, utcnow(), "sender") == len(sent)
        ((_, tried),) = explain_routing(
            storage.index,
            storage.instances,
            storage.worklist,
            storage.prior_fetches,
            study_uid("a"),
            current_rules(storage.settings),
            storage.findings.of_study(study_uid("a")),
        )
        assert [one.holds for one in tried] == [limit == 0]


def test_results_go_by_rule_beside_those_of_destinations(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE, FOLDER) as storage:
        rules(
            storage,
            "routing:\n  - name: results too\n    to: archive\n    what: results\n"
            "release:\n  - name: waits\n    to: archive\n    results: when_accepted\n",
        )
        made = with_results(storage)
        assert {one.state for one in wanted(storage)} == {"AWAITING_RELEASE"}
        assert len(wanted(storage)) == len(made)
        assert {(one.state, one.cause) for one in wanted(storage, "disk")} == {
            ("PENDING", "RESULT")
        }


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{name: a, pipeline: p, when: {finding.x: {present: true}}}]",
        "priority: [{name: a, priority: STAT, when: {not: {finding.x: {present: true}}}}]",
        "priors: [{name: a, when: {finding.x: {present: true}}}]",
        "retention: [{name: a, when: {finding.x: {at_least: 1}}}]",
    ],
)
def test_where_findings_cannot_be_known_yet_a_rule_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match="known once a pipeline ran"):
        read_rules(path)
