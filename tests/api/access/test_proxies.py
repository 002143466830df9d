"""The client behind proxies that are trusted is who counts."""

import asyncio
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from api.access.limits.forwarded import ForwardedClient
from storage.settings import load_settings
from tests.api.access.closed import audited, closed_node, closed_settings, sign_in


def test_the_client_behind_a_trusted_proxy_is_who_counts(tmp_path: Path) -> None:
    forged = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9", "X-Forwarded-Proto": "https"}
    with (
        closed_node(closed_settings(tmp_path / "a", trusted_proxies="127.0.0.0/8")) as closed,
        closed.client(headers=forged) as browser,
    ):
        assert sign_in(browser, "nobody", "wrong password").status_code == 401
        assert audited(closed.storage, outcome=4)[0]["actor_address"] == "203.0.113.9"
    with (
        closed_node(closed_settings(tmp_path / "b")) as closed,
        closed.client(headers=forged) as browser,
    ):
        assert sign_in(browser, "nobody", "wrong password").status_code == 401
        assert audited(closed.storage, outcome=4)[0]["actor_address"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("10.0.0.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("203.0.113.9:5555", "203.0.113.9"),
        ("[2001:db8::1]:5555", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("203.0.113.9, nonsense", "10.0.0.9"),
        ("nonsense, 203.0.113.9", "203.0.113.9"),
        ("", "10.0.0.9"),
        ("10.0.0.1", "10.0.0.1"),
        (",,,", "10.0.0.9"),
    ],
)
def test_it_reads_what_proxies_write(forwarded: str, address: str) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def drop(message: Message) -> None:
        del message

    scope = {
        "type": "http",
        "client": ("10.0.0.9", 1),
        "scheme": "http",
        "headers": [(b"x-forwarded-for", forwarded.encode())],
    }
    settings = load_settings(trusted_proxies="10.0.0.0/8")
    asyncio.run(ForwardedClient(app, settings)(scope, nothing, drop))
    assert seen[0]["client"][0] == address
