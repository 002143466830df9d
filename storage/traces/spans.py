"""Spans of a study's trace, and their identifiers."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from storage.crypto.derived_keys import derived_key

Attribute = str | int | float


class TraceIds:
    """Identifiers that every process and host finds by itself.

    By a key of the node: a study's UID cannot be recognised in them.
    """

    def __init__(self, data_dir: Path) -> None:
        """Raises StorageUnavailable, StorageFull."""
        self._key = derived_key(data_dir, "traces")

    def of_study(self, study_instance_uid: str) -> int:
        """128 bits: all spans of one study have them."""
        return int.from_bytes(self._digest("study", study_instance_uid)[:16])

    def name_of_study(self, study_instance_uid: str) -> str:
        """As OpenTelemetry writes it: 32 hexadecimal digits."""
        return f"{self.of_study(study_instance_uid):032x}"

    def of_span(self, *parts: str) -> int:
        """64 bits: the same for the same parts, so that a span which is sent again is no other."""
        return int.from_bytes(self._digest("span", *parts)[:8])

    def _digest(self, *parts: str) -> bytes:
        return hmac.digest(self._key, "\0".join(parts).encode(), hashlib.sha256)


@dataclass(frozen=True)
class Span:
    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    """None where it belongs to the study as a whole."""
    begun_at: datetime
    ended_at: datetime
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    """Names and numbers of the node's own; nothing about the patient."""
    is_error: bool = False
