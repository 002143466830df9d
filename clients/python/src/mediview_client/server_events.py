"""Read server-sent events (HTML Standard 9.2) as the node writes them."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class NodeEvent:
    """Something that happened. `event_id` resumes after it; `data` names studies and jobs."""

    event_id: int
    type: str
    """`study`, `job`, `delivery`, `finding`, `upload`, …; `reset` says that events are lost."""
    data: dict[str, Any]


class EventReader:
    """Takes the lines of a stream and gives each event at its last line."""

    def __init__(self, last_event_id: int | None) -> None:
        self.last_event_id = last_event_id
        """Where a new stream has to go on."""
        self._type = "message"
        self._data: list[str] = []

    def feed(self, line: str) -> NodeEvent | None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and value.isdecimal():
            self.last_event_id = int(value)
        elif name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif not line:
            return self._dispatched()
        return None

    def _dispatched(self) -> NodeEvent | None:
        type_, data = self._type, "\n".join(self._data)
        self._type, self._data = "message", []
        if not data:
            return None
        return NodeEvent(self.last_event_id or 0, type_, json.loads(data))
