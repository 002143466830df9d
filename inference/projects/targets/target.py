"""What each target of an export can do. Names are those of the certificate."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from storage.core.errors import MediViewError
from storage.projects.entities import ExportedInstance


class NotTaken(MediViewError):
    """A target answered that it does not take this one instance; the others go."""

    code = "instance_not_taken"


MARKER = ".export"
"""With the identifier of the export that fills the target, until it is done."""
CERTIFICATE_NAME = "certificate.json"


class Readable(Protocol):
    """What was exported, as it lies there. `str()` names it in sentences."""

    def read(self, name: str) -> bytes | None:
        """None where it is not there. Raises PeerFailed, StorageUnavailable, OSError."""

    def digests(self, names: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Of those that are there, with the SHA-256 of each as it is now. Raises as `read`."""

    def names(self) -> Iterable[str]:
        """All that lies there. Raises as `read`."""


class ExportTarget(Readable, Protocol):
    """All methods raise PeerFailed, StorageFull and StorageUnavailable."""

    transfer: str
    """By which service instances leave; empty: they lie beside the certificate, as files."""

    def begin(self, export_id: str) -> None:
        """Make it this export's own. Raises InvalidRequest where it has something else."""

    def write(self, name: str, data: bytes) -> None:
        """Whole or not at all; back only when it is durable there, or proved to be there."""

    def missing(self, files: Sequence[ExportedInstance]) -> list[ExportedInstance]:
        """Of what was written, what the target does not have by its own word."""

    def end(self) -> None:
        """It belongs to nobody from now on."""
