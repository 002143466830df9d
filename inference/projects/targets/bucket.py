"""An export as objects of a bucket, below the prefix that its peer's entry states."""

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence

from dicom_node.peers import PeerFailed
from inference.deliveries.destinations.bucket import KIND, is_stored
from inference.deliveries.destinations.bucket_client import BucketClient, NotThere
from inference.projects.targets.target import MARKER
from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer
from storage.projects.entities import ExportedInstance
from storage.settings import Settings

_PIECE_BYTES = 1 << 20
# What is read whole: certificates and sidecars. A million instances make some 250 MB.
_WHOLE_AT_MOST = 1 << 30
_TYPES = {"dcm": "application/dicom", "json": "application/json", "csv": "text/csv"}


class BucketTarget:
    transfer = ""

    def __init__(self, settings: Settings, peer: KnownPeer, folder: str) -> None:
        """Raises InvalidRequest where the operator does not allow the host (any more)."""
        KIND.check(peer, settings)
        self._client = BucketClient(peer, settings)
        self._folder = folder

    def __str__(self) -> str:
        return f"{self._client}/{self._folder}"

    def begin(self, export_id: str) -> None:
        marker = self.read(MARKER)
        if marker is None and next(self._client.names(self._folder, at_most=1), None) is None:
            self.write(MARKER, export_id.encode())
        elif marker != export_id.encode():
            raise InvalidRequest(f"{self} is not empty.", remedy="Name a new folder of the bucket.")

    def write(self, name: str, data: bytes) -> None:
        key = self._key(name)
        kind = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        self._client.upload(key, io.BytesIO(data), kind)
        if not is_stored(self._client, key, lambda: io.BytesIO(data)):
            raise PeerFailed(f"{self} took {name} and does not have it as it was sent.")

    def missing(self, files: Sequence[ExportedInstance]) -> list[ExportedInstance]:
        there = set(self.names())
        return [one for one in files if one.name not in there]

    def end(self) -> None:
        self._client.delete(self._key(MARKER))

    def read(self, name: str) -> bytes | None:
        found = bytearray()
        try:
            with self._client.opened(self._key(name)) as stored:
                while piece := stored.read(_PIECE_BYTES):
                    found += piece
                    if len(found) > _WHOLE_AT_MOST:
                        raise PeerFailed(f"{name} of {self} has more than {_WHOLE_AT_MOST} bytes.")
        except NotThere:
            return None
        return bytes(found)

    def digests(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        for name in names:
            digest = hashlib.sha256()
            try:
                with self._client.opened(self._key(name)) as stored:
                    while piece := stored.read(_PIECE_BYTES):
                        digest.update(piece)
            except NotThere:
                continue
            yield name, digest.hexdigest()

    def names(self) -> Iterable[str]:
        cut = len(self._folder) + 1
        return (name[cut:] for name in self._client.names(self._folder))

    def _key(self, name: str) -> str:
        return f"{self._folder}/{name}"
