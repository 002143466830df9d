"""What a FHIR server refuses, does wrong or lacks delays or ends a delivery, with its reason."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inference.deliveries.destinations import address_of, http_client, probe_peer, read_address
from inference.deliveries.service import deliver_due
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.deliveries.listing import DeliveryFilter, retry_now
from storage.peers.entities import KnownPeer
from tests.inference.deliveries.destinations.fhir_node import (
    PATIENT,
    deliver,
    peer_of,
    state_of,
    writing,
)
from tests.inference.deliveries.destinations.fhir_server import (
    endless,
    fhir_server,
    hanging,
    refusing,
)
from tests.inference.deliveries.destinations.nodes import (
    answering,
    deliveries,
    host_of,
    node,
    with_results,
)
from tests.inference.orchestration import later


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (422, "REFUSED", "answered HTTP 422: processing."),
        (412, "REFUSED", "several resources of one identifier"),
        (409, "PENDING", "somebody else changed a resource"),
        (429, "PENDING", "it wants fewer requests"),
        (401, "PENDING", "the sign-in is missing"),
        (500, "PENDING", "answered HTTP 500"),
    ],
)
def test_a_refusal_ends_it_or_is_tried_again(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    status: int,
    state: str,
    words: str,
) -> None:
    said = "Patient Quernhammer (q-4711) is not ADALBERT\x1b[31m" + "!" * 5000
    with writing(tmp_path) as (server, storage):
        server.faults = [refusing(status, said, Retry_After="120")]
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        (one,) = deliveries(storage)
        assert (one.state, words in one.last_error) == (state, True), one.last_error
        assert len(one.last_error) < 500
        assert "\x1b" not in one.last_error
        waits = one.next_attempt_at - utcnow()
        assert (waits > timedelta(seconds=100)) == (state == "PENDING")
        assert deliver_due(storage, later(3600), "sender") == (state == "PENDING")
        # A person has it tried again.
        assert retry_now(storage.engine, DeliveryFilter(destination="ehr")) == (state == "REFUSED")
        deliver_due(storage, utcnow(), "sender")
        assert state_of(storage) == {("CONFIRMED", "")}
    output = capfd.readouterr()
    # Not within a UID, which may hold any digits.
    assert not re.search(
        r"quernhammer|(?<!\d)4711(?!\d)|adalbert", (output.out + output.err).lower()
    )


def test_answers_without_end_and_silence_delay_the_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "TIMEOUT", 1.0)
    with writing(tmp_path) as (server, storage):
        server.faults = [endless, hanging]
        with_results(storage)
        deliver_due(storage, utcnow(), "sender")
        assert "answered more than" in next(iter(state_of(storage)))[1]
        deliver(storage)
        assert "did not answer in time" in next(iter(state_of(storage)))[1]
        assert deliver(storage) == 1


def test_a_redirect_is_not_followed_and_other_hosts_are_not_called(tmp_path: Path) -> None:
    inside: list[str] = []

    def secret(method: str, path: str, headers: Any) -> tuple[int, Any]:
        inside.append(path)
        return 200, {}

    with answering(secret) as url, writing(tmp_path) as (server, storage):
        server.faults = [refusing(307, Location=f"{url}/internal")]
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert "answered HTTP 307" in next(iter(state_of(storage)))[1]
        assert inside == []
        for changes in (
            {"url": f"fhir+{url}"},
            {"sign_in": "oauth2", "user_name": "node", "token_url": url},
            {"url": "fhir+http://ehr.example.org/fhir"},
        ):
            with pytest.raises(InvalidRequest, match="none of those"):
                probe_peer(storage, peer_of(server, **changes))


def test_the_ways_to_sign_in(tmp_path: Path) -> None:
    grants: list[Any] = []

    def grant(method: str, path: str, headers: Any) -> tuple[int, Any]:
        grants.append(headers["Authorization"])
        return 200, {"access_token": f"t{len(grants)}", "expires_in": 3600}

    with answering(grant) as token_url, fhir_server() as server:
        server.add("Patient", PATIENT)
        wanted = ""
        server.accepts = lambda headers: headers.get("authorization", "") == wanted
        hosts = f"{host_of(server.url)},{host_of(token_url)}"
        with node(tmp_path, fhir_hosts=hosts) as storage:
            for fields, shown in (
                ({"sign_in": "none"}, ""),
                ({"sign_in": "bearer", "token": "abc"}, "Bearer abc"),
                ({"sign_in": "basic", "user_name": "u", "token": "p:w"}, "Basic dTpwOnc="),
                ({"sign_in": "header", "token": "Key 1"}, "Key 1"),
            ):
                wanted = shown
                tested = probe_peer(storage, peer_of(server, **fields))
                assert (tested.ok, tested.sentence) == (
                    True, f"{server.url} takes transactions of FHIR R4.",
                )  # fmt: skip
                wanted = "another"
                assert "sign-in" in probe_peer(storage, peer_of(server, **fields)).sentence
            client = {
                "sign_in": "oauth2", "user_name": "node", "token": "s c", "token_url": token_url,
                "token_scope": "system/*.cruds",
            }  # fmt: skip
            wanted = "Bearer t1"
            for _ in range(2):
                assert probe_peer(storage, peer_of(server, **client)).ok
            assert grants == ["Basic bm9kZTpzK2M="], "one token, form-encoded client"
            # It was revoked: the next attempt gets another one.
            wanted = "Bearer t2"
            assert not probe_peer(storage, peer_of(server, **client)).ok
            assert probe_peer(storage, peer_of(server, **client)).ok
            assert "s c" not in repr(peer_of(server, **client))


@pytest.mark.parametrize("lasts", [10**400, -1, 0.5, "3600", None, 1e308])
def test_a_token_of_any_lifetime_is_used(tmp_path: Path, lasts: Any) -> None:
    answer = {"access_token": "t", "expires_in": lasts}
    with answering(lambda *_: (200, answer)) as token_url, fhir_server() as server:
        server.accepts = lambda headers: headers.get("authorization", "") == "Bearer t"
        hosts = f"{host_of(server.url)},{host_of(token_url)}"
        with node(tmp_path, fhir_hosts=hosts) as storage:
            fields = {"sign_in": "oauth2", "user_name": "n", "token": "s", "token_url": token_url}
            for _ in range(2):
                assert probe_peer(storage, peer_of(server, **fields)).ok


def test_a_version_that_is_no_text_is_no_answer_of_a_server(tmp_path: Path) -> None:
    stated = {"resourceType": "CapabilityStatement", "fhirVersion": "\ud800"}
    with answering(lambda *_: (200, stated)) as url, node(tmp_path, fhir_hosts=host_of(url)) as one:
        peer = KnownPeer(
            name="ehr", kind="fhir", url=f"fhir+{url}", is_destination=True, sign_in="none"
        )
        tested = probe_peer(one, peer)
        assert not tested.ok
        assert tested.sentence.encode()


def test_the_test_of_a_destination_names_what_the_server_lacks(tmp_path: Path) -> None:
    with writing(tmp_path) as (server, storage):
        peer = storage.peers.get("ehr")
        server.lacks = {"transaction", "update Observation"}
        tested = probe_peer(storage, peer)
        assert not tested.ok
        assert tested.sentence == (
            f"{server.url} lacks the interaction transaction, conditional update of Observation."
        )
        server.version = "R5"
        assert "lacks FHIR R4 (it states 5.0.0)" in probe_peer(storage, peer).sentence


def test_an_address_is_read_and_written_the_same() -> None:
    address = "fhir+https://ehr.example.org/fhir/r4"
    peer = read_address("x", address)
    assert (peer.kind, peer.is_destination, address_of(peer)) == ("fhir", True, address)
