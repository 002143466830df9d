"""What holds for every list: pages by cursor, and an ETag."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.api.client import ApiNode, api_node, node_settings

NUMBERS = count(1)
STEP = {
    "modality": "MR",
    "scheduled_station_ae_title": "MR1",
    "scheduled_procedure_step_start_date": "2026-11-30",
    "scheduled_procedure_step_start_time": "08:30:00",
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiNode]:
    """One node for both tests."""
    settings = node_settings(tmp_path_factory.mktemp("lists") / "data")
    with api_node(settings) as node:
        yield node


def add(api: ApiNode) -> None:
    """An item of each list but the audit trail, which every request is an event of."""
    number = next(NUMBERS)
    order = {
        "patient_name": "Doe^Jane",
        "patient_id": f"P-{number}",
        "scheduled_procedure_step_sequence": [STEP],
    }
    for path, content in (("worklist", order), ("projects", {"name": f"project-{number}"})):
        added = api.client.post(f"/api/v1/{path}", json=content)
        assert added.status_code == 201, added.text


def test_items_are_seen_once_whatever_comes_meanwhile(api: ApiNode) -> None:
    """Orders of one round begin at one time."""
    for _ in range(3):
        add(api)
    names = {"worklist": "worklist_item_id", "projects": "name", "audit": "audit_id"}
    for path, name in names.items():
        address = f"/api/v1/{path}"
        whole = [one[name] for one in api.client.get(f"{address}?limit=500").json()["items"]]
        answer = api.client.get(address, params={"limit": 1})
        seen = [one[name] for one in answer.json()["items"]]
        add(api)
        while answer.json()["next_cursor"]:
            answer = api.client.get(answer.links["next"]["url"])
            seen += [one[name] for one in answer.json()["items"]]
        assert len(seen) == len(set(seen))
        assert [one for one in seen if one in whole] == whole, path


def test_a_list_that_is_as_it_was_is_not_sent_again(api: ApiNode) -> None:
    address = "/api/v1/worklist?limit=20"
    empty = api.client.get(address)
    seen = {"If-None-Match": f'"other", {empty.headers["etag"]}'}
    again = api.client.get(address, headers=seen)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == empty.headers["etag"]
    assert again.headers["link"] == empty.headers["link"]
    assert "content-type" not in again.headers
    assert api.client.head(address).headers["etag"] == empty.headers["etag"]
    add(api)
    changed = api.client.get(address, headers=seen)
    assert changed.status_code == 200
    assert changed.headers["etag"] != empty.headers["etag"]
