"""A node that wants to know who asks, and those who do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from storage import tables as t
from storage.container import Storage
from storage.db.engine import reading
from storage.settings import Settings, load_settings
from tests.api.client import ApiNode, api_node
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class ClosedNode:
    api: ApiNode

    @property
    def url(self) -> str:
        return self.api.url

    @property
    def storage(self) -> Storage:
        return self.api.storage

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, **options)

    @contextmanager
    def signed_in(self, name: str, *roles: str) -> Iterator[httpx.Client]:
        """A browser of a new account, with the token of a page of ours."""
        self.storage.accounts.add(name, PASSWORD, roles)
        with self.client() as client:
            answer = sign_in(client, name)
            assert answer.status_code == 200, answer.text
            client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
            yield client

    def key(self, name: str, role: str, *scopes: str) -> str:
        _, secret = self.storage.api_keys.create(
            name, [role], scopes, created_by="test", expires_at=None
        )
        return secret

    def with_key(self, name: str, role: str, *scopes: str) -> httpx.Client:
        secret = self.key(name, role, *scopes)
        return self.client(headers={"Authorization": f"Bearer {secret}"})


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
    return client.post("/api/session", json={"name": name, "password": password})


def confirm(client: httpx.Client, password: str = PASSWORD) -> httpx.Response:
    """Show again who one is, as the pages do for a signature and for changes of accounts."""
    answer = client.post("/api/session/confirmation", json={"password": password})
    if answer.is_success and "X-CSRF-Token" in client.headers:
        client.headers["X-CSRF-Token"] = client.get("/api/session").json()["csrf_token"]
    return answer


def closed_settings(folder: Path, **more: Any) -> Settings:
    settings = load_settings(
        data_dir=folder / "data",
        http_port=free_port(),
        dicom_port=free_port(),
        free_disk_mark_bytes=0,
        auth="required",
        **more,
    )
    upgrade(settings)
    return settings


@contextmanager
def closed_node(settings: Settings) -> Iterator[ClosedNode]:
    with api_node(settings) as node:
        yield ClosedNode(node)


def audited(storage: Storage, at_least: int = 1, **wanted: Any) -> list[dict[str, Any]]:
    """Audit events of this kind, oldest first; waits a moment for them. Alike ones share a row."""
    query = select(t.audit_event).order_by(t.audit_event.c.audit_id)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with reading(storage.engine) as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        found = [row for row in rows if all(row[name] == wanted[name] for name in wanted)]
        count = sum(row["occurrences"] for row in found)
        if count >= at_least or time.monotonic() > deadline:
            return found
        time.sleep(0.05)
