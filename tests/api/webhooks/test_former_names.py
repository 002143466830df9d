"""Former names of events and states are understood for one version more."""

from storage.core.clock import utcnow
from storage.webhooks.payloads import wanted_as
from tests.api.client import ApiNode
from tests.api.webhooks.receiver import Receiver, added, notified
from tests.inference.orchestration import complete_series

_OF_LATE = "delivery.confirmed"
_FORMER = "delivery.held"


def _confirmed_delivery(node: ApiNode) -> None:
    series = complete_series(node.storage, "results")
    instances = node.storage.index.instances_of(series.study_instance_uid)
    node.storage.deliveries.enqueue("pacs", instances, None)
    made = node.storage.deliveries.of_study(series.study_instance_uid)
    node.storage.deliveries.confirmed([one.delivery_id for one in made], utcnow())


def test_a_webhook_that_asks_by_the_former_name_gets_its_events_under_it(
    node: ApiNode, hook: Receiver
) -> None:
    added(node, hook, _FORMER)
    _confirmed_delivery(node)
    notified(node.storage)
    assert set(hook.types) == {_FORMER}


def test_a_webhook_that_asks_by_the_new_name_gets_that(node: ApiNode, hook: Receiver) -> None:
    added(node, hook, _OF_LATE)
    _confirmed_delivery(node)
    notified(node.storage)
    assert set(hook.types) == {_OF_LATE}


def test_a_correction_is_notified_under_the_name_that_a_webhook_asks_for() -> None:
    assert wanted_as(("finding.edited",), "finding.corrected") == "finding.edited"
    assert wanted_as(("finding.*",), "finding.corrected") == "finding.corrected"


def test_the_list_of_deliveries_takes_the_former_state(node: ApiNode) -> None:
    _confirmed_delivery(node)
    former = node.client.get("/api/deliveries", params={"state": "HELD"}).json()
    assert former["total"] > 0
    assert {one["state"] for one in former["items"]} == {"confirmed"}
