"""Secrets that the node must be able to say again, encrypted where they lie in the database.

Tokens of peers and secrets of webhooks are sent or signed with, so a hash will not do.
The key is a file of the data folder, made at first use and readable by the node's user
alone: a copy of the database without it shows nothing. A person who can read the data folder
can read both; against that only encrypting the disk helps.
"""

import base64
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from storage.crypto.secret_files import load_secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

log = structlog.get_logger(__name__)

_MARK = "sealed:1:"
_NONCE_BYTES = 12
_KEY_FILE = "sealing.key"
# The node makes 32; a shorter key of AES may have been put there.
_KEY_BYTES = (16, 24, 32)


class Sealer:
    """AES-256-GCM, bound to the place where a secret stands, so that none can be moved."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _KEY_FILE

    def seal(self, secret: str, place: str) -> str:
        """The secret as it may lie in the database; an empty one stays empty."""
        if not secret:
            return ""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, secret.encode(), place.encode())
        return _MARK + base64.b64encode(nonce + sealed).decode()

    def open(self, kept: str, place: str) -> str:
        """The secret; one from before there were seals as it is.

        Empty, with a line in the log, where the key is another one: the receiver
        then refuses, and the secret has to be given again.
        """
        if not kept.startswith(_MARK):
            return kept
        secret = self.unsealed(kept, place)
        if secret is None:
            log.error("secret_unreadable", place=place, key_file=str(self._path))
        return secret or ""

    def unsealed(self, kept: str, place: str) -> str | None:
        """What was sealed for this place; None where it was not, or not by this node."""
        # Here and below, for few processes have a secret to seal or to open.
        from cryptography.exceptions import InvalidTag

        try:
            sealed = base64.b64decode(kept.removeprefix(_MARK), validate=True)
            nonce, sealed = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._cipher().decrypt(nonce, sealed, place.encode()).decode()
        except (InvalidTag, ValueError):
            return None

    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(load_secret(self._path, _KEY_BYTES))


def sealing_key(data_dir: Path) -> bytes:
    """Made at first use. Raises StorageUnavailable, StorageFull."""
    return load_secret(data_dir / _KEY_FILE, _KEY_BYTES)
