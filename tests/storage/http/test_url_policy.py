"""What the node calls over HTTP, and what nobody can make it call."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from storage.core.errors import InvalidRequest
from storage.http.client import checked_client
from storage.http.url_policy import addresses_of, check_url, read_url


@pytest.fixture
def server() -> Iterator[str]:
    """Answers with the Host that it was asked for, or leads elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            if self.path == "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
                self.end_headers()
                return
            body = self.headers["Host"].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pacs.example.org",
        "ftp://pacs.example.org/",
        "file:///etc/passwd",
        "gopher://pacs.example.org/",
        "http://",
        "http:///path",
        "http://user@pacs.example.org/",
        "http://user:secret@pacs.example.org/",
        "http://pacs.example.org#@evil.example/",
        "http://pacs.example.org\\@evil.example/",
        "http://pacs.example.org/a b",
        "http://pacs.example.org/\r\nX: y",
        "http://pacs.example.org:99999/",
        "http://pacs.example.org:0/",
        "http://[::1/",
        f"http://{'a' * 64}/",
        f"http://pacs.{'a' * 64}.example.org/",
        "http://pacs..example.org/",
        f"http://{'pacs.' * 60}example.org/",
        "http://pаcs.example.org/",  # a Cyrillic letter
    ],
)
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest, match="not an address that the node could call"):
        read_url(url)


def test_only_hosts_that_an_operator_lists_are_called() -> None:
    listed = ("pacs.example.org", "10.0.0.5:8443", "[fd00::5]", "UPPER.example.org")

    def check(url: str) -> str:
        return check_url(url, listed, "MEDIVIEW_WEBHOOK_HOSTS", "webhooks").host_and_port

    assert check("https://PACS.example.org/x") == "pacs.example.org:443"
    assert check("http://pacs.example.org.:8080/") == "pacs.example.org:8080"
    assert check("https://10.0.0.5:8443/") == "10.0.0.5:8443"
    assert check("http://[fd00::5]/hook?x=1") == "[fd00::5]:80"
    assert check("http://upper.example.org/") == "upper.example.org:80"
    for url in (
        "https://10.0.0.5/",
        "https://pacs.example.org.evil.example/",
        "https://evilpacs.example.org/",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
    ):
        with pytest.raises(InvalidRequest) as refusal:
            check(url)
        assert "MEDIVIEW_WEBHOOK_HOSTS" in refusal.value.remedy


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "0.0.0.0",
        "::",
        "169.254.169.254",
        "fe80::1%eth0",
        "224.0.0.1",
        "255.255.255.255",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "64:ff9b:1:2:3:4:a9fe:a9fe",
        "64:ff9b:1:7f00:0:100::",
        "64:ff9b:1:7f:0:1::",
        "64:ff9b:1:0:7f:0:100:0",
        "2002:7f00:1::",
        "168.63.129.16",
        "::ffff:168.63.129.16",
        "100.96.0.96",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd00:c1::a9fe:a9fe",
        "fd20:ce::254",
        "fd00:42::42",
        "fd00:a9fe:a9fe::1",
        "100.100.100.200",
    ],
)
def test_a_name_must_not_lead_to_this_machine_or_its_provider(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    lead(monkeypatch, "8.8.8.8", address)
    with pytest.raises(InvalidRequest, match="does not call"):
        addresses_of("pacs.example.org", 443)


def test_private_addresses_are_what_hospitals_have(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["10.0.0.5", "fd00::5", "64:ff9b::a00:5", "64:ff9b:1::a00:5", "64:ff9b:1:a00:0:500::"]
    lead(monkeypatch, *found)
    assert addresses_of("pacs.example.org", 443) == found


def lead(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Make every name lead to these."""

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in addresses]

    monkeypatch.setattr("storage.http.url_policy.socket.getaddrinfo", getaddrinfo)


def test_it_connects_to_the_address_that_was_checked(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere a moment later gains nothing: it is asked for once."""
    port = httpx.URL(server).port
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *rest: Any, **named: Any) -> Any:
        asked.append(host)
        if host == "pacs.example.org":
            # First a good address, afterwards this machine's.
            return real("127.0.0.1" if asked.count(host) > 1 else "192.0.2.1", *rest, **named)
        return real(host, *rest, **named)

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    with checked_client(timeout=0.5) as client:
        with pytest.raises(httpx.TransportError):
            client.get(f"http://pacs.example.org:{port}/")
        with pytest.raises(InvalidRequest, match="does not call"):
            client.get(f"http://pacs.example.org:{port}/")
    assert asked.count("pacs.example.org") == 2


def test_it_asks_by_name_and_follows_nothing(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:1")
    with checked_client() as client:
        where = server.replace("127.0.0.1", "localhost")
        assert client.get(f"{where}/").text == where.removeprefix("http://")
        answer = client.get(f"{server}/elsewhere")
        assert answer.status_code == 302
        with pytest.raises(httpx.ConnectError):
            client.get("http://there-is-no-such-host.invalid/")
