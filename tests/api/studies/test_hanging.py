"""A site sets how studies are laid out, and hears what is wrong with its file."""

import json
import re
from pathlib import Path

import pytest

from api.studies.hanging_protocols.shipped import SHIPPED
from inference.scheduling.series_roles import recognise_roles
from storage.core.clock import utcnow
from storage.core.postponed import Postponed
from tests.api.client import ApiNode, is_problem
from tests.inference.scheduling.four_sequences import STUDY, files, sequence

_PATH = "/api/hanging-protocols"


def protocol(**changes: object) -> dict[str, object]:
    return {
        "name": "Lung beside soft tissue",
        "modalities": ["CT"],
        "rows": 1,
        "columns": 2,
        "viewports": [
            {
                "description_contains": ["lung"],
                "role": "CT_NATIVE",
                "window": {"center": -600, "width": 1500},
            },
            {"study": "prior"},
        ],
        **changes,
    }


def test_the_protocols_of_the_box_stand_until_a_site_sets_its_own(api: ApiNode) -> None:
    shipped = api.client.get(_PATH).json()
    assert "CT beside its prior" in [one["name"] for one in shipped["protocols"]]
    answer = api.client.put(_PATH, json={"protocols": [protocol()]})
    assert answer.status_code == 200
    (only,) = api.client.get(_PATH).json()["protocols"]
    assert only["viewports"][0]["window"] == {"center": -600.0, "width": 1500.0}
    assert only["viewports"][1]["required"] is True
    assert [one["role"] for one in only["viewports"]] == ["CT_NATIVE", ""]
    for _ in range(2):
        assert api.client.delete(_PATH).status_code == 204
    assert api.client.get(_PATH).json() == shipped


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rows": 4}, "rows"),
        ({"columns": 1}, "room for 1"),
        ({"viewports": []}, "viewports"),
        ({"viewports": [{"window": {"center": 0, "width": 0}}]}, "width"),
        ({"viewport": []}, "viewport"),
        ({"viewports": [{"laterality": "X"}]}, "laterality"),
        ({"viewports": [{"role": "T3"}]}, "role"),
        ({"fused": True, "viewports": [{}]}, "two viewports are fused"),
        (
            {"stages": [{"name": "Two", "rows": 1, "columns": 1, "viewports": [{}, {}]}]},
            "room for 1",
        ),
    ],
)
def test_a_wrong_protocol_is_refused_and_changes_nothing(
    api: ApiNode, changes: dict[str, object], expected: str
) -> None:
    before = api.client.get(_PATH).json()
    answer = api.client.put(_PATH, json={"protocols": [protocol(**changes)]})
    assert is_problem(answer, 422, "validation_failed")
    assert expected in answer.json()["detail"]
    assert api.client.get(_PATH).json() == before


def test_names_are_given_once(api: ApiNode) -> None:
    answer = api.client.put(_PATH, json={"protocols": [protocol(), protocol()]})
    assert "two protocols are named" in answer.json()["detail"]


def test_a_file_that_a_site_broke_is_named_with_its_mistake(api: ApiNode) -> None:
    path = api.storage.settings.data_dir / "hanging-protocols.json"
    path.write_text('{"protocols": [')
    assert is_problem(api.client.get(_PATH), 422, "hanging_protocols")
    path.write_text(json.dumps({"protocols": [protocol(columns=9)]}))
    answer = api.client.get(_PATH)
    assert is_problem(answer, 422, "hanging_protocols")
    assert "protocols.0.columns" in answer.json()["detail"]


def test_a_study_states_the_roles_that_protocols_ask_for(api: ApiNode) -> None:
    for part10 in files(sequence("t1c", 1)):
        api.storage.ingest.accept(part10, source="dimse:TEST")

    def shown() -> list[str]:
        (series,) = api.client.get(f"/api/v1/studies/{STUDY}").json()["series"]
        found: list[str] = series["roles"]
        return found

    assert shown() == []
    (series,) = api.storage.index.series_of(STUDY)
    assert api.storage.index.mark_complete(series, utcnow())
    recognise_roles(api.storage, Postponed(60), budget_s=60)
    assert shown() == ["T1_CONTRAST"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_pages_have_a_name_for_each_shipped_protocol_and_stage(language: str) -> None:
    source = Path(f"viewer/shared/i18n/{language}/reading/shippedStages.ts").read_text("utf-8")
    keys = set(re.findall(r'^  "?(.+?)"?: "', source, re.MULTILINE))
    stages = [one.name for protocol in SHIPPED.protocols for one in protocol.stages]
    assert keys == {*(protocol.name for protocol in SHIPPED.protocols), *stages}
