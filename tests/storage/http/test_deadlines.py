"""Servers that get on, byte by byte, and never to an end."""

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from storage.http import deadlines
from storage.http.client import checked_client, failure_words, flowing
from tests.patience import PATIENCE_S
from tests.trickling import trickling


def waiting(read_s: float) -> httpx.Timeout:
    return httpx.Timeout(PATIENCE_S, read=read_s)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-A: ", b"H", b"HTTP/1.1 100 Continue\r\n"])
def test_headers_that_trickle_end_with_the_read_timeout(start: bytes) -> None:
    with trickling(start=start) as server, checked_client(timeout=waiting(0.6)) as client:
        with pytest.raises(httpx.ReadTimeout) as caught:
            client.post(f"{server.url}/studies", content=iter([bytes(100_000)] * 3))
        assert failure_words(caught.value) == "it did not answer in time"


def test_a_body_may_take_longer_than_the_read_timeout_as_long_as_it_flows() -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"
    with (
        trickling(start=start) as server,
        checked_client(timeout=waiting(2.5)) as client,
        client.stream("GET", server.url) as answer,
    ):
        began = time.monotonic()
        assert b"".join(flowing(answer)) == b"a" * 30
        assert time.monotonic() - began > 2.5
    with (
        trickling(start=start) as server,
        checked_client(timeout=PATIENCE_S) as client,
        pytest.raises(httpx.ReadTimeout),
        client.stream("GET", server.url) as answer,
    ):
        b"".join(flowing(answer, 0.5))


def test_a_request_that_is_taken_in_a_little_at_a_time_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadlines, "WINDOW_S", 0.5)
    monkeypatch.setattr(deadlines, "LEAST_BYTES", 100_000_000)
    done = threading.Event()

    def body() -> Iterator[bytes]:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            yield bytes(1_000_000)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            caller, _ = listener.accept()
            with caller:
                while not done.wait(0.05) and caller.recv(65536):
                    pass

        thread = threading.Thread(target=take)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/studies"
        try:
            with checked_client(timeout=PATIENCE_S) as client, pytest.raises(httpx.WriteTimeout):
                client.post(url, content=body())
        finally:
            done.set()
            thread.join()


def test_a_connection_is_used_again_and_limited_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.recv(65536)
                caller.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                caller.recv(65536)
                caller.settimeout(0.1)
                while True:
                    try:
                        if not caller.recv(10):
                            return
                    except TimeoutError:
                        caller.sendall(b"H")
                        caller.sendall(b"T")
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with checked_client(timeout=waiting(2.0)) as client:
            assert client.get(url).status_code == 204
            with pytest.raises(httpx.ReadTimeout):
                client.get(url)
        thread.join()
