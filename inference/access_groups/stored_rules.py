"""The rules of all groups, of which one that is broken does not stop the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pydicom.dataset import Dataset

from inference.access_groups.rules import read_rule, try_rule
from inference.failures import place
from inference.rules.conditions import Condition
from storage.access_groups.decisions import Decision
from storage.access_groups.entities import ADMINISTRATORS, AccessGroup
from storage.core.entities import StoreAssociation
from storage.core.errors import InvalidRequest

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StoredRules:
    """Conditions by the number of their group, and the groups whose rule cannot be read."""

    version: int
    conditions: Mapping[int, Condition]
    unreadable: frozenset[int]

    def decide(
        self,
        header: Dataset,
        ae_titles: Sequence[str],
        associations: Sequence[StoreAssociation] = (),
    ) -> Decision:
        """Which groups an instance or an order belongs to."""
        groups: list[int] = []
        undecided = set(self.unreadable)
        for group_id, condition in self.conditions.items():
            try:
                if try_rule(condition, header, ae_titles, associations).holds:
                    groups.append(group_id)
            except Exception as error:  # noqa: BLE001 - whatever a strange value makes pydicom raise
                undecided.add(group_id)
                log.warning(
                    "access_rule_failed",
                    group_id=group_id,
                    error=type(error).__name__,
                    place=place(error),
                )
        return Decision(self.version, tuple(groups), frozenset(undecided))

    def administrators_alone(self) -> Decision:
        """Of a study of which nothing can be read."""
        return Decision(self.version, (ADMINISTRATORS,), self.unreadable)


def read_rules(stored: Mapping[int, Mapping[str, Any]], version: int) -> StoredRules:
    """Another version may have stored a rule that this one refuses."""
    conditions: dict[int, Condition] = {}
    unreadable: set[int] = set()
    for group_id, rule in stored.items():
        try:
            conditions[group_id] = read_rule(rule)
        except InvalidRequest:
            unreadable.add(group_id)
            # Without the rule, which may name a person. `mediview doctor` has the group's name.
            log.warning("access_rule_not_readable", group_id=group_id)
    return StoredRules(version, conditions, frozenset(unreadable))


def unreadable_rules(groups: Iterable[AccessGroup]) -> list[str]:
    """The names of the groups whose rule this version cannot read."""
    found = []
    for group in groups:
        try:
            if group.rule is not None:
                read_rule(group.rule)
        except InvalidRequest:
            found.append(group.name)
    return found
