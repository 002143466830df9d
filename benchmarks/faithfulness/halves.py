"""Which half a template belongs to: decided by its words, before any rule was written."""

from hashlib import sha256


def is_held_out(template: str) -> bool:
    """Whether the first byte of the SHA-256 of the template's UTF-8 text is even."""
    return sha256(template.encode()).digest()[0] % 2 == 0
