"""What ends a key or an account states the webhooks that it pauses, in the audit trail as well."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer import Typer
from typer.testing import CliRunner

from api.cli.access import keys, users
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage
from storage.core.callers.visibility import Caller
from storage.webhooks.repository import Webhook
from tests.api.access.closed import PASSWORD, ClosedNode, closed_node, closed_settings, confirm


def operator(storage: Storage, app: Typer, *arguments: str) -> str:
    """What `mediview users` or `mediview keys` prints."""

    @contextmanager
    def opened() -> Iterator[Storage]:
        yield storage

    with pytest.MonkeyPatch.context() as patched:
        for module in (users, keys):
            patched.setattr(module, "opened", opened)
        answer = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert answer.exit_code == 0
    return answer.output


End = Callable[[Storage, httpx.Client, str], str]


def disable_by_command(storage: Storage, root: httpx.Client, name: str) -> str:
    return operator(storage, users.app, "disable", name)


def change_roles_by_command(storage: Storage, root: httpx.Client, name: str) -> str:
    return operator(storage, users.app, "set-roles", name, "--role", "viewer")


def disable_by_page(storage: Storage, root: httpx.Client, name: str) -> str:
    assert root.patch(f"/api/users/{name}", json={"disabled": True}).status_code == 200
    return ""


def change_roles_by_page(storage: Storage, root: httpx.Client, name: str) -> str:
    assert root.patch(f"/api/users/{name}", json={"roles": ["viewer"]}).status_code == 200
    return ""


def revoke_by_command(storage: Storage, root: httpx.Client, name: str) -> str:
    return operator(storage, keys.app, "revoke", name)


def revoke_by_page(storage: Storage, root: httpx.Client, name: str) -> str:
    assert root.delete(f"/api/keys/{name}").status_code == 200
    return ""


def owned(storage: Storage, owner: Caller) -> Webhook:
    return storage.webhooks.add(
        "https://ris.example/hook", ("*",), "", created_by=owner, sends_everything=False
    )


def details(storage: Storage) -> list[dict[str, object]]:
    events, _ = find_events(storage.engine, AuditFilter(), 100, 0)
    return [dict(one.detail) for one in events]


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[ClosedNode]:
    with closed_node(closed_settings(tmp_path, webhook_hosts=("ris.example",))) as node:
        yield node


def test_what_is_paused_is_named_however_its_owner_ends(closed: ClosedNode) -> None:
    storage = closed.storage
    with closed.signed_in("root", "admin") as root:
        assert confirm(root).is_success
        of_accounts: tuple[End, ...] = (
            disable_by_command, change_roles_by_command, disable_by_page, change_roles_by_page
        )  # fmt: skip
        for number, end in enumerate(of_accounts):
            name = f"ivo{number}"
            storage.accounts.add(name, PASSWORD, ["integrator"])
            hooks = [owned(storage, Caller("account", name)) for _ in range(2)]
            is_paused(storage, hooks, end(storage, root, name), "Its account has ended.")
        for end in (revoke_by_command, revoke_by_page):
            key, _ = storage.api_keys.create(
                "ris" + end.__name__, ["integrator"], [], created_by="t", expires_at=None
            )
            hooks = [owned(storage, Caller("key", key.key_id))]
            is_paused(storage, hooks, end(storage, root, key.key_id), "Its key was revoked.")
        # Who keeps one of the roles keeps the webhooks, and nobody is alarmed.
        storage.accounts.add("ida", PASSWORD, ["integrator", "viewer"])
        hook = owned(storage, Caller("account", "ida"))
        storage.accounts.set_roles("ida", ["admin"])
        output = operator(storage, users.app, "set-roles", "ida", "--role", "integrator")
        assert "paused" not in output
        assert storage.webhooks.get(hook.webhook_id).is_active
        assert "webhooks_paused" not in details(storage)[0]


def is_paused(storage: Storage, hooks: list[Webhook], output: str, reason: str) -> None:
    newest = next(one for one in details(storage) if "webhooks_paused" in one)
    assert newest["webhooks_paused"] == [hook.webhook_id for hook in hooks]
    assert (newest["owner"], newest["reason"]) == (hooks[0].created_by_id, reason)
    assert "ris.example" not in json.dumps(newest), "addresses are not the trail's"
    if output:
        assert "paused with it" in output
        assert output.count("https://ris.example/hook") == len(hooks)
    for hook in hooks:
        assert not storage.webhooks.get(hook.webhook_id).is_active
