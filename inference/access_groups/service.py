"""Apply the rules of the access groups to studies that wait for them."""

import time
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog
from pydicom.dataset import Dataset

from dicom_node.worklist.scp import as_data_set
from inference.access_groups.stored_rules import StoredRules, read_rules
from inference.failures import place
from storage.access_groups.decisions import Decision, OrderedStudy
from storage.container.has import (
    HasAccessDecisions,
    HasAccessGroups,
    HasInstances,
    HasPeers,
    HasWorklist,
)
from storage.core.callers.turns import Turns
from storage.core.callers.visibility import as_node
from storage.core.entities import Instance
from storage.core.errors import MediViewError, StorageUnavailable
from storage.core.sources import senders_of
from storage.integrity.instance_reader import InstanceReader

log = structlog.get_logger(__name__)

_ORDERS_AT_ONCE = 64
# However many one source has sent, those of others are found among them.
_LOOKED_PAST = 1_000
# Of a round of the scheduler; what is left waits for the next one.
_ROUND_S = 0.5


class GroupRuleStorage(
    HasInstances, HasAccessGroups, HasAccessDecisions, HasWorklist, HasPeers, Protocol
):
    """What of the storage layer rules of access groups are applied with."""


@as_node()
def apply_rules(
    storage: GroupRuleStorage,
    now: datetime,
    budget_s: float = _ROUND_S,
    turns: Turns | None = None,
) -> int:
    """Decide on studies that wait, on how many: one of each source in turn, its newest first.

    So one whose headers take long to read keeps nobody else waiting for more than one of them.
    `turns`: of who calls again and again, so that those who took much have theirs last.
    """
    groups = storage.access_groups
    if not groups.is_used() and not groups.state().is_enforced:
        return 0
    decisions = storage.access_decisions
    version = decisions.rules_version()
    rules = read_rules(groups.rules(), version)
    for order in decisions.waiting_orders(_ORDERS_AT_ONCE):
        decisions.decide_on_order(order.study_instance_uid, _of_order(order, rules))
        storage.worklist.mark_studies_of(order.study_instance_uid)
    turns = turns or Turns()
    turns.begin_round()
    done, used_s = 0, 0.0
    while used_s < budget_s:
        waiting = decisions.waiting(_LOOKED_PAST)
        titles = {peer.ae_title for peer in storage.peers.recent()} if waiting else set()
        for uid, turn in turns.in_turn_of_shares(waiting.items(), titles):
            began_s = time.monotonic()
            first = decisions.first_instance(uid)
            decisions.decide(uid, _of_first_instance(storage.instances, first, rules))
            storage.worklist.mark_study_of_orders(uid)
            turn_s = time.monotonic() - began_s
            turns.note_turn(turn, turn_s)
            # Looking for what waits is none of it: on a slow database it may take as long.
            used_s += turn_s
            done += 1
            if used_s >= budget_s:
                break
        if len(waiting) < _LOOKED_PAST:
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
    return rules.decide(header, senders_of([first]), [first.association])


def _of_order(order: OrderedStudy, rules: StoredRules) -> Decision:
    decision = _by_its_attributes(order, rules)
    if order.own_groups is None:
        return decision
    groups = tuple(dict.fromkeys((*order.own_groups, *decision.groups)))
    return replace(decision, groups=groups, is_ordered=True)


def _by_its_attributes(order: OrderedStudy, rules: StoredRules) -> Decision:
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
