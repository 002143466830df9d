"""Limits on answers to boto3: where an upgrade could drop them, and an answer in the last moment.

That they end what trickles is shown at a destination (`tests/inference/deliveries`).
"""

import socket
import threading
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import boto3
import httpcore
import httpx
import pytest
from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool

from storage.http import boto_deadlines
from storage.http.boto_deadlines import limit_answers
from storage.http.client import CheckedTransport
from storage.http.deadlines import LimitedBackend

_REMEDY = "Adapt that file to this release, or keep the one before in pyproject.toml."


def at(thing: Any, path: str) -> Any:
    for name in path.split("."):
        thing = getattr(thing, name, None)
    return thing


def client() -> Any:
    return boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


def test_the_installed_httpx_has_what_is_used_of_it() -> None:
    backend = at(httpx.HTTPTransport(), "_pool._network_backend")
    assert isinstance(backend, httpcore.SyncBackend), (
        f"httpx {version('httpx')} and httpcore {version('httpcore')} have their sockets from"
        f" elsewhere than `_pool._network_backend`, which storage/http/client.py sets. {_REMEDY}"
    )
    limited = CheckedTransport()
    assert isinstance(at(limited, "_inner._pool._network_backend"), LimitedBackend)
    limited.close()


def test_the_installed_botocore_has_what_is_used_of_it() -> None:
    path = "_endpoint.http_session._manager.pool_classes_by_scheme"
    before = client()
    assert at(before, path) == {"http": AWSHTTPConnectionPool, "https": AWSHTTPSConnectionPool}, (
        f"botocore {version('botocore')} makes its connections elsewhere than in `{path}`, which"
        f" storage/http/boto_deadlines.py changes. {_REMEDY}"
    )
    limited = client()
    limit_answers(limited, 5.0)
    manager = at(limited, "_endpoint.http_session._manager")
    for url in ("http://127.0.0.1:9", "https://127.0.0.1:9"):
        made = manager.connection_from_url(url)._new_conn()
        assert made.limit_s == 5.0, f"{_REMEDY} ({made!r} is without the limit.)"
        made.close()
    assert at(client(), path) == at(before, path), "other clients keep their own"


class _Answered:
    """In the place of `http.client`: the answer is there at once."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def getresponse(self) -> SimpleNamespace:
        return SimpleNamespace(status=200, _fp=SimpleNamespace(fp=None))


class _Connection(boto_deadlines._Limited, _Answered):
    limit_s = 0.1


class _Late(threading.Event):
    """A thread that waits for it wakes as if its time had ended, though it was set just before."""

    def wait(self, timeout: float | None = None) -> bool:
        super().wait(timeout)
        return False


def test_an_answer_in_the_last_moment_leaves_its_connection_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with monkeypatch.context() as late:
            late.setattr(threading, "Event", _Late)
            assert _Connection(ours).getresponse().status == 200
        for thread in threading.enumerate():
            if thread.name == "s3-deadline":
                thread.join()
        theirs.sendall(b"a")
        assert ours.recv(1) == b"a"
