"""The key of the site: what encrypts a backup, and what names its pieces.

One secret of 256 bits gives two keys (HKDF-SHA256, RFC 5869) and an identifier that may be shown.
A piece is encrypted with AES-256-GCM (NIST SP 800-38D) under a nonce of its own, bound to its
name, so that none can stand for another.
"""

import base64
import binascii
import secrets
from typing import Self

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.core.errors import InvalidRequest

_KEY_BYTES = 32
_NONCE_BYTES = 12
_IDENTIFIER_BYTES = 4


class BackupKey:
    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(_derived(secret, "encryption", _KEY_BYTES))
        self._naming = _derived(secret, "names", _KEY_BYTES)
        self.identifier = _derived(secret, "identifier", _IDENTIFIER_BYTES).hex()
        """Says which key it is, and nothing of the key."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key as it was printed. Raises InvalidRequest."""
        if not text:
            raise InvalidRequest(
                "MEDIVIEW_BACKUP_KEY is empty, and a backup is always encrypted.",
                remedy="Make a key with 'mediview backup new-key', set it, and keep it outside of"
                " this machine: without it no backup can be read.",
            )
        try:
            secret = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != _KEY_BYTES:
            raise InvalidRequest(
                "MEDIVIEW_BACKUP_KEY is not a key: it must be 32 bytes in base64.",
                remedy="Give it exactly as 'mediview backup new-key' printed it.",
            )
        return cls(secret)

    def name_of(self, data: bytes) -> str:
        """The same for the same bytes; who has no key cannot tell which bytes they are."""
        return str(blake3(data, key=self._naming).hexdigest())

    def encrypt(self, data: bytes, name: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, name.encode())

    def decrypt(self, sealed: bytes, name: str) -> bytes | None:
        """None where the bytes are not those that were encrypted under this name."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            return None


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _derived(secret: bytes, purpose: str, length: int) -> bytes:
    info = f"mediview backup 1 {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret)
