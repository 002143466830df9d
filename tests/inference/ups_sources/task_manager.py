"""Another system's worklist: a small UPS-RS service with its WebSocket, of the tests' own."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from storage.ups.dicom_json import attributes_of, text_of
from tests.patience import PATIENCE_S
from tests.services import free_port

TOKEN = "Bearer for-tests"


@dataclass
class TaskManager:
    """It keeps items as they are sent, checks claims as PS3.4 CC.1.1 has it, and notes all asks."""

    url: str = ""
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    channels: list[asyncio.Queue[str]] = field(default_factory=list)
    is_away: bool = False
    loop: asyncio.AbstractEventLoop | None = None

    def state(self, uid: str) -> str:
        return text_of(self.items[uid], "ProcedureStepState")

    def wait_for(self, uid: str, state: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while self.state(uid) != state:
            assert time.monotonic() < until, (self.state(uid), self.asked)
            time.sleep(0.05)

    def report(self, uid: str, event_type: int, **attributes: Any) -> None:
        """To everybody who listens."""
        event = {
            "00001000": {"vr": "UI", "Value": [uid]},
            "00001002": {"vr": "US", "Value": [event_type]},
            **attributes_of(**attributes),
        }
        assert self.loop is not None
        for channel in self.channels:
            self.loop.call_soon_threadsafe(channel.put_nowait, json.dumps(event))

    async def search(self, request: Request) -> Response:
        wanted = request.query_params["ProcedureStepState"]
        found = [one for uid, one in self.items.items() if self.state(uid) == wanted]
        return JSONResponse(found) if found else Response(status_code=204)

    async def update(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        (changes,) = await request.json()
        if self.claims.get(uid) != text_of(changes, "TransactionUID"):
            return Response(status_code=409)
        changes.pop("00081195")
        self.items[uid] |= changes
        return Response(status_code=200)

    async def change_state(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        (asked,) = await request.json()
        state, claim = text_of(asked, "ProcedureStepState"), text_of(asked, "TransactionUID")
        allowed = (
            self.state(uid) == "SCHEDULED"
            if state == "IN PROGRESS"
            else self.state(uid) == "IN PROGRESS" and self.claims.get(uid) == claim
        )
        if not allowed:
            return Response(status_code=409)
        if state == "IN PROGRESS":
            self.claims[uid] = claim
        self.items[uid] |= attributes_of(ProcedureStepState=state)
        return Response(status_code=200)

    async def subscribe(self, request: Request) -> Response:
        return Response(status_code=201)

    async def channel(self, socket: WebSocket) -> None:
        await socket.accept()
        queue: asyncio.Queue[str] = asyncio.Queue()
        self.loop = asyncio.get_running_loop()
        self.channels.append(queue)
        try:
            while True:
                await socket.send_text(await queue.get())
        except (WebSocketDisconnect, RuntimeError):
            self.channels.remove(queue)


@contextmanager
def task_manager() -> Iterator[TaskManager]:
    manager = TaskManager()

    async def checked(request: Request) -> Response:
        manager.asked.append(f"{request.method} {request.url.path}")
        if manager.is_away:
            return Response(status_code=503)
        if request.headers.get("authorization") != TOKEN:
            return Response(status_code=401)
        return await request.scope["endpoint_of_test"](request)

    def route(path: str, method: str, answer: Any) -> Route:
        async def endpoint(request: Request) -> Response:
            request.scope["endpoint_of_test"] = answer
            return await checked(request)

        return Route(path, endpoint, methods=[method])

    app = Starlette(
        routes=[
            route("/rs/workitems", "GET", manager.search),
            route("/rs/workitems/{uid}", "POST", manager.update),
            route("/rs/workitems/{uid}/state", "PUT", manager.change_state),
            route("/rs/workitems/{uid}/subscribers/{ae}", "POST", manager.subscribe),
            WebSocketRoute("/rs/subscribers/{ae}", manager.channel),
        ]
    )
    port = free_port()
    config = uvicorn.Config(app, port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + PATIENCE_S
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    manager.url = f"http://127.0.0.1:{port}/rs"
    try:
        yield manager
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
