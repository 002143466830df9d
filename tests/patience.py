"""Clients of tests that wait as long as a busy machine takes, and start without much ado."""

import ssl
from functools import cache
from typing import Any

from httpx._config import DEFAULT_TIMEOUT_CONFIG, create_ssl_context
from httpx._transports import default

# httpx gives five seconds to who names no time; where other tests keep all cores busy, an answer
# that takes none by itself may take more.
PATIENCE_S = 120.0


def be_patient() -> None:
    """For this process; what names a time of its own keeps it."""
    for name in ("connect", "read", "write", "pool"):
        setattr(DEFAULT_TIMEOUT_CONFIG, name, PATIENCE_S)


@cache
def _usual_authorities() -> ssl.SSLContext:
    return create_ssl_context()


def _context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    if verify is True and cert is None:
        return _usual_authorities()
    return create_ssl_context(verify=verify, cert=cert, trust_env=trust_env)


def read_authorities_once() -> None:
    """For this process: httpx reads 150 certificates for each client, most of which speak HTTP."""
    default.create_ssl_context = _context  # type: ignore[attr-defined]
