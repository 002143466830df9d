"""A RIS repeats an order over several connections while the first one is still taken."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from dicom_node.hl7.orders import take_orders
from storage.container import open_storage
from storage.settings import Settings
from tests.dicom_node.hl7.test_clock_set_back import NOON, order


def test_orders_of_one_number_at_once_are_one_item_and_none_is_lost(
    storage_settings: Settings,
) -> None:
    with open_storage(storage_settings) as storage, ThreadPoolExecutor(6) as senders:

        def take(second: int) -> str:
            at = NOON + timedelta(seconds=second)
            return take_orders(storage.worklist, order(at, study=f"part {second}"), at)

        outcomes = list(senders.map(take, range(6)))
        items, total = storage.worklist.list(accession_number="A-123")
        assert total == 1, outcomes
        assert outcomes.count("scheduled") == 1
        # The newest holds, whichever was taken last.
        assert items[0].attributes["RequestedProcedureDescription"] == "CT of the part 5"
        assert items[0].ordered_at == NOON + timedelta(seconds=5)
