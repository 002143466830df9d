"""What the hub refuses, and channels that it ends."""

from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.api.client import ApiNode, is_problem
from tests.api.fhircast.hubs import FOREIGN, peers, update_of
from tests.api.fhircast.peers import (
    PATIENT,
    Channel,
    Json,
    name_of,
    opened,
)


def test_a_subscription_ends_by_its_lease_and_when_it_is_unsubscribed(hub: ApiNode) -> None:
    pacs, ris = peers(hub)
    with pacs.listening("Heartbeat", hub_lease_seconds="1") as short, ris.listening("*") as long:
        beat = long.next()
        assert name_of(beat) == "Heartbeat"
        assert beat["event"]["context"] == [{"key": "period", "decimal": "2.5"}]
        while (message := short.next()).get("hub.mode") != "denied":
            assert name_of(message) == "Heartbeat"
        with pytest.raises(ConnectionClosed):
            short.next()
        changed = ris.http.post(
            "/fhircast",
            data={
                "hub.channel.type": "websocket", "hub.mode": "unsubscribe",
                "hub.topic": ris.topic, "hub.channel.endpoint": ris.endpoint,
            },
        )  # fmt: skip
        assert changed.status_code == 202, changed.text
        while (message := long.next()).get("hub.mode") != "denied":
            assert name_of(message) == "Heartbeat"
    with pytest.raises(InvalidStatus), ris.connected():
        pass


def test_an_address_that_nobody_was_given_opens_nothing(hub: ApiNode) -> None:
    url = hub.url.replace("http", "ws", 1)
    for secret in ("x" * 43, "short", "%2e%2e%2f"):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"{url}/fhircast/channels/{secret}", proxy=None)
        assert refused.value.response.status_code in (403, 404)


def test_a_new_connection_takes_the_channel_over_and_one_that_shouts_is_closed(
    hub: ApiNode,
) -> None:
    _, ris = peers(hub)
    with ris.listening("Patient-open") as first, ris.connected() as second:
        with pytest.raises(ConnectionClosed) as left:
            first.next()
        assert left.value.rcvd is not None
        assert left.value.rcvd.code == 1001
        with pytest.raises(ConnectionClosed):
            _shout(second)


def test_who_sends_parts_of_a_message_without_end_is_closed(hub: ApiNode) -> None:
    """Parts without content never reach a limit of bytes, and each takes its time."""
    _, ris = peers(hub)
    with ris.listening("Patient-open") as channel:
        with suppress(ConnectionClosed):
            channel.socket.send("" for _ in range(5_000))
        with pytest.raises(ConnectionClosed):
            channel.next()


def _shout(channel: Channel) -> None:
    for _ in range(150):
        channel.socket.send('{"id": 1')
    while True:
        channel.next()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"hub.channel.type": "webhook"}, 400),
        ({"hub.mode": "denied"}, 400),
        ({"hub.topic": "fdb2f928-5546-4f52-87a0-0648e9ded065"}, 404),
        ({"hub.events": ""}, 400),
        ({"hub.events": "patient-transmogrify"}, 400),
        ({"hub.events": ",".join(["*"] * 33)}, 400),
        ({"hub.lease_seconds": "-1"}, 400),
        ({"hub.lease_seconds": "9" * 400}, 400),
        ({"hub.channel.endpoint": "wss://elsewhere/fhircast/channels/x"}, 404),
        ({"subscriber.name": "x" * 9000}, 400),
    ],
)
def test_a_subscription_that_is_wrong_is_refused_with_a_sentence(
    hub: ApiNode, change: dict[str, str], status: int
) -> None:
    pacs, _ = peers(hub)
    form = {
        "hub.channel.type": "websocket", "hub.mode": "subscribe", "hub.topic": pacs.topic,
        "hub.events": "Patient-open",
    }  # fmt: skip
    answer = hub.client.post("/fhircast", data=form | change)
    assert answer.status_code == status, answer.text
    assert answer.json()["remedy"]


def test_an_event_that_is_wrong_is_refused_and_reaches_nobody(hub: ApiNode) -> None:
    pacs, ris = peers(hub)
    good = opened(pacs.topic, FOREIGN)
    wrong: list[tuple[bytes | Json, int]] = [
        (b"{", 400),
        (b"[]", 400),
        (b'{"event": ' + b"[" * 20_000, 400),
        (good | {"id": "ü"}, 400),
        (good | {"id": "mediview-7"}, 400),
        (good | {"timestamp": "yesterday"}, 400),
        (good | {"event": good["event"] | {"hub.event": "org.example.x"}}, 400),
        (good | {"event": good["event"] | {"hub.event": "Heartbeat"}}, 400),
        (good | {"event": good["event"] | {"hub.topic": "another"}}, 404),
        (good | {"event": good["event"] | {"context": [{"key": "study"}]}}, 400),
        (
            good | {"event": good["event"] | {"context": [{"key": "study", "resource": PATIENT}]}},
            400,
        ),
        (good | {"more": "x" * 300_000}, 413),
        (update_of(pacs.topic, "v", "PUT", "o1"), 409),
    ]
    with ris.listening("*-open,*-update,*-close") as channel:
        for body, status in wrong:
            if isinstance(body, dict):
                answer = pacs.announce(body)
            else:
                answer = hub.client.post(
                    "/fhircast", content=body, headers={"Content-Type": "application/json"}
                )
            assert answer.status_code == status, (str(body)[:200], answer.text)
            assert answer.json()["detail"]
        assert channel.is_silent(0.4)
        statuses = {pacs.announce(opened(pacs.topic, FOREIGN)).status_code for _ in range(61)}
        assert statuses == {202, 429}
    assert hub.client.post("/fhircast", content=b"x").status_code == 415


def test_a_node_that_is_no_hub_says_so(reading_api: ApiNode) -> None:
    assert reading_api.client.get("/api/v1/fhircast").json()["enabled"] is False
    for path in ("/fhircast/.well-known/fhircast-configuration", "/fhircast/t"):
        is_problem(reading_api.client.get(path), 404, "not_found")
