"""Cards of added models are edited as text: mistakes at their lines, saved as other files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.model_registry.adding import add_model
from inference.model_registry.status import models_named
from storage.core.untrusted_input.json_places import nearest_place, places_in
from storage.settings import Settings
from tests.api.access.closed import closed_node, closed_settings, confirm
from tests.api.client import ApiNode, api_node, is_problem
from tests.inference.plain_models import onnx_model, plain_card

ADDRESS = "/api/v1/models/plain-spleen/versions/1.2/card"


def with_card(**changes: Any) -> str:
    return json.dumps({**plain_card(), **changes}, indent=2)


@pytest.fixture
def node(api_settings: Settings, tmp_path: Path) -> Iterator[ApiNode]:
    with api_node(api_settings.model_copy(update={"model_uploads": "any"})) as node:
        storage = node.storage
        model = onnx_model(tmp_path / "plain")
        add_model(
            storage.settings, storage.model_states, storage.shadow_runs, model, "petra", hold=True
        )
        yield node


def checked(node: ApiNode, text: str) -> dict[str, Any]:
    answer = node.client.post(f"{ADDRESS}/check", json={"text": text})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


MODEL = plain_card()["model"]
RANGE = {"label": "Spleen volume", "unit": "cm3", "source": "A study"}
# The text, and of its mistake: the path, what its line holds, words, value, remedy.
MISTAKES = [
    ('{\n "licence": "MIT",\n}', "", "}", "not JSON", "", "Correct the text there."),
    ("[]", "", "[]", "A card is an object", "", "Begin it with {"),
    (
        with_card(score_at_least=3),
        "score_at_least",
        "score",
        "equal to 1",
        "3",
        "Correct the value.",
    ),
    (with_card(licences="MIT"), "licences", "licences", "mean 'licence'?", '"MIT"', "Remove it"),
    (
        with_card(segments={"1": {"label": "Spleen"}}),
        *("segments.1.code", '"1": {', "Field required", "", "Add it."),
    ),
    (
        with_card(model={**MODEL, "name": "Liver"}),
        *("model.name", "Liver", "it names liver", '"liver"', "Keep the name"),
    ),
    (
        with_card(served={"server": "x"}),
        *("served.model", "served", "Field required", "", "Add it."),
    ),
    (
        '{\n "title": "A",\n "accepts": {\n  "Rows": 1,\n  "Rows": 2\n }\n}',
        *("accepts.Rows", '"Rows": 2', "stands twice, in lines 4 and 5", "", "Leave one"),
    ),
    (
        with_card(accepts={"ViewPosition": "PA", "BodyPartExamined": "CHEST"}),
        *("accepts", "accepts", 'write them as "all": [{"ViewPosition": ...}, {"Body', "", "Corr"),
    ),
    (
        with_card(model={**MODEL, "output": "objekt-detection", "modalities": ["US"]}),
        *("model.output", '"output"', "(did you mean 'object-detection'?)"),
        *('"objekt-detection"', "Correct the value."),
    ),
    (
        with_card(segments={"5": {"label": "Liver", "code": ["10200004", "SCT", "Liver"]}}),
        *("segments.5", '"5": {', "no label names this class; labels name 1", "", "Give the seg"),
    ),
    (
        with_card(model={**MODEL, "output": "classification", "labels": {"1": "A", "4": "B"}}),
        *("model.labels", '"labels"', "names no class 0, 2, 3; classes count from 0"),
        *("", "Correct the value."),
    ),
    (
        with_card(
            model={"name": "m", "version": "1", "output": "image-classification", "calibration": ""}
        ),
        *("model.calibration", '"calibration"', "is empty", '""', "Correct the value."),
    ),
    (
        with_card(normal_ranges=[{**RANGE, "at_least": 100, "at_most": 10}]),
        *("normal_ranges.0", "{", "at_least is 100 and at_most is 10; exchange", "", "Correct"),
    ),
]


def test_each_mistake_names_its_line_the_value_and_the_remedy(node: ApiNode) -> None:
    begun = node.client.get(ADDRESS).json()
    for text, path, marker, says, value, remedy in MISTAKES:
        found = checked(node, text)
        assert found["version"] == ""
        mistake = next(one for one in found["mistakes"] if one["path"] == path)
        assert says in mistake["detail"]
        assert mistake["value"] == value
        assert mistake["remedy"].startswith(remedy)
        lines = text.splitlines()
        assert marker in lines[mistake["line"] - 1]
        assert lines[mistake["line"] - 1][: mistake["column"] - 1].strip() == ""
        refused = node.client.put(ADDRESS, json={"text": text, "based_on": begun["digest"]})
        assert is_problem(refused, 422, "card_invalid")["mistakes"] == found["mistakes"]
    assert node.client.get(ADDRESS).json() == begun


def test_a_card_is_saved_as_another_version_or_once_nothing_uses_it(node: ApiNode) -> None:
    begun = node.client.get(ADDRESS).json()
    assert json.loads(begun["text"]) == plain_card()
    assert begun["locked"] == ""
    text = with_card(licence="MIT", training_data="Phantoms.")
    found = checked(node, text)
    assert (found["mistakes"], found["version"]) == ([], "1.2")
    assert '+  "licence": "MIT",' in found["changes"]
    wanted = {"text": text, "based_on": begun["digest"]}
    states, (standing,) = (
        node.storage.model_states,
        models_named(node.storage.settings, node.storage.model_states, "plain-spleen"),
    )
    digest = standing.pipeline.card.digest
    for state in ("active", "shadow"):
        states.move("plain-spleen", "1.2", digest, state, "petra")
        is_problem(node.client.put(ADDRESS, json=wanted), 409, "model_held")
    states.move("plain-spleen", "1.2", digest, "retired", "petra")
    saved = node.client.put(ADDRESS, json=wanted)
    assert saved.status_code == 200, saved.text
    (version,) = saved.json()["versions"]
    assert (version["state"], version["licence"]) == ("added", "MIT")
    assert saved.json()["history"][0]["detail"] == "Card changed: licence, training_data."
    is_problem(node.client.put(ADDRESS, json=wanted), 412, "version_conflict")
    digest = node.client.get(ADDRESS).json()["digest"]
    other = with_card(model={**plain_card()["model"], "version": "1.3"})
    saved = node.client.put(ADDRESS, json={"text": other, "based_on": digest})
    assert sorted(one["version"] for one in saved.json()["versions"]) == ["1.2", "1.3"]
    again = checked(node, other)
    assert "There is a version 1.3 of plain-spleen already." in again["mistakes"][0]["detail"]
    assert not list(node.storage.settings.data_dir.glob("model-card-*"))


def test_cards_of_the_release_stay(api: ApiNode) -> None:
    address = "/api/v1/models/deepbet/versions/1.0.2/card"
    assert (
        "comes with the release" in is_problem(api.client.get(address), 404, "not_found")["detail"]
    )


def test_people_alone_save_cards_and_confirm_it(tmp_path: Path) -> None:
    with closed_node(closed_settings(tmp_path)) as closed:
        storage = closed.storage
        model = onnx_model(tmp_path / "plain")
        add_model(
            storage.settings, storage.model_states, storage.shadow_runs, model, "p", hold=True
        )
        with closed.with_key("loader", "admin", "admin") as key:
            wanted = {"text": with_card(), "based_on": "0" * 64}
            is_problem(key.put(ADDRESS, json=wanted), 403, "not_a_person")
        with closed.signed_in("petra", "admin") as petra:
            begun = petra.get(ADDRESS).json()
            assert "MEDIVIEW_MODEL_UPLOADS is off" in begun["locked"]
            wanted["based_on"] = begun["digest"]
            is_problem(petra.put(ADDRESS, json=wanted), 403, "confirmation_required")
            assert confirm(petra).status_code == 204
            is_problem(petra.put(ADDRESS, json=wanted), 503, "not_configured")


def test_values_are_found_where_they_stand() -> None:
    text = '{"a": [1, {"b\\"": "x, }"}],\n  "c" : {},\n\t"d": [[], true, -1e3]}'
    json.loads(text)
    assert places_in(text) == {
        (): (1, 1),
        ("a",): (1, 2),
        ("a", 0): (1, 8),
        ("a", 1): (1, 11),
        ("a", 1, 'b"'): (1, 12),
        ("c",): (2, 3),
        ("d",): (3, 2),
        ("d", 0): (3, 8),
        ("d", 1): (3, 12),
        ("d", 2): (3, 18),
    }
    assert nearest_place(places_in(text), ("a", 1, "z")) == (1, 11)
