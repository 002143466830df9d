"""A foreign participant of FHIRcast: httpx and websockets alone, nothing of ours."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

Json = dict[str, Any]
ACSN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]}


def study(uid: str, accession: str = "") -> Json:
    identifiers: list[Json] = [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}]
    if accession:
        identifiers.append({"type": ACSN, "value": accession})
    return {
        "resourceType": "ImagingStudy",
        "id": "e25c1d31",
        "identifier": identifiers,
        "status": "unknown",
        "subject": {"reference": "Patient/503824b8"},
    }


PATIENT: Json = {"resourceType": "Patient", "id": "503824b8", "name": [{"family": "Böhm"}]}


def event(topic: str, name: str, *context: tuple[str, Json], **more: Any) -> Json:
    return {
        "timestamp": datetime.now(UTC).isoformat(),
        "id": str(uuid.uuid4()),
        "event": {
            "hub.topic": topic,
            "hub.event": name,
            "context": [{"key": key, "resource": resource} for key, resource in context],
            **more,
        },
    }


def opened(topic: str, uid: str, name: str = "ImagingStudy-open", accession: str = "") -> Json:
    return event(topic, name, ("study", study(uid, accession)), ("patient", PATIENT))


@dataclass
class Peer:
    http: httpx.Client
    topic: str
    name: str
    endpoint: str = ""

    def form(self, **more: str) -> httpx.Response:
        fields = {
            "hub.channel.type": "websocket",
            "hub.mode": "subscribe",
            "hub.topic": self.topic,
            "subscriber.name": self.name,
            **{name.replace("_", ".", 1): value for name, value in more.items()},
        }
        return self.http.post("/fhircast", data={k: v for k, v in fields.items() if v != "-"})

    def subscribe(self, events: str, **more: str) -> str:
        answer = self.form(hub_events=events, **more)
        assert answer.status_code == 202, answer.text
        self.endpoint = answer.json()["hub.channel.endpoint"]
        return self.endpoint

    @contextmanager
    def listening(self, events: str, **more: str) -> Iterator["Channel"]:
        self.subscribe(events, **more)
        with self.connected() as channel:
            yield channel

    @contextmanager
    def connected(self) -> Iterator["Channel"]:
        with connect(self.endpoint, proxy=None) as socket:
            channel = Channel(socket)
            confirmation = channel.next()
            assert confirmation["hub.mode"] == "subscribe"
            assert confirmation["hub.topic"] == self.topic
            channel.confirmation = confirmation
            yield channel

    def announce(self, message: Json) -> httpx.Response:
        return self.http.post("/fhircast", json=message)

    def announced(self, message: Json) -> None:
        answer = self.announce(message)
        assert answer.status_code == 202, answer.text

    def current(self) -> Json:
        answer = self.http.get(f"/fhircast/{self.topic}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


class Channel:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.confirmation: Json = {}

    def next(self, timeout_s: float = 10.0) -> Json:
        return dict(json.loads(self.socket.recv(timeout_s)))

    def event(self, status: int | str = 200, timeout_s: float = 10.0) -> Json:
        """The next one, answered; heartbeats have no answer."""
        message = self.next(timeout_s)
        assert "event" in message, message
        self.socket.send(json.dumps({"id": message["id"], "status": status}))
        return message

    def answer_all(self, until_silent_s: float = 0.6) -> None:
        """What is not answered in time ends the subscription."""
        with suppress(TimeoutError):
            while True:
                self.event(timeout_s=until_silent_s)

    def is_silent(self, for_s: float = 0.6) -> bool:
        until = time.monotonic() + for_s
        try:
            self.socket.recv(max(0.0, until - time.monotonic()))
        except TimeoutError:
            return True
        return False


def name_of(message: Json) -> str:
    return str(message["event"]["hub.event"])


def resource(message: Json, key: str) -> Json:
    (found,) = [one["resource"] for one in message["event"]["context"] if one["key"] == key]
    return dict(found)
