"""A host that is there and does not copy what it receives is named by every other host."""

from datetime import timedelta

from sqlalchemy import update

from api.server.checks.hosts import check_hosts
from api.server.stage_metrics import WorkCollector
from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import writing
from tests.storage.hosts.instances import TwoHosts, part10


def oldest_alone_s(storage: Storage) -> dict[str, float]:
    return {
        sample.labels["host"]: sample.value
        for metric in WorkCollector(storage).collect()
        for sample in metric.samples
        if sample.name == "mediview_host_oldest_alone_seconds"
    }


def test_what_waits_on_another_host_for_long_is_named(two_hosts: TwoHosts) -> None:
    """As where its way to the bucket is lost: it acknowledges, and nobody else can read."""
    north, south = two_hosts
    south.storage.ingest.accept(part10(), "dimse")
    (name,) = map(str, north.storage.hosts.others())
    just_now = check_hosts(north.storage.hosts)
    with writing(north.storage.engine) as connection:
        earlier = utcnow() - timedelta(minutes=20)
        connection.execute(update(t.instance).values(received_at=earlier))
    later = check_hosts(north.storage.hosts)
    of_itself = check_hosts(south.storage.hosts)
    stated = oldest_alone_s(north.storage)

    assert just_now.ok
    assert not later.ok
    assert f"{name} receives, and has had 1 instances that no other host can read" in later.detail
    assert "'mediview doctor' on that host" in later.detail
    # What it waits for is its own part `objects`.
    assert of_itself.ok
    assert 1200 <= stated[name] < 1300
