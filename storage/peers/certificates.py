"""The bindings (`storage.core.callers.certificate_bindings`) that a certificate meets."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes


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
