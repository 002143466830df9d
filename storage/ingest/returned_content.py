"""Which of what the node made has come back in another encoding."""

import time
from collections.abc import Sequence

from storage.index.generated_instances import Made
from storage.ingest.content_digest import content_digest
from storage.ingest.same_content import COMPARED_MAX_BYTES

_AGAIN_S = 60.0
_REMEMBERED = 10_000


class ReturnedContent:
    """Decodes the whole file, up to 512 MiB, one at a time: after one that was changed nothing else
    under its UID is looked at for a minute, and stays foreign. Of one process."""

    def __init__(self) -> None:
        self._found_changed: dict[str, float] = {}

    def find(
        self, sop_instance_uid: str, made: Sequence[Made], pieces: Sequence[bytes | memoryview]
    ) -> Made | None:
        """`pieces` make up the file; `made`: all that the node made under its UID."""
        now = time.monotonic()
        changed_at = self._found_changed.get(sop_instance_uid)
        if sum(map(len, pieces)) > COMPARED_MAX_BYTES:
            return None
        if changed_at is not None and now - changed_at < _AGAIN_S:
            return None
        content = content_digest(b"".join(pieces))
        own = next((one for one in made if content and one.content_digest == content), None)
        if own is None:
            if len(self._found_changed) >= _REMEMBERED:
                self._found_changed.clear()
            self._found_changed[sop_instance_uid] = now
        return own
