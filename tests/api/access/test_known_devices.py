"""Who guesses at a name from everywhere keeps its owner out of no browser that the owner uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest

from storage.accounts.known_devices import KnownDevices
from storage.accounts.login_throttle import by_name
from storage.core.clock import utcnow
from tests.api.access.closed import PASSWORD, ClosedNode, sign_in
from tests.api.access.test_sessions import from_address

COOKIE = "mediview-device"


def guessed_at_from_everywhere(closed: ClosedNode, name: str) -> None:
    """As in `test_sessions`, without looking at fifty passwords."""
    for _ in range(50):
        assert not closed.storage.login_throttle.begin([by_name(name)])
    with from_address(closed, "127.0.3.1") as stranger:
        assert sign_in(stranger, name, "a guess").status_code == 429


@contextmanager
def known_browser(closed: ClosedNode, name: str) -> Iterator[httpx.Client]:
    """Signed out again."""
    closed.storage.accounts.add(name, PASSWORD, ["viewer"])
    with closed.client() as client:
        answer = sign_in(client, name)
        assert answer.status_code == 200, answer.text
        client.delete("/api/session", headers={"X-CSRF-Token": answer.json()["csrf_token"]})
        assert "mediview" not in client.cookies
        yield client


def test_the_owner_signs_in_while_strangers_guess(closed: ClosedNode) -> None:
    with known_browser(closed, "eda") as own, closed.client() as new:
        guessed_at_from_everywhere(closed, "eda")
        assert sign_in(new, "eda").status_code == 429
        assert sign_in(own, "eda").status_code == 200


def test_a_browser_that_is_known_may_not_guess_without_end(closed: ClosedNode) -> None:
    with known_browser(closed, "fay") as own:
        statuses = [sign_in(own, "fay", "a guess").status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


@pytest.mark.parametrize("change", ["another account", "another device", "another proof", "long"])
def test_what_was_made_for_something_else_proves_nothing(closed: ClosedNode, change: str) -> None:
    name = f"gil{len(change)}"
    with known_browser(closed, name) as own, known_browser(closed, f"not-{name}") as others:
        device, proof = own.cookies[COOKIE].split(".")
        foreign_device, foreign_proof = others.cookies[COOKIE].split(".")
        text = {
            "another account": others.cookies[COOKIE],
            "another device": f"{foreign_device}.{proof}",
            "another proof": f"{device}.{foreign_proof}",
            "long": f"{own.cookies[COOKIE]}.{'A' * 1000}",
        }[change]
        guessed_at_from_everywhere(closed, name)
        with closed.client(headers={"Cookie": f"{COOKIE}={text}"}) as forged:
            assert sign_in(forged, name).status_code == 429
        assert sign_in(own, name).status_code == 200


def test_a_new_password_ends_what_was_known(closed: ClosedNode) -> None:
    with known_browser(closed, "hal") as own:
        closed.storage.accounts.set_password("hal", f"{PASSWORD} again")
        guessed_at_from_everywhere(closed, "hal")
        assert sign_in(own, "hal", f"{PASSWORD} again").status_code == 429


def test_several_people_at_one_workstation_are_known(closed: ClosedNode) -> None:
    with known_browser(closed, "ivy") as own:
        closed.storage.accounts.add("jan", PASSWORD, ["viewer"])
        assert sign_in(own, "jan").status_code == 200
        device = own.cookies[COOKIE].partition(".")[0]
        devices = closed.storage.known_devices
        for name in ("ivy", "JAN "):
            assert devices.device(own.cookies[COOKIE], name, utcnow()) == device
        assert devices.device(own.cookies[COOKIE], "nobody", utcnow()) == ""


def test_what_is_kept_is_bounded_and_ends(closed: ClosedNode) -> None:
    devices: KnownDevices = closed.storage.known_devices
    kept = ""
    for number in range(18):
        closed.storage.accounts.add(f"of-ward-{number}", PASSWORD, ["viewer"])
        kept = devices.with_account(kept, f"of-ward-{number}", utcnow())
    assert len(kept) < 800
    known = [n for n in range(18) if devices.device(kept, f"of-ward-{n}", utcnow())]
    assert known == list(range(2, 18))
    assert devices.device(kept, "of-ward-17", utcnow() + timedelta(days=366)) == ""


def test_a_browser_in_use_stays_known_and_who_is_away_for_a_year_is_not(closed: ClosedNode) -> None:
    devices, now = closed.storage.known_devices, utcnow()
    for name in ("kim", "lea"):
        closed.storage.accounts.add(name, PASSWORD, ["viewer"])
    kept = devices.with_account("", "lea", now)
    for days in range(0, 800, 200):
        kept = devices.with_account(kept, "kim", now + timedelta(days=days))
    later = now + timedelta(days=900)
    assert devices.device(kept, "kim", later)
    assert devices.device(kept, "lea", later) == ""
    assert kept.count("~") == 1


def test_a_browser_is_known_to_a_host_whose_clock_is_behind(closed: ClosedNode) -> None:
    closed.storage.accounts.add("hal", PASSWORD, ["viewer"])
    devices, now = KnownDevices(closed.storage.engine), utcnow()
    written = devices.with_account("", "hal", now + timedelta(minutes=10))
    assert devices.device(written, "hal", now)
    assert not devices.device(written, "hal", now - timedelta(hours=2))
