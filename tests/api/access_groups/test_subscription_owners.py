"""A subscription of FHIR notifies of what its owner may see, and ends with its owner."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest

from inference.webhooks.service import notify_due
from storage.access_groups.entities import Member
from storage.core.clock import utcnow
from tests.api.access.closed import confirm
from tests.api.access_groups.two_groups import NORTH, SOUTH, Hospital, TwoHospitals
from tests.api.fhir.test_subscriptions import bundles, r4
from tests.api.webhooks.receiver import Receiver, receiver

_NUMBERS = count()


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def subscribed(client: httpx.Client, hook: Receiver, hospitals: TwoHospitals) -> str:
    made = client.post("/fhir/Subscription", json=r4(hook.url))
    assert made.status_code == 201, made.text
    notified(hospitals)
    return str(made.json()["id"])


def notified(hospitals: TwoHospitals) -> None:
    while hospitals.storage.fhir_subscriptions.fill(utcnow()):
        pass
    notify_due(hospitals.storage, "tests")


def judged(hospitals: TwoHospitals, *those: Hospital) -> None:
    """Somebody accepts a finding of each."""
    with hospitals.node.with_key(f"judge {next(_NUMBERS)}", "admin") as admin:
        for one in those:
            path = f"/api/findings/{one.ids['finding_id']}/feedback"
            assert admin.post(path, json={"kind": "ACCEPTED"}).is_success


def notified_of(hook: Receiver) -> set[str]:
    """References to what changed."""
    return {
        entry["fullUrl"].rpartition("/fhir/")[2]
        for bundle in bundles(hook)
        for entry in bundle["entry"][1:]
    }


def of(one: Hospital) -> str:
    return f"Observation/{one.ids['finding_id']}"


def test_a_key_hears_of_its_groups_and_reads_its_own_alone(
    hospitals: TwoHospitals, hook: Receiver
) -> None:
    north, south = hospitals.north, hospitals.south
    with (
        receiver() as of_all,
        hospitals.key("own subscriptions", "integrator", NORTH) as client,
        hospitals.node.with_key("subscribing admin", "admin") as admin,
    ):
        own = subscribed(client, hook, hospitals)
        every = subscribed(admin, of_all, hospitals)
        judged(hospitals, north, south)
        notified(hospitals)
        assert notified_of(hook) == {of(north)}
        assert notified_of(of_all) == {of(north), of(south)}
        found = client.get("/fhir/Subscription").json()
        assert [one["resource"]["id"] for one in found["entry"]] == [own]
        for path in (f"/fhir/Subscription/{every}", f"/fhir/Subscription/{every}/$status"):
            assert client.get(path).status_code == 404
        assert client.delete(f"/fhir/Subscription/{every}").status_code == 404
        for one in (own, every):
            assert admin.delete(f"/fhir/Subscription/{one}").status_code == 204


def test_what_waited_is_not_told_once_the_group_is_gone(
    hospitals: TwoHospitals, hook: Receiver
) -> None:
    groups = hospitals.storage.access_groups
    with hospitals.key("short of access", "integrator", NORTH) as client:
        own = subscribed(client, hook, hospitals)
        (key,) = [one for one in hospitals.storage.api_keys.all() if one.name == "short of access"]
        member = Member("key", key.key_id)
        groups.add_member(SOUTH, member)
        judged(hospitals, hospitals.south)
        while hospitals.storage.fhir_subscriptions.fill(utcnow()):
            pass
        groups.remove_member(SOUTH, member)
        notify_due(hospitals.storage, "tests")
        (event,) = bundles(hook)[1:]
        assert notified_of(hook) == set()
        (part,) = [
            one for one in event["entry"][0]["resource"]["parameter"]
            if one["name"] == "notification-event"
        ]  # fmt: skip
        assert [one["name"] for one in part["part"]] == ["event-number", "timestamp"]
        assert client.delete(f"/fhir/Subscription/{own}").status_code == 204


def test_it_ends_with_the_key(hospitals: TwoHospitals, hook: Receiver) -> None:
    storage = hospitals.storage
    with (
        hospitals.key("leaving", "integrator", NORTH) as client,
        hospitals.node.with_key("staying admin", "admin") as admin,
    ):
        own = subscribed(client, hook, hospitals)
        judged(hospitals, hospitals.north)
        while storage.fhir_subscriptions.fill(utcnow()):
            pass
        storage.api_keys.revoke("leaving", utcnow())
        notified(hospitals)
        judged(hospitals, hospitals.north)
        notified(hospitals)
        assert notified_of(hook) == set(), "neither what waited nor what came"
        path = f"/fhir/Subscription/{own}"
        found = admin.get(path).json()
        assert (found["status"], found["error"]) == ("off", "Its key was revoked.")
        expires_at = utcnow() + timedelta(hours=1)
        _, secret = storage.api_keys.create(
            "expiring", ["integrator"], [], created_by="test", expires_at=expires_at
        )
        with hospitals.node.client(headers={"Authorization": f"Bearer {secret}"}) as short:
            of_short = subscribed(short, hook, hospitals)
        stated = admin.get(f"/fhir/Subscription/{of_short}").json()
        assert stated["end"][:16] == expires_at.isoformat()[:16]
        for one in (own, of_short):
            assert admin.delete(f"/fhir/Subscription/{one}").status_code == 204


@pytest.mark.parametrize("change", [{"disabled": True}, {"roles": ["viewer"]}])
def test_it_ends_with_the_account_or_its_role(
    hospitals: TwoHospitals, hook: Receiver, change: dict[str, Any]
) -> None:
    name = f"integrator{next(_NUMBERS)}"
    with (
        hospitals.person(name, "integrator", NORTH) as client,
        hospitals.node.with_key(f"admin of {name}", "admin") as admin,
    ):
        assert client.post("/fhir/Subscription", json=r4(hook.url)).status_code == 403
        confirm(client)
        own = subscribed(client, hook, hospitals)
        hospitals.storage.accounts.change(name, **change)
        judged(hospitals, hospitals.north)
        notified(hospitals)
        assert notified_of(hook) == set()
        path = f"/fhir/Subscription/{own}"
        assert admin.get(path).json()["status"] == "off"
        assert admin.delete(path).status_code == 204
