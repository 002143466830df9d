"""What the site's rule for a job says of it: where its results go, how long it may take."""

from collections.abc import Sequence

import structlog
from pydicom.dataset import Dataset

from inference.rules.facts import SeriesFacts
from inference.rules.file import current_rules
from inference.rules.judge import rule_on
from inference.rules.order_facts import Orders
from inference.rules.pipeline_rule import Rule
from storage.index.repository import Index
from storage.peers.entities import KnownPeer
from storage.peers.repository import Peers
from storage.priors.fetches import PriorFetches
from storage.settings import Settings

log = structlog.get_logger(__name__)


def rule_for(
    settings: Settings, index: Index, orders: Orders, pipeline: str, headers: Sequence[Dataset]
) -> Rule | None:
    """The rule that holds for a series and a pipeline, as the rules are now."""
    rules = current_rules(settings)
    if not headers or not rules.of(pipeline):
        return None
    first = headers[0]
    instances = index.instances_of(str(first.StudyInstanceUID), str(first.SeriesInstanceUID))
    return rule_on(rules, pipeline, SeriesFacts.received(headers, instances, orders)).rule


def stays_here(fetches: PriorFetches, study_instance_uid: str) -> bool:
    """Whether results stay here: those of an earlier study that was fetched for comparison,
    unless its rule says otherwise."""
    prior = fetches.prior_of(study_instance_uid)
    return prior is not None and not prior.send_results


def destinations_of(peers: Peers, rule: Rule | None) -> list[KnownPeer]:
    """All destinations, or those that the rule names.

    A name that is no destination (any more) is logged; the others get theirs.
    """
    known = list(peers.destinations())
    if rule is None or rule.destinations is None:
        return known
    wanted = set(rule.destinations)
    for name in sorted(wanted - {peer.name for peer in known}):
        log.warning("rule_names_no_destination", rule=rule.name, destination=name)
    return [peer for peer in known if peer.name in wanted]
