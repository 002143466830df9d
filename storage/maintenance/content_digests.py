"""Digests of the content of what the node made, taken while it is stored.

Not when it is made: a segmentation of 1,600 frames takes seconds, for which nobody should wait.
Until then, and where there is none, its bytes alone prove it.
"""

import time

from sqlalchemy import Engine

from storage.core.errors import InstanceDamaged, NotFound
from storage.index.generated_instances import note_content, without_content_digest
from storage.index.repository import Index
from storage.ingest.content_digest import content_digest
from storage.ingest.same_content import COMPARED_MAX_BYTES
from storage.integrity.instance_reader import InstanceReader

_AT_ONCE = 50


def digest_contents(engine: Engine, instances: InstanceReader, budget_s: float = 1.0) -> None:
    """Digest one or more, as far as the time lasts. Raises StorageUnavailable."""
    index = Index(engine)
    deadline = time.monotonic() + budget_s
    for uid, digest in without_content_digest(engine, _AT_ONCE):
        content = ""
        try:
            instance = index.instance(uid)
            if instance.size_bytes <= COMPARED_MAX_BYTES:
                content = content_digest(instances.read(instance))
        except NotFound:
            # Deleted meanwhile.
            continue
        except InstanceDamaged:
            pass
        note_content(engine, uid, digest, content)
        if time.monotonic() >= deadline:
            return
