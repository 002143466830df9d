"""The node's signature under what others keep: Ed25519, by a key of the data folder."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from storage.crypto.secret_files import load_secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


_KEY_BYTES = (32,)


class SigningKey:
    """Made at first use, and readable by the node's user alone."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "signing.key"

    def sign(self, data: bytes) -> str:
        """In base64."""
        return base64.b64encode(self._key().sign(data)).decode()

    @property
    def public_key(self) -> str:
        """The 32 bytes of RFC 8032 in base64."""
        return base64.b64encode(self._key().public_key().public_bytes_raw()).decode()

    def _key(self) -> "Ed25519PrivateKey":
        # Few processes have something to sign.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(load_secret(self._path, _KEY_BYTES))


def is_signed(data: bytes, signature: str, public_key: str) -> bool:
    """Whether the owner of the key signed exactly these bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError):
        return False
    return True
