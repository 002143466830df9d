"""Destinations over HTTP that answer byte by byte: the call ends, and they are left alone."""

import tracemalloc
from pathlib import Path

import httpx
import pytest

from inference.deliveries.destinations import bucket_client, http_client, open_destination
from inference.deliveries.service import deliver_due
from storage.core.clock import utcnow
from storage.http import deadlines
from storage.peers.entities import KnownPeer
from tests.inference.deliveries.destinations.nodes import deliveries, node, with_results
from tests.patience import PATIENCE_S
from tests.trickling import trickling

_PATH = {"stow": "{}/dicom-web", "bucket": "s3+{}/results"}
_TOKEN = {"stow": "", "bucket": "key:secret"}


def peer_at(kind: str, url: str) -> KnownPeer:
    return KnownPeer(
        "slow", kind=kind, url=_PATH[kind].format(url), token=_TOKEN[kind], is_destination=True
    )


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-A: ", b"H"], ids=["header", "status"])
@pytest.mark.parametrize("kind", ["stow", "bucket"])
def test_a_call_ends_whose_headers_trickle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, start: bytes
) -> None:
    monkeypatch.setattr(http_client, "TIMEOUT", httpx.Timeout(PATIENCE_S, read=0.6))
    monkeypatch.setattr(bucket_client, "_ANSWER_S", 0.6)
    with (
        trickling(start=start) as server,
        node(
            tmp_path,
            peer_at(kind, server.url),
            stow_hosts=server.url.split("/")[2],
            bucket_hosts=server.url.split("/")[2],
        ) as storage,
    ):
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        found = deliveries(storage)
        assert {one.state for one in found} == {"PENDING"}
        cannot = "cannot be reached: it did not answer in time."
        if kind == "stow":
            assert all(cannot in one.last_error for one in found)
        else:
            assert all("cannot be used" in one.last_error for one in found)
        # Its other studies wait as well, by the policy of deliveries.
        (breaker,) = storage.circuit_breakers.all()
        assert breaker.open_until > utcnow()


def test_a_call_ends_whose_object_trickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "WINDOW_S", 0.5)
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    with (
        trickling(start=start) as server,
        node(
            tmp_path, peer_at("bucket", server.url), bucket_hosts=server.url.split("/")[2]
        ) as storage,
    ):
        (first, _) = with_results(storage)
        destination = open_destination(storage, storage.peers.get("slow"))
        with pytest.raises(Exception, match="cannot be used"):
            destination.fetch(first, lambda _piece: None)


_ENDLESS = b"HTTP/1.1 %s\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n<"


@pytest.mark.parametrize("status", [b"200 OK", b"403 Forbidden"])
def test_an_answer_of_a_bucket_without_end_is_not_held_in_memory(
    tmp_path: Path, status: bytes
) -> None:
    flood = trickling(start=_ENDLESS % status, every_s=0.001, piece=bytes(8 << 20))
    with (
        flood as server,
        node(
            tmp_path, peer_at("bucket", server.url), bucket_hosts=server.url.split("/")[2]
        ) as storage,
    ):
        destination = open_destination(storage, storage.peers.get("slow"))
        tracemalloc.start()
        try:
            answer = destination.test()
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert not answer.ok
        assert "cannot be used" in answer.sentence
        assert peak_bytes < 64 << 20
