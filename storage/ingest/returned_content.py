"""Which of what the node made has come back in another encoding."""

import time
from collections.abc import Sequence

import structlog

from storage.index.generated_instances import Made
from storage.ingest.content_digest import content_digest
from storage.ingest.same_content import COMPARED_MAX_BYTES

log = structlog.get_logger(__name__)

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

    def source_of(
        self,
        sop_instance_uid: str,
        digest: str,
        made: Sequence[Made],
        pieces: Sequence[bytes | memoryview],
        source: str,
    ) -> str:
        """The source of what the node made once and others send back, as it was made; else empty.

        What was withdrawn since stays foreign: as a result it would count again.
        `source` sent the file of `pieces`, whose data set has that digest.
        """
        uid = sop_instance_uid
        own = next((one for one in made if one.digest == digest), None)
        if own is None and any(one.content_digest for one in made):
            own = self.find(uid, made, pieces)
        if own is not None and own.is_withdrawn:
            log.warning("withdrawn_instance_came_back", sop_instance_uid=uid, source=source)
            return ""
        if own is not None:
            log.info("own_instance_came_back", sop_instance_uid=uid, source=source)
            return own.source
        if made:
            log.warning("own_instance_came_back_changed", sop_instance_uid=uid, source=source)
        return ""
