"""Apply the rules of the access groups to studies that wait for them."""

import time
from datetime import datetime
from typing import Protocol

import structlog
from pydicom.dataset import Dataset

from dicom_node.worklist.scp import as_data_set
from inference.access_groups.stored_rules import StoredRules, read_rules
from inference.failures import place
from storage.access_groups.decisions import Decision, OrderedStudy
from storage.container.has import HasAccessDecisions, HasAccessGroups, HasInstances
from storage.core.callers.visibility import as_node
from storage.core.entities import Instance
from storage.core.errors import MediViewError, StorageUnavailable
from storage.core.sources import senders_of
from storage.integrity.instance_reader import InstanceReader

log = structlog.get_logger(__name__)

_AT_ONCE = 64
# Of a round of the scheduler; what is left waits for the next one.
_ROUND_S = 0.5


class GroupRuleStorage(HasInstances, HasAccessGroups, HasAccessDecisions, Protocol):
    """What of the storage layer rules of access groups are applied with."""


@as_node()
def apply_rules(storage: GroupRuleStorage, now: datetime, budget_s: float = _ROUND_S) -> int:
    """Decide on studies that wait, the newest first; on how many."""
    groups = storage.access_groups
    if not groups.is_used() and not groups.state().is_enforced:
        return 0
    decisions = storage.access_decisions
    version = decisions.rules_version()
    rules = read_rules(groups.rules(), version)
    for order in decisions.waiting_orders(_AT_ONCE):
        decisions.decide_on_order(order.study_instance_uid, _of_order(order, rules))
    done = 0
    deadline = time.monotonic() + budget_s
    while time.monotonic() < deadline:
        waiting = decisions.waiting(_AT_ONCE)
        for study_instance_uid, first in waiting.items():
            decisions.decide(
                study_instance_uid, _of_first_instance(storage.instances, first, rules)
            )
            done += 1
        if len(waiting) < _AT_ONCE:
            break
    return done


def _of_first_instance(
    instances: InstanceReader, first: Instance | None, rules: StoredRules
) -> Decision:
    """Administrators alone see a study whose first instance cannot be read.

    Raises StorageUnavailable: nothing is known then, and it is tried again.
    """
    if first is None:
        return rules.administrators_alone()
    try:
        header = instances.header(first)
    except StorageUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a strange data set makes pydicom raise
        log.warning(
            "access_rules_not_applied",
            sop_instance_uid=first.sop_instance_uid,
            error=error.code if isinstance(error, MediViewError) else type(error).__name__,
            place=place(error),
        )
        return rules.administrators_alone()
    return rules.decide(header, senders_of([first]))


def _of_order(order: OrderedStudy, rules: StoredRules) -> Decision:
    try:
        header = (
            Dataset.from_json(order.attributes)
            if order.is_workitem
            else as_data_set(order.attributes)
        )
        stations = tuple(
            str(step.get("ScheduledStationAETitle") or "")
            for step in header.get("ScheduledProcedureStepSequence") or ()
        )
    except Exception as error:  # noqa: BLE001 - an order holds what another system wrote
        log.warning("access_rules_not_applied", error=type(error).__name__, place=place(error))
        return rules.administrators_alone()
    return rules.decide(header, stations)
