"""Which certificates prove that a caller is a peer: by fingerprint, or by a name within them.

An authority says that a certificate is its own, not which of the AE titles of its house it may
use. A peer therefore names its certificates: `sha256:` and the fingerprint of the whole
certificate (DER), or one subject alternative name (RFC 5280 4.2.1.6) as `dns:`, `ip:`, `email:` or
`uri:`. Names count as they are written in the certificate; wildcards mean nothing more.
"""

import hashlib
import ipaddress
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes

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


def fingerprint_of(pem: bytes) -> str:
    """The binding of a certificate in a PEM file. Raises ValueError where there is none."""
    certificate = x509.load_pem_x509_certificate(pem)
    return f"sha256:{certificate.fingerprint(hashes.SHA256()).hex()}"


def bindings_of(der: bytes) -> frozenset[str]:
    """All bindings that a certificate meets; its fingerprint alone where its names are broken."""
    found = {f"sha256:{hashlib.sha256(der).hexdigest()}"}
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return frozenset(found)
    found |= {f"dns:{one.lower()}" for one in names.get_values_for_type(x509.DNSName)}
    found |= {f"email:{one.lower()}" for one in names.get_values_for_type(x509.RFC822Name)}
    found |= {f"uri:{one}" for one in names.get_values_for_type(x509.UniformResourceIdentifier)}
    found |= {f"ip:{one}" for one in names.get_values_for_type(x509.IPAddress)}
    return frozenset(found)
