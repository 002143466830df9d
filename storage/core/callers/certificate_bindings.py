"""Which certificates prove that a caller is a peer: by fingerprint, or by a name within them.

An authority says that a certificate is its own, not which of the AE titles of its site it may
use. A peer therefore names its certificates: `sha256:` and the fingerprint of the whole
certificate (DER), or one subject alternative name (RFC 5280 4.2.1.6) as `dns:`, `ip:`, `email:` or
`uri:`. Names count as they are written in the certificate; wildcards mean nothing more.
"""

import ipaddress
import re

from storage.core.errors import InvalidRequest

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[\x21-\x7e]{1,253}")


def checked_binding(text: str) -> str:
    """One binding as it is kept and compared. Raises InvalidRequest."""
    kind, colon, value = text.strip().partition(":")
    kind, value = kind.lower(), value.strip()
    if kind == "sha256":
        value = value.replace(":", "").lower()
        if _FINGERPRINT.fullmatch(value):
            return f"sha256:{value}"
    elif kind == "ip":
        try:
            return f"ip:{ipaddress.ip_address(value)}"
        except ValueError:
            pass
    elif colon and kind in ("dns", "email", "uri") and _NAME.fullmatch(value):
        return f"{kind}:{value if kind == 'uri' else value.lower()}"
    raise InvalidRequest(
        f"'{text}' names no certificate.",
        remedy="Write sha256: and the fingerprint (openssl x509 -noout -fingerprint -sha256 -in"
        " FILE), or a subject alternative name such as dns:ct1.example.org or ip:10.0.0.5.",
    )
