"""Hosts whose processes ended in order, and those of commands alone."""

import time
from collections.abc import Callable
from typing import Any

from api.server.stage_metrics import WorkCollector
from storage.container import Storage, open_storage
from storage.maintenance.own_folder import keeping_own_folder
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.storage.hosts.conftest import Host, copy_keys
from tests.storage.hosts.instances import part10


def test_a_host_that_ended_in_order_is_missed_only_for_what_it_alone_has(settings_of: Any) -> None:
    """As a pod that an autoscaler took away, and that of the backup each night."""
    north, pod, backup = settings_of("north"), settings_of("pod"), settings_of("backup")
    upgrade(north)
    with open_storage(north) as of_north:
        Host(north, of_north).keep_in_order()
        for other in (pod, backup):
            copy_keys(north, other)
        with open_storage(backup):
            names = {str(one): one.host_id for one in of_north.hosts.all()}
        with open_storage(pod) as of_pod:
            with keeping_own_folder(of_pod):
                until(lambda: states(of_north)[of_pod.hosts.own_id()] == "there")
                of_pod.ingest.accept(part10(), "stow")
                until(lambda: has_nothing_alone(of_pod))
            (pod_id,) = set(states(of_north)) - set(names.values())
        ended = states(of_north)[pod_id], silent(of_north)
        with open_storage(pod) as of_pod:
            of_pod.ingest.accept(part10(instance="1"), "stow")
        with_something = silent(of_north)
        with open_storage(pod) as of_pod, keeping_own_folder(of_pod):
            until(lambda: states(of_north)[pod_id] == "there" and has_nothing_alone(of_pod))
        again = states(of_north)[pod_id], silent(of_north)

    (north_id,) = (one for one in names.values() if one == of_north.hosts.own_id())
    assert ended == ("stopped", {north_id})
    assert with_something == {north_id, pod_id}
    assert again == ("stopped", {north_id})


def has_nothing_alone(storage: Storage) -> bool:
    return not any(storage.hosts.uncopied_count(one) for one in storage.hosts.all())


def states(storage: Storage) -> dict[str, str]:
    return {one.host_id: one.state for one in storage.hosts.all()}


def silent(storage: Storage) -> set[str]:
    """Ids of the hosts whose silence monitors are told of."""
    return {
        sample.labels["host"].rpartition("(")[2].rstrip(")")
        for metric in WorkCollector(storage).collect()
        for sample in metric.samples
        if sample.name == "mediview_host_silence_seconds"
    }


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
