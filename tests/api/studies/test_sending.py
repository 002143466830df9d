"""A stored study is sent to a peer by REST and from the command line, and the study says so."""

import json

from storage.core.clock import utcnow
from storage.peers.entities import KnownPeer
from tests.api.client import ApiNode, is_problem
from tests.api.studies.listing import send, study

ARCHIVE = KnownPeer("archive", kind="folder", folder="archive")


def stored(api: ApiNode) -> str:
    api.storage.peers.add(ARCHIVE)
    (uid,) = send(api.storage, study(1))
    for series in api.storage.index.series_of(uid):
        api.storage.index.mark_complete(series, utcnow())
    return uid


def test_a_study_is_sent_and_says_how_far_it_is(stored_api: ApiNode) -> None:
    uid = stored(stored_api)
    answer = stored_api.client.post(f"/api/studies/{uid}/send", json={"to": ["archive"]})
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"instances": {"archive": 1}}
    detail = stored_api.client.get(f"/api/studies/{uid}").json()
    assert detail["routes"] == [
        {
            "destination": "archive",
            "cause": "PERSON",
            "rule": "",
            "total": 1,
            "confirmed": 0,
            "held": 0,
            "sent": 0,
            "failing": 0,
            "last_error": "",
            "waiting": 0,
            "waits_until": None,
            "note": "",
        }
    ]
    assert detail["deliveries"] == []
    assert detail["state"] == "complete"
    (delivery,) = stored_api.client.get("/api/deliveries").json()["items"]
    assert (delivery["cause"], delivery["job_id"]) == ("PERSON", None)


def test_what_cannot_be_sent_is_named(stored_api: ApiNode) -> None:
    uid = stored(stored_api)
    sending = f"/api/studies/{uid}/send"
    is_problem(stored_api.client.post(sending, json={"to": ["achive"]}), 404, "not_found")
    unknown = stored_api.client.post("/api/studies/1.2.3/send", json={"to": ["archive"]})
    is_problem(unknown, 404, "not_found")
    is_problem(stored_api.client.post(sending, json={"to": []}), 422, "validation_failed")


def test_rules_of_routing_are_explained(stored_api: ApiNode) -> None:
    uid = stored(stored_api)
    rule = {"name": "all MR", "when": {"Modality": "MR"}, "to": "archive"}
    path = stored_api.storage.settings.data_dir / "rules.yaml"
    path.write_text(json.dumps({"routing": [rule]}))
    (answer,) = stored_api.client.get(f"/api/studies/{uid}/rules").json()["routing"]
    assert (answer["rule"], answer["to"], answer["holds"]) == ("all MR", ["archive"], False)
    assert answer["trace"]["found"] == "CT"
    assert stored_api.client.get("/api/rules").json()["routing"][0]["send"] == "series"
