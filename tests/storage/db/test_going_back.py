"""The version before finds nothing that it would take for something else."""

import uuid

from alembic import command
from sqlalchemy import insert, select

from storage import tables as t
from storage.access_groups.entities import Member
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.db.migrate import _config, upgrade_to
from storage.peers.entities import KnownPeer
from storage.webhooks.enqueue import enqueue


def test_receivers_that_the_version_before_does_not_know_are_gone(storage: Storage) -> None:
    """It would send whole notices, with reasons, to chats, and could read no peer at all."""
    storage.peers.add(KnownPeer("pacs"))
    storage.peers.add(KnownPeer("ehr", kind="fhir", url="https://ehr.example/fhir"))
    storage.access_groups.add("all", rule={}, description="")
    for name in ("pacs", "ehr"):
        storage.access_groups.add_member("all", Member("peer", name))
    now = utcnow()
    with writing(storage.engine) as connection:
        for kind in ("webhook", "mail", "teams", "slack"):
            hook = {
                "webhook_id": str(uuid.uuid4()), "url": f"https://{kind}.example", "kind": kind,
                "events": ["job.failed"], "is_active": True, "secret": "", "event_id": 0,
                "wait_s": 0, "quiet_hours": "", "created_at": now, "updated_at": now,
            }  # fmt: skip
            connection.execute(insert(t.webhook).values(hook))
            enqueue(connection, hook, "job.failed", {}, now)
        for state, cancelled_from in (("REFUSED", ""), ("CANCELLED", "REFUSED")):
            delivery = {
                "delivery_id": str(uuid.uuid4()), "destination": "ehr",
                "study_instance_uid": "2.25.1", "series_instance_uid": "2.25.2",
                "sop_instance_uid": f"2.25.3.{len(state)}", "state": state, "attempts": 1,
                "cancelled_from": cancelled_from, "next_attempt_at": now, "created_at": now,
                "updated_at": now,
            }  # fmt: skip
            connection.execute(insert(t.delivery).values(delivery))
    config = _config()
    with writing(storage.engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0086")
        upgrade_to(connection, "head")
    assert [one.name for one in storage.peers.all()] == ["pacs"]
    with reading(storage.engine) as connection:
        assert connection.execute(select(t.webhook.c.url)).scalars().all() == [
            "https://webhook.example"
        ]
        assert len(connection.execute(select(t.webhook_delivery)).all()) == 1
        members = select(t.access_group_member.c.subject)
        assert connection.execute(members).scalars().all() == ["pacs"]
        deliveries = connection.execute(select(t.delivery.c.state, t.delivery.c.cancelled_from))
        assert {tuple(one) for one in deliveries} == {("PENDING", ""), ("CANCELLED", "PENDING")}
