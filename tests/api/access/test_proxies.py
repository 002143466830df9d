"""The client behind proxies that are trusted is who counts."""

import asyncio
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

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
    scope = passed_on(forwarded, "10.0.0.0/8")
    assert scope["client"][0] == address


def test_a_proxy_that_is_not_known_is_named_once_in_the_log() -> None:
    with capture_logs() as logged:
        assert passed_on("203.0.113.9", "", times=3)["client"][0] == "10.0.0.9"
        assert passed_on("203.0.113.9", "10.0.0.0/8")["client"][0] == "203.0.113.9"
    (line,) = (one for one in logged if one["event"] == "unknown_proxy")
    assert "MEDIVIEW_TRUSTED_PROXIES" in line["remedy"]
    assert "203.0.113.9" not in str(line)


def passed_on(forwarded: str, trusted: str, *, times: int = 1) -> Scope:
    """What the application sees of a request of 10.0.0.9 with that X-Forwarded-For."""
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
    client = ForwardedClient(app, load_settings(trusted_proxies=trusted))
    for _ in range(times):
        asyncio.run(client(scope, nothing, drop))
    return seen[-1]
