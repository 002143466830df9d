"""Digests of the content of what the node made, taken while it is stored.

Not when it is made: a segmentation of 1,600 frames takes seconds, for which nobody should wait.
Until then, and where there is none, its bytes alone prove it.
"""

import time
from dataclasses import dataclass

from sqlalchemy import Engine

from storage.core.errors import InstanceDamaged, NotFound
from storage.index.generated_instances import note_content, without_content_digest
from storage.index.repository import Index
from storage.ingest.content_digest import content_digest
from storage.ingest.same_content import COMPARED_MAX_BYTES
from storage.integrity.instance_reader import InstanceReader

_AT_ONCE = 50


@dataclass
class Progress:
    """Where the next round goes on, so that one that cannot be read holds no others up."""

    after: int = 0


def digest_contents(
    engine: Engine,
    instances: InstanceReader,
    budget_s: float = 1.0,
    progress: Progress | None = None,
) -> None:
    """Digest one or more, as far as the time lasts. Raises StorageUnavailable."""
    progress = progress or Progress()
    index = Index(engine)
    deadline = time.monotonic() + budget_s
    found = without_content_digest(engine, _AT_ONCE, progress.after)
    for row_id, uid, digest in found:
        progress.after = row_id
        content = b""
        try:
            instance = index.instance(uid)
            if instance.size_bytes <= COMPARED_MAX_BYTES:
                content = instances.read(instance)
        except NotFound:
            # Deleted meanwhile; noted no more until it is back.
            continue
        except InstanceDamaged:
            pass
        # First, for a file whose decoding ends the process is not to be tried again and again.
        note_content(engine, uid, digest, "")
        if content and (digested := content_digest(content)):
            note_content(engine, uid, digest, digested)
        if time.monotonic() >= deadline:
            return
    if len(found) < _AT_ONCE:
        progress.after = 0
