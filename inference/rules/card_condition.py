"""The condition of a model's card, which asks the same of a series as the site's rules.

How a series came and what was ordered is known where somebody has stated the node's account of it
(`received_as_known`): when series are offered to pipelines, and when a job runs. Elsewhere, such as
over the cases of an evaluation, what the card asks of it is left out.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

from pydicom.dataset import Dataset

from inference.rules.conditions import Condition
from inference.rules.facts import SeriesFacts, is_of_arrival
from inference.rules.judge import Trace, judge
from inference.rules.order_facts import Orders, RememberedOrders
from storage.core.entities import Instance


@dataclass(frozen=True)
class _Account:
    instances_of: Callable[[str, str], Sequence[Instance]]
    orders: Orders


_ACCOUNT: ContextVar[_Account | None] = ContextVar("account", default=None)


@contextmanager
def received_as_known(
    instances_of: Callable[[str, str], Sequence[Instance]], orders: Orders
) -> Iterator[None]:
    """Within it cards may ask how a series came, and what was ordered.

    `instances_of`: those of a series by the UIDs of study and series.
    """
    token = _ACCOUNT.set(_Account(cache(instances_of), RememberedOrders(orders)))
    try:
        yield
    finally:
        _ACCOUNT.reset(token)


def judge_card(condition: Condition, headers: Sequence[Dataset]) -> Trace | None:
    """What the card's condition says of images of one series; None where nothing of it is left."""
    if not any(map(is_of_arrival, condition.names())):
        return judge(condition, SeriesFacts(headers))
    account = _ACCOUNT.get()
    if account is None:
        left = _without_arrival(condition)
        return None if left is None else judge(left, SeriesFacts(headers))
    first = headers[0]
    uids = {str(one.get("SOPInstanceUID", "")) for one in headers}
    instances = [
        one
        for one in account.instances_of(str(first.StudyInstanceUID), str(first.SeriesInstanceUID))
        if one.sop_instance_uid in uids
    ]
    return judge(condition, SeriesFacts.received(headers, instances, account.orders))


def _without_arrival(condition: Condition) -> Condition | None:
    """What it asks beside of arrival; None: nothing that could fail."""
    if condition.name:
        return None if is_of_arrival(condition.name) else condition
    if condition.not_ is not None:
        left = _without_arrival(condition.not_)
        return None if left is None else condition.model_copy(update={"not_": left})
    for name in ("all", "any"):
        parts: tuple[Condition, ...] | None = getattr(condition, name)
        if parts is None:
            continue
        left_of_all = [_without_arrival(one) for one in parts]
        kept = tuple(one for one in left_of_all if one is not None)
        # Of `any` the part that is left out may be the one that holds.
        if not kept or (name == "any" and len(kept) < len(parts)):
            return None
        return condition.model_copy(update={name: kept})
    return condition
