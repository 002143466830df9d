"""For which studies and orders the site's rules have earlier studies looked for."""

from typing import Protocol

import structlog

from inference.priors.arrived_headers import headers_of
from inference.priors.subjects import OrderFacts
from inference.rules.facts import SeriesFacts
from inference.rules.judge import judge
from inference.rules.prior_rule import PriorRule
from inference.rules.rule_set import RuleSet
from storage.container.has import (
    HasIndex,
    HasInstances,
    HasPeers,
    HasPriorFetches,
    HasPriorSearches,
    HasWorklist,
)
from storage.core.entities import Series
from storage.core.sources import are_imported
from storage.peers.repository import Peers
from storage.priors.searches import PriorSearches
from storage.worklist.repository import Worklist

log = structlog.get_logger(__name__)

_ORDERS_PER_ROUND = 50


class TriggerStorage(
    HasIndex,
    HasInstances,
    HasWorklist,
    HasPeers,
    HasPriorSearches,
    HasPriorFetches,
    Protocol,
):
    """What of the storage layer is asked for what makes the node want earlier studies."""


def want_for_series(storage: TriggerStorage, series: Series, rules: RuleSet) -> int:
    """Have archives asked on behalf of a series that is complete; how many are asked.

    Doing it again changes nothing. For what was fetched or imported itself nothing is looked
    for. Raises StorageUnavailable.
    """
    asked = [rule for rule in rules.priors if rule.enabled and "study" in rule.trigger]
    if not asked or storage.prior_fetches.find(series.study_instance_uid):
        return 0
    instances = storage.index.instances_of(series.study_instance_uid, series.series_instance_uid)
    if are_imported(instances):
        return 0
    headers = (
        headers_of(storage.instances, series, instances) if any(one.when for one in asked) else None
    )
    wanted = 0
    for rule in asked:
        if rule.when is not None and headers is None:
            continue
        facts = SeriesFacts.received(headers or (), instances, storage.worklist)
        if rule.when is None or judge(rule.when, facts).holds:
            for source in sources_of(storage.peers, rule):
                wanted += storage.prior_searches.want(
                    "STUDY", series.study_instance_uid, rule.name, source
                )
    return wanted


def want_for_study(storage: TriggerStorage, study_instance_uid: str, rules: RuleSet) -> int:
    """The same for a study that has been here for longer. Raises NotFound, StorageUnavailable."""
    storage.index.study(study_instance_uid)
    return sum(
        want_for_series(storage, series, rules)
        for series in storage.index.series_of(study_instance_uid)
        if series.origin == "received" and series.state == "COMPLETE"
    )


def want_for_orders(
    peers: Peers, prior_searches: PriorSearches, worklist: Worklist, rules: RuleSet
) -> int:
    """The same for orders that are new or changed; how many sources are asked."""
    asked = [rule for rule in rules.priors if rule.enabled and "order" in rule.trigger]
    if not asked:
        return 0
    wanted = 0
    for item in worklist.priors_not_asked(_ORDERS_PER_ROUND):
        facts = OrderFacts(item)
        if item.priors_asked_at is not None:
            # Its patient may have been corrected since.
            prior_searches.ask_again("ORDER", item.worklist_item_id)
        for rule in asked:
            if rule.when is None or judge(rule.when, facts).holds:
                for source in sources_of(peers, rule):
                    wanted += prior_searches.want("ORDER", item.worklist_item_id, rule.name, source)
        worklist.priors_asked(item)
    return wanted


def sources_of(peers: Peers, rule: PriorRule) -> list[str]:
    """Names of peers. One that no peer has (yet) is asked once it is added."""
    return list(rule.from_) or [peer.name for peer in peers.archives()]
