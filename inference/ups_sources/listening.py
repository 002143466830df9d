"""One thread for each worklist of another system: its events by WebSocket, and polls beside them.

Events make it faster and bring requests for cancellation; without them, polling alone finds work.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

import structlog
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection

from inference.failures import place
from inference.pipeline import Pipeline
from inference.ups_sources.client import MOST_ELEMENTS, UpsSource
from inference.ups_sources.dimse import DimseUpsSource
from inference.ups_sources.performing import SourceStorage, claim_new, report, resume
from inference.ups_sources.source import WorkitemSource
from storage.core.errors import MediViewError
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.settings.interfaces.ups_sources import PEER
from storage.ups.dicom_json import JsonAttributes
from storage.ups.events import CANCEL_REQUESTED
from storage.ups.requests import cancel_claimed

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 0.5
# Between searches, however many events come: a source may send one for each of thousands of items.
_SEARCH_AT_MOST_EVERY_S = 1.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


def perform_for_others(
    storage: SourceStorage,
    stopping: Callable[[], bool],
    pipelines: Sequence[Pipeline] | None = None,
) -> None:
    """Until the process stops. Each source has a thread: one that hangs keeps no other waiting."""
    threads = [
        threading.Thread(
            target=SourceThread(
                storage,
                source_of(storage, name, address),
                stopping,
                pipelines,
            ).run,
            name=f"ups source {name}",
            daemon=True,
        )
        for name, address in storage.settings.ups_sources
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def source_of(storage: SourceStorage, name: str, address: str) -> WorkitemSource:
    """By the address of the settings: `peer:NAME`, or that of a UPS-RS service."""
    settings = storage.settings
    if address.startswith(PEER):
        return DimseUpsSource(name, address.removeprefix(PEER), storage.peers, settings)
    return UpsSource(name, address, settings.ups_authorization_of(name), settings.tls_ca)


class SourceThread:
    def __init__(
        self,
        storage: SourceStorage,
        source: WorkitemSource,
        stopping: Callable[[], bool],
        pipelines: Sequence[Pipeline] | None = None,
    ) -> None:
        self._storage = storage
        self._source = source
        self._stopping = stopping
        self._pipelines = pipelines
        self._is_resumed = False
        self._polled_at = float("-inf")
        self._has_news = False

    def run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping():
            try:
                self._follow()
                pause_s = _FIRST_PAUSE_S
            except MediViewError as error:
                log.warning("ups_source_lost", source=self._source.name, reason=error.message)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: the source may mend it
                log.error(
                    "ups_source_failed",
                    source=self._source.name,
                    error=type(error).__name__,
                    place=place(error),
                )
                pause_s = _LONGEST_PAUSE_S
            self._wait(pause_s)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stopping():
            time.sleep(min(_LOOK_EVERY_S, max(until - time.monotonic(), 0.0)))

    def _follow(self) -> None:
        """Until the channel ends. Raises PeerFailed where the source does not answer."""
        if not self._is_resumed:
            resume(self._storage, self._source, self._pipelines)
            self._is_resumed = True
        with ExitStack() as stack:
            channel = self._channel(stack)
            while not self._stopping():
                self._poll()
                report(self._storage, self._source)
                if channel is None:
                    self._wait(_LOOK_EVERY_S)
                elif not self._listen(channel):
                    return

    def _channel(self, stack: ExitStack) -> ClientConnection | None:
        """None where the source has none: it is polled then.

        By DIMSE events come to the node's own SCP (`dicom_node.ups.event_scp`).
        """
        title = self._storage.settings.ae_title
        if not self._source.subscribe(title):
            log.info("ups_source_without_events", source=self._source.name)
            return None
        channel = self._source.channel(title)
        if channel is None:
            return None
        try:
            return stack.enter_context(channel)
        except (OSError, WebSocketException) as error:
            log.warning(
                "ups_source_without_events", source=self._source.name, error=type(error).__name__
            )
            return None

    def _poll(self) -> None:
        poll_s = self._storage.settings.ups_poll_s
        due_s = min(poll_s, _SEARCH_AT_MOST_EVERY_S) if self._has_news else poll_s
        if time.monotonic() - self._polled_at >= due_s:
            self._has_news = False
            self._polled_at = time.monotonic()
            claim_new(self._storage, self._source, self._pipelines)

    def _listen(self, channel: ClientConnection) -> bool:
        """False where the channel has ended."""
        try:
            text = channel.recv(_LOOK_EVERY_S)
        except TimeoutError:
            return True
        except ConnectionClosed:
            return False
        raw = text.encode() if isinstance(text, str) else text
        with suppress(ValueError, MediViewError):
            self._take(load_bounded_json(raw, MOST_ELEMENTS, strict=True))
        return True

    def _take(self, decoded: object) -> None:
        """One event report: a cancellation is asked for, or there may be something new."""
        if isinstance(decoded, list) and len(decoded) == 1:
            decoded = decoded[0]
        if not isinstance(decoded, dict):
            return
        if _first(decoded, "00001002") != CANCEL_REQUESTED:
            self._has_news = True
            return
        uid = _first(decoded, "00001000")
        if isinstance(uid, str) and self._storage.claimed_elsewhere.is_of(uid, self._source.name):
            log.info("work_item_cancel_requested", workitem_uid=uid, source=self._source.name)
            cancel_claimed(self._storage, uid, self._source.name, _reasons(decoded))


_REASONS = ("00741238", "0074100E", "0074100A", "0074100C")
"""ReasonForCancellation, its codes, and the contact of who asks."""


def _reasons(decoded: JsonAttributes) -> JsonAttributes:
    return {
        tag: decoded[tag]
        for tag in _REASONS
        if isinstance(decoded.get(tag), dict) and isinstance(decoded[tag].get("vr"), str)
    }


def _first(decoded: JsonAttributes, tag: str) -> object:
    element = decoded.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None
