"""Another system's hub, by the standard library and websockets alone."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

Json = dict[str, Any]
TOKEN = "of the other hub"


class ForeignHub:
    """Sends what it is given to all who are connected, with versions of its own."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.events: list[Json] = []
        self.statuses: list[Json] = []
        self.version = ""
        self.refuses = 0
        self.pages = 0
        """How many subscriptions are answered with a page, as a sign-in before a hub does."""
        self.sockets: list[ServerConnection] = []
        self.connected = threading.Semaphore(0)
        self.arrived = threading.Semaphore(0)
        self.answered = threading.Semaphore(0)
        self.url = ""
        self.channel = ""

    def send(self, message: Json) -> None:
        change = message["event"]["hub.event"].lower().rpartition("-")[2]
        event = message["event"]
        if change in ("open", "update"):
            if change == "update":
                event["context.priorVersionId"] = self.version
            self.version = event["context.versionId"] = str(uuid.uuid4())
        for socket in self.sockets:
            socket.send(json.dumps(message))

    def take(self, message: Json) -> int:
        event = message["event"]
        if self.refuses:
            self.refuses -= 1
            return 409
        is_update = event["hub.event"].lower().endswith("-update")
        if is_update and event["context.versionId"] != self.version:
            return 409
        self.events.append(message)
        self.send(json.loads(json.dumps(message)))
        self.arrived.release()
        return 202

    def serve_socket(self, socket: ServerConnection) -> None:
        confirmation = {"hub.mode": "subscribe", "hub.topic": "desk-7", "hub.lease_seconds": 60}
        socket.send(json.dumps(confirmation))
        self.sockets.append(socket)
        self.connected.release()
        try:
            for text in socket:
                self.statuses.append(json.loads(text))
                self.answered.release()
        except ConnectionClosed:
            pass
        finally:
            self.sockets.remove(socket)


@contextmanager
def foreign_hub() -> Iterator[ForeignHub]:
    hub = ForeignHub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                self._answer(401, {})
            elif self.headers["Content-Type"].startswith("application/json"):
                self._answer(hub.take(json.loads(body)), {})
            else:
                hub.forms.append({name: one[0] for name, one in parse_qs(body.decode()).items()})
                hub.pages -= 1
                endpoint = {"hub.channel.endpoint": hub.channel}
                self._write(202, b"<html>" if hub.pages >= 0 else json.dumps(endpoint).encode())

        def do_GET(self) -> None:
            self._answer(200, {"context.type": "", "context.versionId": hub.version})

        def _answer(self, status: int, content: Json) -> None:
            self._write(status, json.dumps(content).encode())

        def _write(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with server, serve(hub.serve_socket, "127.0.0.1", 0) as sockets:
        hub.url = f"http://127.0.0.1:{server.server_port}/hub"
        hub.channel = f"ws://127.0.0.1:{sockets.socket.getsockname()[1]}/secret-of-the-hub"
        threads = [
            threading.Thread(target=one, daemon=True)
            for one in (server.serve_forever, sockets.serve_forever)
        ]
        for one in threads:
            one.start()
        try:
            yield hub
        finally:
            server.shutdown()
            sockets.shutdown()
