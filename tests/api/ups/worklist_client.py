"""A UPS-RS client of the tests' own: httpx for requests, websockets for events."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

PREFIX = "/dicom-web"
WORKLIST = "1.2.840.10008.5.1.4.34.5"
FILTERED = "1.2.840.10008.5.1.4.34.5.1"
STATE, TRANSACTION = "00741000", "00081195"

Json = dict[str, Any]


def el(vr: str, *values: Any) -> Json:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def code(value: str, scheme: str, meaning: str) -> Json:
    return {
        "00080100": el("SH", value),
        "00080102": el("SH", scheme),
        "00080104": el("LO", meaning),
    }


def new_item(study: str = "2.25.77", **changes: Json) -> Json:
    """What PS3.4 Table CC.2.5-3 requires of a creator; `changes` by tag, `t00741200=…`."""
    return {
        "00100010": el("PN", {"Alphabetic": "Quernhammer^Adalbert"}),
        "00100020": el("LO", "Q-4711"),
        "00100030": el("DA", "19500102"),
        "00100040": el("CS", "O"),
        "00380010": el("LO"),
        "00081080": el("LO"),
        "00400400": el("LT"),
        "00404005": el("DT", "20240131083000"),
        "00404018": el("SQ", code("121726", "DCM", "RT Treatment with Internal Verification")),
        "00404021": el("SQ"),
        "00404025": el("SQ", code("STATION1", "99LOCAL", "Station one")),
        "00404041": el("CS", "READY"),
        "0040A370": el("SQ", {"0020000D": el("UI", study), "00080050": el("SH", "ACC1")}),
        "00741000": el("CS", "SCHEDULED"),
        "00741002": el("SQ"),
        "00741200": el("CS", "MEDIUM"),
        "00741202": el("LO", "Work"),
        "00741204": el("LO", "Segment it"),
        "00741216": el("SQ"),
        **{tag[1:].upper(): value for tag, value in changes.items()},
    }


def performed() -> Json:
    """What COMPLETED requires: PS3.4 Table CC.2.5-3, requirement P."""
    return {
        "00741216": el(
            "SQ",
            {
                "00404028": el("SQ", code("STATION1", "99LOCAL", "Station one")),
                "00404050": el("DT", "20240131084000"),
                "00404051": el("DT", "20240131085000"),
                "00404019": el("SQ", code("121726", "DCM", "RT Treatment")),
                "00404033": el("SQ"),
            },
        )
    }


@dataclass(frozen=True)
class Worklist:
    http: httpx.Client
    url: str

    def create(self, item: Json, uid: str = "") -> httpx.Response:
        return self.http.post(f"{PREFIX}/workitems{'?' + uid if uid else ''}", json=[item])

    def created(self, item: Json, uid: str = "") -> str:
        answer = self.create(item, uid)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"].rpartition("/")[2]

    def get(self, uid: str) -> Json:
        answer = self.http.get(f"{PREFIX}/workitems/{uid}")
        assert answer.status_code == 200, answer.text
        (item,) = answer.json()
        return dict(item)

    def state(self, uid: str) -> str:
        return str(self.get(uid)[STATE]["Value"][0])

    def update(self, uid: str, changes: Json, transaction: str = "") -> httpx.Response:
        query = f"?{transaction}" if transaction else ""
        return self.http.post(f"{PREFIX}/workitems/{uid}{query}", json=[changes])

    def change(self, uid: str, state: str, transaction: str) -> httpx.Response:
        body = {STATE: el("CS", state), TRANSACTION: el("UI", transaction)}
        return self.http.put(f"{PREFIX}/workitems/{uid}/state", json=[body])

    def cancel(self, uid: str, details: Json | None = None) -> httpx.Response:
        content = json.dumps([details]).encode() if details else b""
        return self.http.post(
            f"{PREFIX}/workitems/{uid}/cancelrequest",
            content=content,
            headers={"Content-Type": "application/dicom+json"},
        )

    def search(self, query: str = "") -> list[Json]:
        answer = self.http.get(f"{PREFIX}/workitems?{query}")
        assert answer.status_code in (200, 204, 206), answer.text
        return list(answer.json()) if answer.content else []

    def uids(self, query: str = "") -> list[str]:
        return [item["00080018"]["Value"][0] for item in self.search(query)]

    def subscribe(self, uid: str, ae_title: str, query: str = "") -> str:
        answer = self.http.post(f"{PREFIX}/workitems/{uid}/subscribers/{ae_title}?{query}")
        assert answer.status_code == 201, answer.text
        return str(answer.headers["Content-Location"])

    @contextmanager
    def listening(self, ae_title: str) -> Iterator["Listener"]:
        url = self.url.replace("http", "ws", 1)
        with connect(f"{url}{PREFIX}/subscribers/{ae_title}", proxy=None) as socket:
            yield Listener(socket)


@dataclass(frozen=True)
class Listener:
    socket: ClientConnection

    def next(self, timeout_s: float = 10.0) -> Json:
        return dict(json.loads(self.socket.recv(timeout_s)))

    def next_event(self, timeout_s: float = 10.0) -> tuple[str, int, str]:
        """Workitem, event type, and its state where the event says one."""
        report = self.next(timeout_s)
        state = report.get(STATE, {}).get("Value", [""])[0]
        return report["00001000"]["Value"][0], report["00001002"]["Value"][0], state

    def is_silent(self, for_s: float = 0.6) -> bool:
        try:
            self.socket.recv(for_s)
        except TimeoutError:
            return True
        return False
