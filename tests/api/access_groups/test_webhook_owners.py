"""A webhook sends the events of what its owner may see, an administrator's those of all studies."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import httpx
from sqlalchemy import update

from api.server.checks.exposure import check_access_groups
from storage import tables as t
from storage.db.engine import writing
from tests.api.access_groups.two_groups import NORTH, TwoHospitals
from tests.api.client import is_problem

HOOK = {"url": "http://127.0.0.1:9/hook", "events": ["alert.raised"]}
_RULES = count()


def added(client: httpx.Client) -> str:
    made = client.post("/api/webhooks", json=HOOK)
    assert made.status_code == 201, made.text
    return str(made.json()["webhook_id"])


def raise_alerts(hospitals: TwoHospitals) -> None:
    """One of a finding of each hospital."""
    rule = f"webhooks {next(_RULES)}"
    for one in (hospitals.south, hospitals.north):
        hospitals.storage.critical_alerts.rise(
            one.study_instance_uid, one.ids["finding_id"], rule, "", 600
        )
    while hospitals.storage.webhook_outbox.fill():
        pass


def studies_sent(client: httpx.Client, webhook_id: str) -> list[str]:
    found = client.get(f"/api/webhooks/{webhook_id}/deliveries").json()["items"]
    return sorted(one["payload"]["data"]["study_instance_uid"] for one in found)


@contextmanager
def not_enforced(hospitals: TwoHospitals) -> Iterator[None]:
    hospitals.storage.access_groups.enforce(False)
    try:
        yield
    finally:
        hospitals.storage.access_groups.enforce(True)


def forget_owner(hospitals: TwoHospitals, webhook_id: str) -> None:
    """As of a webhook that was added before owners were noted."""
    with writing(hospitals.storage.engine) as connection:
        connection.execute(
            update(t.webhook)
            .where(t.webhook.c.webhook_id == webhook_id)
            .values(created_by=None, created_by_id="", sends_everything=False)
        )


def test_a_key_sees_and_changes_its_own_alone(hospitals: TwoHospitals) -> None:
    with (
        hospitals.key("own hooks", "integrator", NORTH) as client,
        hospitals.node.with_key("own admin", "admin") as admin,
    ):
        own, of_all = added(client), added(admin)
        raise_alerts(hospitals)
        both = sorted([hospitals.north.study_instance_uid, hospitals.south.study_instance_uid])
        assert studies_sent(client, own) == [hospitals.north.study_instance_uid]
        assert studies_sent(admin, of_all) == both
        assert [one["webhook_id"] for one in client.get("/api/webhooks").json()["items"]] == [own]
        assert client.get(f"/api/webhooks/{of_all}").status_code == 404
        assert client.post(f"/api/webhooks/{of_all}/secret").status_code == 404
        everything = {"sends_everything": True}
        is_problem(client.patch(f"/api/webhooks/{own}", json=everything), 403, "not_allowed")
        assert admin.patch(f"/api/webhooks/{own}", json=everything).status_code == 200
        is_problem(client.get(f"/api/webhooks/{own}"), 404, "not_found")


def test_one_from_before_enforcement_belongs_to_who_added_it(hospitals: TwoHospitals) -> None:
    with (
        hospitals.key("early hooks", "integrator", NORTH) as client,
        hospitals.node.with_key("early admin", "admin") as admin,
    ):
        with not_enforced(hospitals):
            own, of_all = added(client), added(admin)
        raise_alerts(hospitals)
        assert studies_sent(admin, own) == [hospitals.north.study_instance_uid]
        assert len(studies_sent(admin, of_all)) == 2


def test_one_without_an_owner_sends_no_event_of_a_study_and_is_counted(
    hospitals: TwoHospitals,
) -> None:
    with hospitals.node.with_key("old admin", "admin") as admin:
        before = admin.get("/api/access-policy").json()
        old = added(admin)
        forget_owner(hospitals, old)
        raise_alerts(hospitals)
        assert studies_sent(admin, old) == []
        status = admin.get("/api/access-policy").json()
        assert status["webhooks_without_owner"] == before["webhooks_without_owner"] + 1
        assert status["webhooks_sending_everything"] == before["webhooks_sending_everything"]
        check = check_access_groups(hospitals.storage.webhooks, hospitals.storage.access_groups)
        assert (check.state, "no known owner" in check.detail) == ("note", True)
        with not_enforced(hospitals):
            raise_alerts(hospitals)
        assert len(studies_sent(admin, old)) == 2
        changed = admin.patch(f"/api/webhooks/{old}", json={"sends_everything": True})
        assert changed.json()["sends_everything"]
        raise_alerts(hospitals)
        assert len(studies_sent(admin, old)) == 4
        status = admin.get("/api/access-policy").json()
        assert status["webhooks_without_owner"] == before["webhooks_without_owner"]
