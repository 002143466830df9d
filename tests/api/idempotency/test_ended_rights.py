"""An answer that is kept is given to nobody who would not get it now."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, insert
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.principal import Principal
from api.access.rule_index import RuleIndex
from api.idempotency.middleware import Idempotency
from storage import tables as t
from storage.container import Storage
from storage.core.callers.identity import Identity
from storage.core.callers.roles import Role
from storage.core.callers.visibility import EVERYONE, Visibility, limited_to
from storage.core.clock import utcnow
from storage.db.engine import writing

OURS = Visibility("key:1", (EVERYONE, 3), sees_unmatched=True)
WITHOUT = replace(OURS, group_ids=(EVERYONE,))
BOTH: frozenset[Role] = frozenset({"radiologist", "integrator"})
ADMIN: frozenset[Role] = frozenset({"admin"})


@dataclass
class Caller:
    """What AccessControl says of who asks."""

    app: ASGIApp
    visibility: Visibility | None = OURS
    principal: Principal = field(
        default_factory=lambda: Principal(Identity("key", "1", "key"), BOTH)
    )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["principal"] = self.principal
        with limited_to(self.visibility):
            await self.app(scope, receive, send)


@pytest.fixture
def caller(storage: Storage) -> Caller:
    """Of group 3, to which study 1.1 belongs."""
    now = utcnow()
    with writing(storage.engine) as connection:
        for one in (3, 4):
            values = {"name": str(one), "created_at": now, "updated_at": now}
            connection.execute(insert(t.access_group).values(group_id=one, **values))
    move(storage, 3)
    app = Starlette(routes=[Route("/api/answered", answer, methods=["POST"])])
    app.state.storage = storage
    app.add_middleware(Idempotency, settings=storage.settings, rules=RuleIndex(()))
    return Caller(app)


async def answer(_request: object) -> JSONResponse:
    return JSONResponse({"reports": [{"study_instance_uid": "1.1"}], "secret": "Nordmann"})


def move(storage: Storage, group_id: int) -> None:
    """Study 1.1 from one group to another."""
    values = {"study_instance_uid": "1.1", "origin": "rule", "decided_at": utcnow()}
    with writing(storage.engine) as connection:
        connection.execute(delete(t.study_group))
        connection.execute(insert(t.study_group).values(group_id=group_id, **values))


def post(caller: Caller, key: str = "the-first-of-them", **changes: Any) -> httpx.Response:
    for name, value in changes.items():
        setattr(caller, name, value)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=caller)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            return await client.post("/api/answered", headers={"Idempotency-Key": key})

    return asyncio.run(ask())


def is_replayed(answer: httpx.Response) -> bool:
    if answer.status_code == 403:
        assert answer.json()["code"] == "idempotency_rights_ended"
        assert "Nordmann" not in answer.text
        return False
    assert answer.status_code == 200
    return "Idempotency-Replayed" in answer.headers


def test_rights_that_ended(caller: Caller, storage: Storage) -> None:
    assert not is_replayed(post(caller))
    assert is_replayed(post(caller))
    before = caller.principal
    for fewer in (
        {"visibility": WITHOUT},
        {"visibility": replace(OURS, sees_unmatched=False)},
        {"principal": replace(before, roles=frozenset({"integrator"}))},
        {"principal": replace(before, scopes=frozenset({"api:write"}))},
    ):
        assert not is_replayed(post(caller, **fewer)), fewer
        assert is_replayed(post(caller, visibility=OURS, principal=before)), "as before"
    more = replace(OURS, group_ids=(EVERYONE, 3, 4))
    assert is_replayed(post(caller, visibility=more, principal=replace(before, roles=BOTH | ADMIN)))
    assert is_replayed(post(caller, visibility=None)), "who sees everything"

    # Administrators, and all before groups were enforced.
    second = "the-second-of-them"
    assert not is_replayed(post(caller, second, visibility=None))
    assert not is_replayed(post(caller, second, visibility=OURS))
    assert is_replayed(post(caller, second, visibility=None))
    # A study that left the groups.
    assert is_replayed(post(caller, visibility=OURS, principal=before))
    move(storage, 4)
    assert not is_replayed(post(caller))
    move(storage, 3)
    assert is_replayed(post(caller))
