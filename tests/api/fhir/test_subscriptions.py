"""Subscriptions of FHIR as an EHR makes them, and the bundles that reach its endpoint."""

import copy
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from fhir.resources.bundle import Bundle as R5Bundle
from fhir.resources.R4B.bundle import Bundle as R4Bundle
from fhir.resources.R4B.parameters import Parameters
from fhir.resources.R4B.subscription import Subscription as R4Subscription
from fhir.resources.R4B.subscriptiontopic import SubscriptionTopic as R4BTopic
from fhir.resources.subscription import Subscription as R5Subscription
from fhir.resources.subscriptionstatus import SubscriptionStatus
from fhir.resources.subscriptiontopic import SubscriptionTopic as R5Topic

from inference.webhooks.service import notify_due
from storage.audit import Code
from storage.core.callers.visibility import Caller
from storage.core.clock import utcnow
from storage.db.engine import writing
from storage.fhir_subscriptions import shares
from storage.settings import Settings
from tests import builders
from tests.api.access.closed import audited
from tests.api.client import ApiNode, api_node, part10, scheduled_job, worked_on
from tests.api.fhir.test_fhir import with_results
from tests.api.webhooks.receiver import Receiver, configured, receiver, signed, status

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
TOPIC = "urn:mediview:subscription-topic"
R5 = {"Accept": "application/fhir+json; fhirVersion=5.0"}
CHANNELS = "http://terminology.hl7.org/CodeSystem/subscription-channel-type"


def extended(name: str, kind: str, value: object) -> dict[str, object]:
    return {"url": f"{BACKPORT}/backport-{name}", kind: value}


def r4(endpoint: str, topic: str = "observation", **more: Any) -> dict[str, Any]:
    """As the Subscriptions R5 Backport writes one."""
    channel = {
        "type": "rest-hook",
        "endpoint": endpoint,
        "payload": "application/fhir+json",
        "_payload": {"extension": [extended("payload-content", "valueCode", "id-only")]},
        "header": ["Authorization: Bearer s3cret"],
        "extension": [
            extended("heartbeat-period", "valueUnsignedInt", 60),
            extended("timeout", "valueUnsignedInt", 5),
            extended("max-count", "valuePositiveInt", 2),
        ],
    }
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "The EHR shows findings",
        "criteria": f"{TOPIC}:{topic}",
        "channel": channel,
        **more,
    }


def r5(endpoint: str, topic: str = "diagnostic-report", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "topic": f"{TOPIC}:{topic}",
        "channelType": {"system": CHANNELS, "code": "rest-hook"},
        "endpoint": endpoint,
        "contentType": "application/fhir+json",
        **more,
    }


@pytest.fixture
def node(api_settings: Settings) -> Iterator[ApiNode]:
    with api_node(configured(api_settings)) as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def posted(node: ApiNode, resource: dict[str, Any]) -> httpx.Response:
    headers = {"Content-Type": "application/fhir+json"}
    return node.client.post("/fhir/Subscription", content=json.dumps(resource), headers=headers)


def subscribed(node: ApiNode, resource: dict[str, Any]) -> dict[str, Any]:
    answer = posted(node, resource)
    assert answer.status_code == 201, answer.text
    notified(node)
    return dict(answer.json())


def notified(node: ApiNode) -> None:
    """What the clock and the control worker do."""
    node.storage.webhook_outbox.fill()
    node.storage.fhir_subscriptions.fill(utcnow())
    notify_due(node.storage, "tests")


def bundles(hook: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in hook.received]


def parameters(bundle: dict[str, Any]) -> dict[str, Any]:
    """Of R4's status by name; events as the list of their parts."""
    R4Bundle.model_validate(copy.deepcopy(bundle))
    status = bundle["entry"][0]["resource"]
    Parameters.model_validate(copy.deepcopy(status))
    found: dict[str, Any] = {"events": []}
    for one in status["parameter"]:
        if one["name"] == "notification-event":
            found["events"].append({part["name"]: _value(part) for part in one["part"]})
        else:
            found[one["name"]] = _value(one)
    return found


def _value(one: dict[str, Any]) -> Any:
    value = next(value for key, value in one.items() if key.startswith("value"))
    return next(iter(value.values())) if isinstance(value, dict) else value


def test_an_r4_subscriber_gets_handshake_events_and_heartbeat(
    node: ApiNode, hook: Receiver
) -> None:
    made = subscribed(node, r4(hook.url))
    R4Subscription.model_validate(copy.deepcopy(made))
    assert made["status"] == "requested"
    assert "s3cret" not in json.dumps({**made, "channel": {**made["channel"], "endpoint": ""}})
    path = f"/fhir/Subscription/{made['id']}"
    (handshake,) = bundles(hook)
    assert handshake["type"] == "history"
    stated = parameters(handshake)
    assert (stated["type"], stated["status"], stated["topic"]) == (
        "handshake", "active", f"{TOPIC}:observation",
    )  # fmt: skip
    assert stated["subscription"].endswith(path)
    headers, body = hook.received[0]
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["content-type"] == "application/fhir+json"
    secret = node.client.post(f"/api/webhooks/{made['id']}/secret").json()["secret"]
    assert node.client.get(path).json()["status"] == "active"

    _, _, finding, _ = with_results(node)
    answer = node.client.post(f"/api/findings/{finding}/feedback", json={"kind": "ACCEPTED"})
    assert answer.status_code in (200, 201)
    notified(node)
    (event,) = bundles(hook)[1:]
    stated = parameters(event)
    assert stated["type"] == "event-notification"
    assert stated["events-since-subscription-start"] == "2"
    focus = f"/fhir/Observation/{finding}"
    assert [one["event-number"] for one in stated["events"]] == ["1", "2"]
    assert all(one["focus"].endswith(focus) for one in stated["events"])
    (reference,) = event["entry"][1:]
    assert reference["fullUrl"].endswith(focus)
    assert "resource" not in reference
    for identifying in ("id-7", "Jane", "1970", "1234.5"):
        assert identifying not in hook.received[1][1].decode()
    headers, body = hook.received[1]
    assert headers["webhook-signature"] == signed(secret, headers, body)

    notified(node)
    assert len(hook.received) == 2, "nothing happened"
    node.storage.fhir_subscriptions.fill(utcnow() + timedelta(seconds=61))
    notify_due(node.storage, "tests")
    assert [parameters(one)["type"] for one in bundles(hook)[2:]] == ["heartbeat"]
    # The clock is set back by hours: the subscriber does not wait for as long.
    node.storage.fhir_subscriptions.fill(utcnow() - timedelta(hours=3))
    notify_due(node.storage, "tests")
    assert [parameters(one)["type"] for one in bundles(hook)[2:]] == ["heartbeat"] * 2

    status = node.client.get(f"{path}/$status").json()
    assert parameters(status) == {
        "subscription": stated["subscription"],
        "topic": f"{TOPIC}:observation",
        "status": "active",
        "type": "query-status",
        "events-since-subscription-start": "2",
        "events": [],
    }
    assert node.client.delete(path).status_code == 204
    assert node.client.get(path).status_code == 404
    node.client.post(f"/api/findings/{finding}/feedback", json={"kind": "REJECTED"})
    notified(node)
    assert len(hook.received) == 4


def test_an_r5_subscriber_gets_whole_resources_where_the_operator_allows_it(
    api_settings: Settings, hook: Receiver
) -> None:
    settings = configured(api_settings, fhir_subscription_content="full-resource")
    with api_node(settings) as node:
        wanted = r5(hook.url, content="full-resource", maxCount=1)
        wanted["parameter"] = [{"name": "X-Api-Key", "value": "k3y"}]
        made = subscribed(node, wanted)
        R5Subscription.model_validate(copy.deepcopy(made))
        _, _, _, report = with_results(node)
        notified(node)
        handshake, event = bundles(hook)
        for one in (handshake, event):
            R5Bundle.model_validate(copy.deepcopy(one))
            assert one["type"] == "subscription-notification"
            SubscriptionStatus.model_validate(copy.deepcopy(one["entry"][0]["resource"]))
        assert event["entry"][0]["resource"]["notificationEvent"][0]["eventNumber"] == "1"
        resource = event["entry"][1]["resource"]
        assert (resource["resourceType"], resource["id"]) == ("DiagnosticReport", report)
        assert resource["study"], "R5 has no imagingStudy"
        headers, _ = hook.received[1]
        assert headers["x-api-key"] == "k3y"
        assert headers["content-type"] == "application/fhir+json; fhirVersion=5.0"
        (exported,) = audited(node.storage, code=Code.EXPORT)
        assert exported["detail"]["via"] == "fhir subscription"


def test_filters_narrow_by_patient_and_category(node: ApiNode, hook: Receiver) -> None:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    criteria = f"Observation?patient=Patient/id-7,Patient/id-8&category={system}|imaging"
    by_id = {"extension": [extended("filter-criteria", "valueString", criteria)]}
    made = subscribed(node, r4(hook.url, _criteria=by_id))
    assert made["_criteria"]["extension"][0]["valueString"].startswith("?patient=Patient/id-7,")
    with receiver() as other, receiver() as studies:
        subscribed(
            node,
            r5(
                other.url,
                "observation",
                filterBy=[{"filterParameter": "patient", "value": "Patient/someone-else"}],
            ),
        )
        issuer = "urn:mediview:patient-id:Clinic%7CEast|id-7"
        by_issuer = [
            {"filterParameter": "patient", "modifier": "identifier", "value": issuer},
        ]
        subscribed(node, r5(studies.url, "imaging-study", filterBy=by_issuer))
        _, study, _, _ = with_results(node)
        (series,) = node.storage.index.series_of(study)
        node.storage.index.mark_complete(series, utcnow())
        notified(node)
        assert len(hook.received) == 2
        assert len(other.received) == 1, "the handshake alone"
        event = bundles(studies)[1]
        assert event["entry"][1]["fullUrl"].endswith(f"/ImagingStudy/{study}")


def test_what_cannot_be_subscribed_to_is_refused_by_its_place(
    node: ApiNode, hook: Receiver
) -> None:
    fine = r4(hook.url)
    past = "2020-01-01T00:00:00Z"
    channel = fine["channel"]
    criteria = [
        extended("filter-criteria", "valueString", one)
        for one in (
            *("?status=final", "Patient?patient=Patient/1", "?category=laboratory"),
            *("?patient=,", "?patient=%20,"),
        )
    ]
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({**fine, "criteria": "urn:other"}, 422, "Subscription.criteria"),
        ({**fine, "status": "off"}, 422, "Subscription.status"),
        ({**fine, "end": past}, 422, "Subscription.end"),
        ({**fine, "channel": {**channel, "type": "email"}}, 422, "channel.type"),
        ({**fine, "channel": {**channel, "header": ["Host: x"]}}, 422, "channel.header"),
        ({**fine, "channel": {**channel, "header": ["X: a\r\nHost: x"]}}, 422, "channel.header"),
        ({**fine, "channel": {**channel, "payload": "text/plain"}}, 422, "channel.payload"),
        ({**fine, "nonsense": 1}, 422, "Subscription"),
        (r5(hook.url, maxCount=501), 422, "maxCount is more than 500"),
        *(({**fine, "_criteria": {"extension": [one]}}, 422, "") for one in criteria),
        (r4("http://169.254.169.254/latest"), 400, "MEDIVIEW_WEBHOOK_HOSTS"),
        (r5(hook.url, content="full-resource"), 400, "FHIR_SUBSCRIPTION_CONTENT"),
    ]
    for resource, code, words in refused:
        answer = posted(node, resource)
        assert answer.status_code == code, answer.text
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert words in answer.text
        assert "Patient/1" not in answer.text
        assert "s3cret" not in answer.text
    assert hook.received == []
    assert node.client.get("/fhir/Subscription").json()["total"] == 0


def test_nobody_has_all_subscriptions(
    node: ApiNode, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "MOST_OF_ONE", 2)
    made = [posted(node, r4(hook.url)) for _ in range(3)]
    assert [one.status_code for one in made] == [201, 201, 429]
    assert "You have 2 subscriptions already." in made[2].text
    somebody_else = Caller("key", "another")
    monkeypatch.setattr(shares, "MOST_SUBSCRIPTIONS", 3)
    with writing(node.storage.engine) as connection:
        shares.check_count(connection, somebody_else.identity_id)
    node.client.delete(f"/fhir/Subscription/{made[0].json()['id']}")
    assert posted(node, r4(hook.url)).status_code == 201


def test_an_endpoint_that_takes_no_handshake_gets_no_event(
    api_settings: Settings, hook: Receiver
) -> None:
    with api_node(configured(api_settings, webhook_max_attempts=1)) as node:
        hook.answer = status(404)
        made = subscribed(node, r4(hook.url))
        path = f"/fhir/Subscription/{made['id']}"
        assert node.client.get(path).json()["status"] == "error"
        stated = parameters(node.client.get(f"{path}/$status").json())
        assert (stated["status"], stated["type"]) == ("error", "query-status")
        _, _, finding, _ = with_results(node)
        notified(node)
        assert len(hook.received) == 1
        hook.answer = None
        sent = f"/api/webhooks/{made['id']}/deliveries"
        (failed,) = node.client.get(f"{sent}?state=DEAD").json()["items"]
        again = node.client.post(f"{sent}/{failed['delivery_id']}/redeliver")
        assert again.status_code == 202
        notified(node)
        assert node.client.get(path).json()["status"] == "active"
        notified(node)
        assert [parameters(one)["type"] for one in bundles(hook)] == ["handshake", "handshake"]
        node.client.post(f"/api/findings/{finding}/feedback", json={"kind": "ACCEPTED"})
        notified(node)
        assert parameters(bundles(hook)[-1])["events-since-subscription-start"] == "1"


def test_subscriptions_and_topics_are_searched_in_both_versions(
    node: ApiNode, hook: Receiver
) -> None:
    made = subscribed(node, r4(hook.url))
    subscribed(node, r5(hook.url))
    found = node.client.get("/fhir/Subscription", params={"criteria": f"{TOPIC}:observation"})
    assert [one["resource"]["id"] for one in found.json()["entry"]] == [made["id"]]
    for one in node.client.get("/fhir/Subscription?status=active").json()["entry"]:
        R4Subscription.model_validate(one["resource"])
    both = node.client.get("/fhir/Subscription", headers=R5).json()
    assert both["total"] == 2
    for one in both["entry"]:
        R5Subscription.model_validate(one["resource"])
    assert node.client.get("/fhir/Subscription?status=off").json()["total"] == 0
    topics = node.client.get("/fhir/SubscriptionTopic").json()
    for one in topics["entry"]:
        R4BTopic.model_validate(one["resource"])
    for one in node.client.get("/fhir/SubscriptionTopic", headers=R5).json()["entry"]:
        R5Topic.model_validate(one["resource"])
    statement = node.client.get("/fhir/metadata").json()
    (stated,) = [one for one in statement["rest"][0]["resource"] if one["type"] == "Subscription"]
    urls = [one["resource"]["url"] for one in topics["entry"]]
    assert [one["valueCanonical"] for one in stated["extension"]] == urls
    answer = node.client.get("/fhir/SubscriptionTopic/nothing")
    assert answer.status_code == 404


def test_a_subscription_ends_at_its_end(node: ApiNode, hook: Receiver) -> None:
    end = (utcnow() + timedelta(hours=1)).isoformat()
    made = subscribed(node, r4(hook.url, end=end))
    node.storage.fhir_subscriptions.fill(utcnow() + timedelta(hours=2))
    assert node.client.get(f"/fhir/Subscription/{made['id']}").json()["status"] == "off"
    worked_on(node.storage, scheduled_job(node.storage))
    notified(node)
    assert len(hook.received) == 1


def test_a_subscription_is_no_webhook_to_be_changed(node: ApiNode, hook: Receiver) -> None:
    made = subscribed(node, r4(hook.url))
    path = f"/api/webhooks/{made['id']}"
    assert node.client.get(path).json()["kind"] == "fhir"
    for answer in (
        node.client.patch(path, json={"events": ["*"]}),
        node.client.post(f"{path}/ping"),
    ):
        assert answer.status_code == 409
        assert "/fhir/Subscription" in answer.text
    series = builders.series(np.zeros((1, 4, 4), np.int16), modality="MR")
    node.storage.ingest.accept(part10(series[0]), "dimse:MR1")
    notified(node)
    assert len(hook.received) == 1
