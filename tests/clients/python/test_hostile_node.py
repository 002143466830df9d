"""What answers at an address is not always the node that one means."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mediview_client import MediView
from mediview_client.cli.main import main
from mediview_client.errors import Unreadable


class Hostile(ThreadingHTTPServer):
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers({})
        super().__init__(("127.0.0.1", 0), _Handler)

    def answers(self, answer: Any, status: int = 200, **headers: str) -> None:
        self.status, self.headers = status, headers
        self.answer = answer if isinstance(answer, bytes) else json.dumps(answer).encode()


class _Handler(BaseHTTPRequestHandler):
    server: Hostile

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@contextmanager
def serving() -> Iterator[tuple[Hostile, str]]:
    with Hostile() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_nothing_that_a_node_says_is_obeyed_by_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as (server, address):
        monkeypatch.setenv("NODE_URL", address)
        monkeypatch.setenv("NODE_KEY", "k")
        said = "x\x1b]0;owned\x07\x9b31m\u202etxt"
        server.answers({"detail": said, "remedy": said, "code": "c"}, 404)
        assert main(["jobs", "show", "abc"]) == 1
        server.answers({"items": [{"job_id": said, "name": "Müller"}]})
        assert main(["jobs", "list", "--json"]) == 0
    out, err = capsys.readouterr()
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*out, *err}
    assert json.loads(out)[0] == {"job_id": said, "name": "Müller"}
    assert "Müller" in out


def test_the_key_stays_with_its_node() -> None:
    with serving() as (server, address), serving() as (other, elsewhere):
        server.answers({"items": []}, Link=f'<{elsewhere}/inside>; rel="next"')
        with MediView(address, "k") as node, pytest.raises(Unreadable, match="another address"):
            list(node.jobs.search())
        assert other.asked == []


@pytest.mark.parametrize(
    "answer", [b"<html>", [], {"items": {}}, {"items": [1]}, b"[" * 200_000], ids=range(5)
)
def test_an_answer_of_another_kind_is_a_sentence(
    answer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as (server, address):
        monkeypatch.setenv("NODE_URL", address)
        monkeypatch.setenv("NODE_KEY", "k")
        server.answers(answer)
        assert main(["jobs", "list"]) == 1
    assert "Check" in capsys.readouterr().err


def test_an_id_leads_to_no_other_resource() -> None:
    with serving() as (server, address), MediView(address, "k") as node:
        server.answers({})
        node.jobs.get("../keys?x=1")
        assert server.asked == ["/api/v1/jobs/..%2Fkeys%3Fx%3D1"]
        with pytest.raises(ValueError, match="names nothing"):
            node.jobs.get("..")
