"""TLS as BCP 195 (RFC 9325) and PS3.15 B.12 ask for it, in both roles.

TLS 1.2 and 1.3 with forward secrecy and authenticated encryption; nothing older
and nothing weaker is offered, so that there is nothing to fall back to.
"""

import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer, TlsVerify
from storage.settings import Settings

log = structlog.get_logger(__name__)

# RFC 9325 4.2, which PS3.15 B.9 and B.12 refer to; TLS 1.3 has suites of its own, all of this kind.
CIPHER_SUITES = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
_CLIENT_AUTH = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class ClientTls:
    """How a peer is called over TLS."""

    verify: TlsVerify
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def of(cls, peer: KnownPeer, settings: Settings) -> "ClientTls | None":
        """None for a peer without TLS."""
        if not peer.tls:
            return None
        return cls(peer.tls_verify, settings.tls_ca, settings.tls_certificate, settings.tls_key)

    def context(self) -> ssl.SSLContext:
        """Read the files. Raises OSError (ssl.SSLError) where they are not what they should be."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _harden(context)
        context.check_hostname = self.verify == "full"
        context.verify_mode = ssl.CERT_NONE if self.verify == "none" else ssl.CERT_REQUIRED
        if self.ca is not None:
            context.load_verify_locations(self.ca)
        elif self.verify == "chain":
            # Any certificate of any public authority would do, no matter whose.
            raise FileNotFoundError(2, "MEDIVIEW_TLS_CA names no authority")
        elif self.verify == "full":
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


class ServerTls:
    """The context of new connections; made again when one of its files changes.

    A file that cannot be used leaves the context as it was, and is logged once.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises InvalidRequest where the files cannot be used now."""
        self._settings = settings
        self._files = [
            path
            for path in (settings.tls_certificate, settings.tls_key, settings.tls_ca)
            if path is not None
        ]
        self._lock = threading.Lock()
        self._seen = _stamps(self._files)
        try:
            self._context = self._make()
        except OSError as error:
            raise InvalidRequest(
                f"The DICOM node cannot use its TLS files: {tls_words(error)}.",
                remedy="Check MEDIVIEW_TLS_CERTIFICATE, MEDIVIEW_TLS_KEY and MEDIVIEW_TLS_CA.",
            ) from error

    def context(self) -> ssl.SSLContext:
        stamps = _stamps(self._files)
        with self._lock:
            if stamps != self._seen:
                self._seen = stamps
                try:
                    self._context = self._make()
                    log.info("tls_files_read")
                except OSError as error:
                    # The key may be written after its certificate: the next change is read again.
                    log.error("tls_files_unusable", detail=tls_words(error))
            return self._context

    def _make(self) -> ssl.SSLContext:
        settings = self._settings
        if settings.tls_certificate is None:
            raise FileNotFoundError(2, "no certificate is named")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _harden(context)
        context.verify_mode = _CLIENT_AUTH[settings.tls_client_auth]
        if context.verify_mode != ssl.CERT_NONE:
            if settings.tls_ca is None:
                # Never the system's: those sign certificates for everybody.
                raise FileNotFoundError(2, "MEDIVIEW_TLS_CA names no authority")
            context.load_verify_locations(settings.tls_ca)
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
        return context


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(CIPHER_SUITES))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


def _stamps(files: Sequence[Path]) -> list[tuple[int, int, int] | None]:
    stamps: list[tuple[int, int, int] | None] = []
    for path in files:
        try:
            status = path.stat()
            stamps.append((status.st_mtime_ns, status.st_size, status.st_ino))
        except OSError:
            stamps.append(None)
    return stamps


def tls_words(error: OSError) -> str:
    """What is wrong with files or a handshake, without the places in OpenSSL's source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted, {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return error.strerror or type(error).__name__
