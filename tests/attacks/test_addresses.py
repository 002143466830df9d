"""Strangers use up what is theirs alone; who has signed in, and the probe, pay nothing for them."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest

from api.server.checks.doctor import diagnose
from storage.accounts.login_throttle import by_address
from storage.core.addresses import address_group, is_within
from storage.settings import Settings, load_settings
from tests.api.access.closed import ClosedNode, closed_node, closed_settings, sign_in
from tests.api.client import is_problem

_WRONG = {"Authorization": "Bearer mvk_0123456789ab_guess"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Strangers may ask ten times at once, and once more each second.

    With the default (fifty, and five a second) a slow machine answers the flood so slowly
    that more than half of it is allowed.
    """
    return closed_settings(tmp_path, rate_limit_anonymous_per_minute=60)


def flood(node: ClosedNode, path: str, headers: dict[str, str] | None = None) -> Counter[int]:
    """Two hundred requests of strangers from the one address that this machine has."""
    with node.client(headers=headers) as stranger, ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(lambda _: stranger.get(path).status_code, range(200)))


@pytest.mark.slow
def test_strangers_lock_nobody_out_who_has_signed_in(settings: Settings) -> None:
    with (
        closed_node(settings) as node,
        node.signed_in("ann", "viewer") as ann,
        node.with_key("ris", "integrator") as ris,
    ):
        for headers in (None, _WRONG):
            assert flood(node, "/api/studies", headers)[429] > 100
            # Known for a second; then they are looked up again, in the middle of the flood.
            time.sleep(1.1)
            assert flood(node, "/api/studies", headers)[429] > 100
            for client in (ann, ris):
                assert client.get("/api/studies").status_code == 200
        # A program that comes for the first time is let in as well.
        with node.with_key("new", "integrator") as new:
            assert new.get("/api/pipelines").status_code == 200


def test_strangers_keep_nobody_from_signing_in(settings: Settings) -> None:
    with closed_node(settings) as node:
        node.storage.accounts.add("ann", "correct horse battery staple", ["viewer"])
        for path in ("/api/studies", "/api/session", "/fhir/metadata"):
            assert flood(node, path)[429] > 100
        with node.client() as ann:
            assert sign_in(ann, "ann").status_code == 200


def test_who_signs_in_costs_the_address_nothing(tmp_path: Path) -> None:
    with closed_node(closed_settings(tmp_path, rate_limit_anonymous_per_minute=12)) as node:
        node.storage.accounts.add("ann", "correct horse battery staple", ["viewer"])
        # Two at once, and one more each five seconds, are what fails.
        for _ in range(6):
            with node.client() as ann:
                assert sign_in(ann, "ann").status_code == 200
        with node.client() as stranger:
            answers = [sign_in(stranger, "ann", "guess").status_code for _ in range(4)]
            assert answers[:2] == [401, 401]
            assert 429 in answers


@pytest.mark.slow
def test_the_probe_is_answered_whoever_asks_besides(settings: Settings) -> None:
    with closed_node(settings) as node:
        for path in ("/api/studies", "/api/session"):
            assert flood(node, path)[429] > 100
        for path in ("/health", "/api/health"):
            assert 429 not in flood(node, path)


def test_a_flood_of_wrong_keys_is_refused(settings: Settings) -> None:
    with closed_node(settings) as node, node.client(headers=_WRONG) as stranger:
        assert flood(node, "/api/studies", _WRONG)[429] > 100
        answers = [stranger.get("/api/studies") for _ in range(20)]
        is_problem(next(one for one in answers if one.status_code == 429), 429, "too_many_requests")


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_network_of_ipv6_counts_as_one(address: str, group: str) -> None:
    assert address_group(address) == group


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("198.51.100.7", True),
        ("::ffff:198.51.100.7", True),
        ("198.51.101.7", False),
        ("2001:db8:1:2::9%eth0", True),
        ("2001:db8:1:3::9", False),
        ("", False),
        ("ris.hospital.example", False),
    ],
)
def test_an_address_is_of_a_network_however_it_is_written(address: str, expected: bool) -> None:
    networks = [ip_network("198.51.100.0/24"), ip_network("2001:db8:1:2::/64")]
    assert is_within(address, networks) is expected
    assert not is_within(address, [])


def test_attempts_from_one_network_of_ipv6_count_together(tmp_path: Path) -> None:
    settings = closed_settings(tmp_path, trusted_proxies="127.0.0.0/8")
    with closed_node(settings) as node:
        for number in range(3):
            with node.client(headers={"X-Forwarded-For": f"2001:db8:1:2::{number}"}) as stranger:
                # The accounts differ: what is counted is where they come from.
                assert sign_in(stranger, f"nobody-{number}", "guess").status_code == 401
        waits = [
            node.storage.login_throttle.begin([by_address("2001:db8:1:2::/64")]) for _ in range(28)
        ]
        assert [wait > 0 for wait in waits] == [False] * 27 + [True]


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"public_url": "https://mediview.example.org"}, "fail"),
        (
            {
                "public_url": "https://mediview.example.org",
                "trusted_proxies": "10.0.0.7",
            },
            "ok",
        ),
        # Reached as it listens: nothing is in between.
        ({"public_url": "http://127.0.0.1:8000/"}, "ok"),
        ({}, "ok"),
    ],
)
def test_doctor_tells_of_a_proxy_that_hides_who_asks(
    tmp_path: Path, more: dict[str, str], state: str
) -> None:
    settings = load_settings(data_dir=tmp_path, auth="required", **more)
    check = next(one for one in diagnose(settings) if one.name == "proxy")
    assert check.state == state
    assert ("MEDIVIEW_TRUSTED_PROXIES" in check.remedy) is (state == "fail")
