"""Role × route × access group: a study of another group answers as one that does not exist."""

import pytest

from api.access.rule_index import Rule
from api.app import create_app
from storage.core.callers.roles import ROLES
from storage.settings import load_settings

# Without an end; `test_live` reads them.
from tests.api.access.closed import confirm
from tests.api.access_groups.route_questions import (
    ABOUT_NO_STUDY,
    ALIKE_FOR_ALL,
    BODIES,
    ENDLESS,
    NOT_ABOUT_STUDIES,
    OTHER,
    QUERIES,
    SHOWS_A_STUDY_WHOSE_UID_IS_KNOWN,
    ask,
    form_of,
    is_about_orders,
    is_about_studies,
    kept,
    nothing,
    parameters,
)
from tests.api.access_groups.two_groups import NORTH, TwoHospitals


@pytest.fixture(scope="module")
def rules() -> tuple[Rule, ...]:
    found: tuple[Rule, ...] = create_app(load_settings(data_dir="unused")).state.rules.rules
    return tuple(
        rule
        for rule in found
        if (rule.method, rule.path) not in ENDLESS and not OTHER.fullmatch(rule.path)
    )


def test_every_route_is_asked_or_stated_to_be_about_no_study(rules: tuple[Rule, ...]) -> None:
    """A new one without identifiers in its path has to be put into one of the lists."""
    seen_by_others = {(rule.method, rule.path) for rule in rules if set(rule.roles) != {"admin"}}
    asked = {(rule.method, rule.path) for rule in rules if is_about_studies(rule)}
    assert seen_by_others - asked == set(ABOUT_NO_STUDY)
    listed = {*BODIES, *ALIKE_FOR_ALL, *(("GET", path) for path in QUERIES)}
    assert listed <= {(rule.method, rule.path) for rule in rules}


@pytest.mark.parametrize("is_planned", [False, True])
@pytest.mark.parametrize("role", sorted(ROLES - {"admin"}))
def test_a_study_of_another_group_answers_as_one_that_does_not_exist(
    hospitals: TwoHospitals, rules: tuple[Rule, ...], role: str, is_planned: bool
) -> None:
    """Also one that the other group has ordered, and of which no image is here."""
    other, marks = hospitals.south, hospitals.south.marks()
    before, wrong = kept(hospitals, other), []
    asked = [one for one in rules if is_about_orders(one)] if is_planned else rules
    with hospitals.person(f"north-{role}", role, NORTH) as client:
        for rule in (one for one in asked if role in one.roles or one.is_public):
            ids, none = other.of_planned() if is_planned else other.ids, nothing(other)
            answer = form_of(ask(client, rule, ids), ids)
            nothing_there = form_of(ask(client, rule, none), none)
            if (rule.method, rule.path) in SHOWS_A_STUDY_WHOSE_UID_IS_KNOWN:
                if (answer[0], nothing_there[0]) != (403, 201):
                    wrong.append((rule.method, rule.path, "is refused in another way"))
            elif answer != nothing_there:
                wrong.append((rule.method, rule.path, "answers otherwise than for nothing"))
            if answer[0] == 500:
                wrong.append((rule.method, rule.path, "fails for everything alike"))
            if any(mark in answer[2] for mark in marks):
                wrong.append((rule.method, rule.path, "names what it must not"))
    assert wrong == []
    assert kept(hospitals, other) == before


def test_programs_are_narrowed_as_people_are(
    hospitals: TwoHospitals, rules: tuple[Rule, ...]
) -> None:
    other, wrong = hospitals.south, []
    with hospitals.key("north key", "integrator", NORTH) as client:
        for rule in (one for one in rules if "integrator" in one.roles and not one.people_only):
            ids, none = other.ids, nothing(other)
            answer = form_of(ask(client, rule, ids), ids)
            is_named = any(mark in answer[2] for mark in other.marks())
            is_alike = answer == form_of(ask(client, rule, none), none)
            if is_named or is_alike is (
                (rule.method, rule.path) in SHOWS_A_STUDY_WHOSE_UID_IS_KNOWN
            ):
                wrong.append((rule.method, rule.path))
    assert wrong == []


def test_the_questions_of_these_tests_are_answered_to_those_who_may(
    hospitals: TwoHospitals, rules: tuple[Rule, ...]
) -> None:
    """Were a question wrong by itself, nobody's answer would say anything."""
    own = hospitals.north
    unanswered: list[tuple[str, str, int]] = []
    with hospitals.person("north-admin", "admin") as client:
        assert confirm(client).status_code == 204
        for rule in (one for one in rules if is_about_studies(one)):
            if rule.method == "DELETE":
                # It would take away what the others ask for; its identifiers are theirs.
                named = set(parameters(rule)) - NOT_ABOUT_STUDIES - {"ae_title"}
                if not named <= set(own.ids):
                    unanswered.append((rule.method, rule.path, 0))
                continue
            if (rule.method, rule.path) in ALIKE_FOR_ALL:
                continue
            answer = ask(client, rule, own.ids)
            if form_of(answer, own.ids) == form_of(ask(client, rule, none := nothing(own)), none):
                unanswered.append((rule.method, rule.path, answer.status_code))
    # What is served for OPTIONS alone stands in the matrix as GET.
    assert [one for one in unanswered if one[2] != 405] == []
