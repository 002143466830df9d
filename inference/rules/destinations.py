"""Where the results of a pipeline go."""

from collections.abc import Sequence

import structlog
from pydicom.dataset import Dataset

from inference.rules.facts import SeriesFacts
from inference.rules.file import current_rules
from inference.rules.judge import rule_on
from storage.opening import Storage
from storage.peers import KnownPeer

log = structlog.get_logger(__name__)


def destinations_of(storage: Storage, pipeline: str, headers: Sequence[Dataset]) -> list[KnownPeer]:
    """All destinations, or those that the rule for this series and pipeline names.

    A name that is no destination (any more) is said in the log; the others get theirs.
    """
    known = list(storage.peers.destinations())
    if not headers:
        return known
    ruling = rule_on(current_rules(storage.settings), pipeline, SeriesFacts(headers))
    if ruling.rule is None or ruling.rule.destinations is None:
        return known
    wanted = set(ruling.rule.destinations)
    for name in sorted(wanted - {peer.name for peer in known}):
        log.warning("rule_names_no_destination", rule=ruling.rule.name, destination=name)
    return [peer for peer in known if peer.name in wanted]
