"""Fetch the parts of a source that are not done yet, some at a time."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import structlog

from dicom_node.archives.receiving import Counts, Receiving
from dicom_node.imports.journal import Journal
from dicom_node.imports.sources import ImportSource, Part
from dicom_node.peers import PeerFailed
from storage.ingest.service import Ingest

log = structlog.get_logger(__name__)

# Writes are made durable together, so several at a time cost little more than one.
AT_ONCE = 4
# A source that fails so often in a row is away; the next run goes on.
_FAILURES_IN_A_ROW = 5


@dataclass
class Imported:
    """What an import came to. `failed`: parts that could not be fetched, and why."""

    counts: Counts = field(default_factory=Counts)
    parts: int = 0
    known: int = 0
    """Parts that an earlier run had finished."""
    earlier: Counts = field(default_factory=Counts)
    """What these came to then."""
    failed: list[str] = field(default_factory=list)
    was_given_up: bool = False


def import_all(
    ingest: Ingest,
    source: ImportSource,
    journal: Journal,
    label: str,
    on_part: Callable[[Imported], None] = lambda _: None,
    at_once: int = AT_ONCE,
) -> Imported:
    """Bring everything in. `label`: the `source` of its instances.

    A part that breaks off is fetched again by the next run; what of it was stored stays. Raises
    PeerFailed where the source cannot be listed, StorageFull and StorageUnavailable.
    """
    result = Imported()
    in_a_row = 0

    def fetch(part: Part) -> Counts:
        receiving = Receiving(ingest, label)
        part.fetch(receiving)
        return receiving.counts

    def settle(running: dict[Future[Counts], Part], *, at_most: int) -> None:
        nonlocal in_a_row
        while len(running) > at_most:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                part = running.pop(future)
                try:
                    counts = future.result()
                    result.counts.add(counts)
                    if not counts.worth_another_try:
                        journal.done(part.key, counts)
                    in_a_row = 0
                except PeerFailed as error:
                    result.failed.append(error.message)
                    log.warning("part_not_imported", source=source.name, error=error.code)
                    in_a_row += 1
                on_part(result)

    with ThreadPoolExecutor(at_once, thread_name_prefix="import") as pool:
        running: dict[Future[Counts], Part] = {}
        try:
            for part in source.parts():
                result.parts += 1
                if journal.is_done(part.key):
                    result.known += 1
                    result.earlier.add(journal.counts_of(part.key))
                    continue
                running[pool.submit(fetch, part)] = part
                settle(running, at_most=at_once - 1)
                if in_a_row >= _FAILURES_IN_A_ROW:
                    result.was_given_up = True
                    break
            settle(running, at_most=0)
        finally:
            for future in running:
                future.cancel()
    return result
