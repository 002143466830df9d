"""What a session alone is enough for, and what wants the password or the provider again.

A stolen session must not open a way out for data, let anybody in, or lose what nobody can bring
back. What people do all day goes on without being asked.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from api.access.policy import ADMINS
from api.access.rule_index import Rule
from api.app import create_app
from storage.settings import load_settings
from tests.api.access.closed import ClosedNode, closed_node, closed_settings, confirm
from tests.api.access.test_matrix import example

_A_SESSION_IS_ENOUGH = {
    "takes a way in or out away at once": {
        "DELETE /api/keys/{key_id}",
        "DELETE /api/users/{name}/sessions",
    },
    "keeps what is there": {
        "PUT /api/legal-holds/{study_instance_uid}",
        "POST /api/emergency-access/{emergency_id}/review",
    },
    "can be undone, and leaves every stored byte as it is": {
        "POST /api/patient-changes/links",
        "POST /api/patient-changes/moves",
        "POST /api/patient-changes/{change_id}/undo",
        "POST /api/drift/baseline",
        "POST /api/models/{name}/activate",
        "POST /api/models/{name}/retire",
        "POST /api/models/{name}/shadow",
        "POST /api/models/{name}/verify",
    },
    "computes behind everything else, can be paused and cancelled, and what leaves goes to peers": {
        "POST /api/runs",
        "POST /api/runs/{run_id}/pause",
        "POST /api/runs/{run_id}/resume",
        "POST /api/runs/{run_id}/cancel",
    },
    "nothing leaves before somebody confirms the export": {
        "POST /api/projects",
        "POST /api/projects/{name}/studies",
        "DELETE /api/projects/{name}/studies/{study_instance_uid}",
    },
    "shows an administrator what an administrator may see anyway": {
        "POST /api/patient-changes/lookups",
        "POST /api/projects/{name}/reidentify",
        "POST /api/models/{name}/trials/{study_instance_uid}",
        "POST /api/models/{name}/versions/{version}/card/check",
        "POST /api/model-trials",
        "DELETE /api/model-trials/{trial_id}",
        "POST /api/rules/preview",
        "POST /api/report-templates/mrrt",
    },
}
"""Routes of administrators alone. All others of theirs that change something are confirmed."""

_CONFIRMED_BY_OTHERS = {
    "POST /api/webhooks",
    "PATCH /api/webhooks/{webhook_id}",
    "DELETE /api/webhooks/{webhook_id}",
    "POST /api/webhooks/{webhook_id}/secret",
    "POST /fhir/Subscription",
    "DELETE /fhir/Subscription/{resource_id}",
    "DELETE /api/worklist/{worklist_item_id}",
    "DELETE /api/me/second-factors/{factor_id}",
    "POST /api/me/recovery-codes",
}
"""All else that others may do is everyday work, also sending: it goes to peers alone, and who
added a peer confirmed it."""

_REMOVES_LITTLE = {
    "ends a way in, or what the caller began": {
        "DELETE /api/keys/{key_id}",
        "DELETE /api/users/{name}/sessions",
        "DELETE /api/me/sessions",
        "DELETE /api/me/sessions/{session_id}",
        "DELETE /api/session",
        "DELETE /api/uploads/{upload_id}",
        "DELETE /api/model-trials/{trial_id}",
        "DELETE /api/interactive/sessions/{session_id}",
        "DELETE /api/shared-views/{shared_view_id}",
        "DELETE /dicom-web/workitems/{workitem_uid}/subscribers/{ae_title}",
    },
    "the same comes back by entering it again": {
        "DELETE /api/projects/{name}/studies/{study_instance_uid}",
        "DELETE /api/series/{series_instance_uid}/expectations",
        "DELETE /api/studies/{study_instance_uid}/reader",
    },
    "leaves the report as it is, and another proposal can be asked for": {
        "DELETE /api/reports/{report_id}/proposal",
    },
}
"""Removals by which nothing is lost. All others are confirmed by everybody who may do them."""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[Rule]:
    app = create_app(load_settings(data_dir=tmp_path_factory.mktemp("data")))
    found: tuple[Rule, ...] = app.state.rules.rules
    return [one for one in found if one.method in ("POST", "PUT", "PATCH", "DELETE")]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNode]:
    with closed_node(closed_settings(tmp_path_factory.mktemp("closed"))) as node:
        yield node


def _problem(answer: dict[str, Any]) -> tuple[str, str]:
    """Its code and sentence, which FHIR has in an OperationOutcome."""
    if answer.get("resourceType") == "OperationOutcome":
        (issue,) = answer["issue"]
        return issue["details"]["coding"][0]["code"], issue["details"]["text"]
    return answer["code"], answer["detail"]


def _named(rule: Rule) -> str:
    return f"{rule.method} {rule.path}"


def test_each_change_of_an_administrator_is_confirmed_or_says_why_not(rules: list[Rule]) -> None:
    enough = set[str]().union(*_A_SESSION_IS_ENOUGH.values())
    of_administrators = {_named(one): one for one in rules if one.roles == ADMINS}
    assert enough <= of_administrators.keys()
    not_confirmed = {name for name, one in of_administrators.items() if not one.policy.confirmed_to}
    assert not_confirmed == enough
    of_others = {_named(one) for one in rules if one.roles != ADMINS and one.policy.confirmed_to}
    assert of_others == _CONFIRMED_BY_OTHERS


def test_each_removal_is_confirmed_or_says_why_it_loses_nothing(rules: list[Rule]) -> None:
    removing = {_named(one): one for one in rules if one.method == "DELETE"}
    not_confirmed = {name for name, one in removing.items() if not one.policy.confirmed_to}
    assert not_confirmed == set[str]().union(*_REMOVES_LITTLE.values())


def test_a_session_alone_gets_none_of_them_done_and_a_key_is_not_asked(
    closed: ClosedNode, rules: list[Rule]
) -> None:
    wanted = [one for one in rules if one.policy.confirmed_to]
    with closed.signed_in("root", "admin") as root, closed.with_key("ris", "admin") as key:
        for rule in wanted:
            answer = root.request(rule.method, example(rule), json={"x": 1})
            code, detail = _problem(answer.json())
            assert code == "confirmation_required", rule
            assert detail.startswith(f"To {rule.policy.confirmed_to},")
            answer = key.request(rule.method, example(rule), json={"x": 1})
            assert "confirmation_required" not in answer.text, rule
        assert confirm(root).status_code == 204
        for rule in wanted:
            answer = root.request(rule.method, example(rule), json={"x": 1})
            assert answer.status_code != 403, (rule, answer.text)


def test_what_a_radiologist_does_all_day_asks_for_nothing(
    closed: ClosedNode, rules: list[Rule]
) -> None:
    everyday = [
        one
        for one in rules
        if "radiologist" in one.roles and not one.path.startswith(("/api/me/", "/api/session"))
    ]
    assert "POST /api/studies/send" in {_named(one) for one in everyday}
    with closed.signed_in("ada", "radiologist") as ada:
        for rule in everyday:
            answer = ada.request(rule.method, example(rule), json={"x": 1})
            assert "confirmation_required" not in answer.text, rule
