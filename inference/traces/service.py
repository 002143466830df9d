"""Send traces of what ended since the last time."""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

import structlog

from inference.traces.otlp import Collector
from storage.container.has import HasEngine, HasEvents, HasSettings
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.traces.position import note_sent, sent_up_to
from storage.traces.reading import TOPICS, read_spans
from storage.traces.spans import TraceIds

log = structlog.get_logger(__name__)

_EVENTS_AT_ONCE = 200
# A collector that was away for longer gets what is of use still.
_OLDEST = timedelta(days=1)


class TraceStorage(HasEngine, HasEvents, HasSettings, Protocol):
    """What of the storage layer traces are made of."""


def send_traces_due(storage: TraceStorage, stopping: Callable[[], bool] = lambda: False) -> int:
    """How many spans the collector took. What it did not take is sent the next time.

    The first time nothing is sent: of what was before nobody asked for traces.
    """
    with as_node():
        return _send(storage, stopping)


def _send(storage: TraceStorage, stopping: Callable[[], bool]) -> int:
    newest = storage.events.last_id()
    position = sent_up_to(storage.engine)
    if position is None:
        note_sent(storage.engine, newest)
    if position is None or position >= newest:
        return 0
    ids, count = TraceIds(storage.settings.data_dir), 0
    collector = Collector(storage.settings)
    try:
        while not stopping():
            events = storage.events.since(position, topics=TOPICS, limit=_EVENTS_AT_ONCE)
            recent = [event for event in events if utcnow() - event.at < _OLDEST]
            spans = read_spans(storage.engine, ids, recent)
            if spans and not collector.takes(spans):
                log.warning("traces_not_taken", spans=len(spans))
                break
            count += len(spans)
            full = len(events) == _EVENTS_AT_ONCE
            position = events[-1].event_id if full else newest
            note_sent(storage.engine, position)
            if not full:
                break
    finally:
        collector.close()
    return count
