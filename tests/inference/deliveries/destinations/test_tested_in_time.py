"""The test button: whatever the other side does, there is an answer in half a minute."""

import time
from pathlib import Path

import pytest

from inference.deliveries.destinations import probe_peer, registry, stow, testing
from inference.deliveries.destinations.protocol import TestResult
from inference.deliveries.destinations.testing import probed_within
from tests.inference.deliveries.destinations.nodes import node
from tests.inference.deliveries.destinations.test_trickling import peer_at
from tests.trickling import trickling

_LIMIT_S = 1.5
_STARTS = {
    "a body that drips": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"a"),
    "headers that drip": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "endless 100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("what", _STARTS)
@pytest.mark.parametrize("kind", ["stow", "bucket"])
def test_a_server_that_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, kind: str
) -> None:
    start, piece = _STARTS[what]
    monkeypatch.setattr(stow, "TEST_S", _LIMIT_S)
    monkeypatch.setattr(registry, "TEST_S", _LIMIT_S)
    monkeypatch.setattr(testing, "_GRACE_S", 1.0)
    with trickling(start=start, piece=piece) as server:
        peer = peer_at(kind, server.url)
        hosts = server.url.split("/")[2]
        with node(tmp_path, peer, stow_hosts=hosts, bucket_hosts=hosts) as storage:
            begun = time.monotonic()
            found = probe_peer(storage, peer)
            assert not found.ok
            assert "did not" in found.sentence or "given up" in found.sentence, found.sentence
            # A kind that ends later by itself is no longer waited for.
            assert time.monotonic() - begun < _LIMIT_S + 5
            assert kind != "stow" or "did not" in found.sentence, "it ends by itself"


class _Silent:
    def test(self) -> TestResult:
        raise RuntimeError("seen by the one that waits")


def test_what_a_test_raises_is_raised() -> None:
    with pytest.raises(RuntimeError, match="seen"):
        probed_within(5, _Silent())  # type: ignore[arg-type]
