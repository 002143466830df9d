"""Pages of the study list: links, cursors, and lists that have not changed."""

import time

import pytest

from tests.api.client import ApiNode, is_problem
from tests.api.studies.listing import listed, send, study


def test_pages_link_to_their_neighbours_with_all_conditions(api: ApiNode) -> None:
    send(api.storage, *(study(seed) for seed in range(5)))
    answer = api.client.get("/api/studies", params={"limit": 2, "offset": 0, "modality": "CT"})
    seen = [one["study_instance_uid"] for one in answer.json()["items"]]
    assert answer.links["last"]["url"] == "/api/studies?modality=CT&limit=2&offset=4"
    assert "prev" not in answer.links
    while "next" in answer.links:
        answer = api.client.get(answer.links["next"]["url"])
        assert answer.json()["total"] == 5
        seen += [one["study_instance_uid"] for one in answer.json()["items"]]
    assert seen == listed(api)
    assert answer.links["prev"]["url"] == "/api/studies?modality=CT&limit=2&offset=2"
    assert api.client.get("/api/jobs?limit=3").links["first"]["url"] == "/api/jobs?limit=3&offset=0"


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("received_at", "desc"),
        ("patient_name", "asc"),
        ("study_date", "desc"),
        ("patient_id", "asc"),
    ],
)
def test_a_list_goes_on_where_it_was_while_studies_come_and_go(
    api: ApiNode, sort: str, order: str
) -> None:
    """Names and dates that are alike, empty or accented stand in one order all the same."""
    names = ["Zoe^A", "zoë^a", "", "Müller^B", "MULLER^B", "Zoe^A"]
    before = send(
        api.storage,
        *(
            study(
                seed,
                PatientName=name,
                PatientID=f"P{seed % 2}",
                StudyDate="20240101"[: seed % 2 * 8],
            )
            for seed, name in enumerate(names)
        ),
    )
    whole = listed(api, sort=sort, order=order)
    answer = api.client.get("/api/v1/studies", params={"limit": 2, "sort": sort, "order": order})
    last = answer.json()["items"][-1]["study_instance_uid"]
    seen = [one["study_instance_uid"] for one in answer.json()["items"]]
    api.storage.deletions.study(last)
    (added,) = send(
        api.storage, study(99, PatientName="Aaa^A", PatientID="A", StudyDate="20260101")
    )
    while answer.json()["next_cursor"]:
        assert answer.links["next"]["url"].startswith("/api/v1/studies?sort=")
        answer = api.client.get(answer.links["next"]["url"])
        seen += [one["study_instance_uid"] for one in answer.json()["items"]]
    assert [uid for uid in seen if uid != added] == whole
    assert len(seen) == len(set(seen))
    assert set(seen) - {added} == set(before)


@pytest.mark.filterwarnings("ignore:The PN component length")
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_names_that_grow_when_they_are_folded_skip_and_repeat_nobody(
    api: ApiNode, order: str
) -> None:
    """Of one such letter folding makes 18; the index keeps the beginning."""
    names = ["\ufdfa" * 300 + end for end in ("", "A", "B", "C")] + ["Aaa", "\uffe6"]
    sent = send(
        api.storage,
        *(study(seed, PatientName=name, PatientID=f"P{seed}") for seed, name in enumerate(names)),
    )
    answer = api.client.get(f"/api/studies?limit=1&sort=patient_name&order={order}")
    seen = [one["study_instance_uid"] for one in answer.json()["items"]]
    while cursor := answer.json()["next_cursor"]:
        following = {"cursor": cursor, "limit": 1, "sort": "patient_name", "order": order}
        answer = api.client.get("/api/studies", params=following)
        seen += [one["study_instance_uid"] for one in answer.json()["items"]]
        assert len(seen) <= len(sent), "studies are repeated"
    assert sorted(seen) == sorted(sent)
    found = api.client.get("/dicom-web/studies", params={"PatientName": names[0]}).json()
    assert len(found) == 4  # the beginning is the same


@pytest.mark.filterwarnings("ignore:The PN component length")
def test_a_cursor_is_for_its_list_and_order_and_names_nobody(api: ApiNode) -> None:
    send(api.storage, *(study(seed, PatientName="Secret^Name") for seed in range(3)))
    page = api.client.get("/api/studies?limit=1&sort=patient_name").json()
    assert "secret" not in page["next_cursor"].lower()
    send(api.storage, *(study(seed, PatientName="김" * 260) for seed in (3, 4)))
    last = api.client.get("/api/studies?limit=1&sort=patient_name&offset=3").json()
    following = {"cursor": last["next_cursor"], "limit": 1, "sort": "patient_name"}
    assert len(api.client.get("/api/studies", params=following).json()["items"]) == 1
    wrong = {"cursor": page["next_cursor"], "limit": 1}
    for query in (
        wrong | {"sort": "study_date"},
        wrong | {"sort": "patient_name", "offset": 1},
        {"cursor": "sealed:1:AAAA"},
        {"cursor": "ä"},
        {"cursor": ""},
    ):
        answer = api.client.get("/api/studies", params=query)
        is_problem(answer, 422, "invalid_cursor")
    is_problem(api.client.get("/api/jobs", params=wrong), 422, "invalid_cursor")


def test_an_unchanged_list_is_not_sent_again(stored_api: ApiNode) -> None:
    api = stored_api
    first, second = send(api.storage, study(1), study(2))
    address = "/api/v1/studies?limit=20"
    answer = api.client.get(address)
    seen = {"If-None-Match": f'"other", {answer.headers["etag"]}'}
    again = api.client.get(address, headers=seen)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    # Another question has another answer.
    assert api.client.get("/api/v1/studies?limit=21", headers=seen).status_code == 200
    time.sleep(0.1)
    send(api.storage, study(2, SOPInstanceUID="2.25.77"))
    changed = api.client.get(address, headers=seen)
    counts = {one["study_instance_uid"]: one["instance_count"] for one in changed.json()["items"]}
    assert counts == {first: 1, second: 2}
    time.sleep(0.1)
    api.storage.deletions.study(first)
    gone = api.client.get(address, headers={"If-None-Match": changed.headers["etag"]})
    assert [one["study_instance_uid"] for one in gone.json()["items"]] == [second]
