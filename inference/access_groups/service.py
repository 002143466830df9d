"""Apply the rules of the access groups to studies that wait for them."""

import time
from collections.abc import Mapping
from datetime import datetime

import structlog
from pydicom.dataset import Dataset

from dicom_node.worklist.scp import as_data_set
from inference.access_groups.rules import read_rule, try_rule
from inference.rules.model import Condition
from inference.worker.failures import place
from storage.access_groups.decisions import OrderedStudy
from storage.access_groups.entities import ADMINISTRATORS
from storage.container import Storage
from storage.core.entities import Instance
from storage.core.errors import MediViewError, StorageUnavailable
from storage.core.viewer import as_node

log = structlog.get_logger(__name__)

_AT_ONCE = 64
# Of a round of the scheduler; what is left waits for the next one.
_ROUND_S = 0.5
_DIMSE = "dimse:"


@as_node()
def apply_rules(storage: Storage, now: datetime, budget_s: float = _ROUND_S) -> int:
    """Decide on studies that wait, the newest first; on how many."""
    groups = storage.access_groups
    if not groups.is_used() and not groups.state().is_enforced:
        return 0
    decisions = storage.access_decisions
    version = decisions.rules_version()
    rules = {number: read_rule(rule) for number, rule in groups.rules().items()}
    for order in decisions.waiting_orders(_AT_ONCE):
        _decide_on_order(storage, order, rules, version)
    done = 0
    deadline = time.monotonic() + budget_s
    while time.monotonic() < deadline:
        waiting = decisions.waiting(_AT_ONCE)
        for study_instance_uid, first in waiting.items():
            found = _groups_of(storage, first, rules)
            decisions.decide(study_instance_uid, found, version)
            done += 1
        if len(waiting) < _AT_ONCE:
            break
    return done


def _groups_of(
    storage: Storage, first: Instance | None, rules: Mapping[int, Condition]
) -> list[int]:
    """Administrators alone see a study whose first instance cannot be read.

    Raises StorageUnavailable: nothing is known then, and it is tried again.
    """
    if first is None:
        return [ADMINISTRATORS]
    try:
        header = storage.instances.dataset(first, stop_before_pixels=True)
        ae_titles = _ae_titles(first.source)
        return [
            number
            for number, condition in rules.items()
            if try_rule(condition, header, ae_titles).holds
        ]
    except StorageUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a strange data set makes pydicom raise
        log.warning(
            "access_rules_not_applied",
            sop_instance_uid=first.sop_instance_uid,
            error=error.code if isinstance(error, MediViewError) else type(error).__name__,
            place=place(error),
        )
        return [ADMINISTRATORS]


def _decide_on_order(
    storage: Storage, order: OrderedStudy, rules: Mapping[int, Condition], version: int
) -> None:
    if storage.access_decisions.is_here(order.study_instance_uid):
        storage.access_decisions.order_arrived(order.study_instance_uid, version)
        return
    try:
        header = (
            Dataset.from_json(order.attributes)
            if order.is_work_item
            else as_data_set(order.attributes)
        )
        stations = tuple(
            str(step.get("ScheduledStationAETitle") or "")
            for step in header.get("ScheduledProcedureStepSequence") or ()
        )
        found = [number for number, one in rules.items() if try_rule(one, header, stations).holds]
    except Exception as error:  # noqa: BLE001 - an order holds what another system wrote
        log.warning("access_rules_not_applied", error=type(error).__name__, place=place(error))
        found = [ADMINISTRATORS]
    storage.access_decisions.decide(order.study_instance_uid, found, version)


def _ae_titles(source: str) -> tuple[str, ...]:
    return (source.removeprefix(_DIMSE),) if source.startswith(_DIMSE) else ()
