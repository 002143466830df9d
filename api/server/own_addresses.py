"""Where this machine reaches its own node."""

from dicom_node.network.tls import ClientTls
from dicom_node.peers import Peer
from storage.settings import Settings

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def own_dicom_peer(settings: Settings) -> Peer:
    host = _EVERYWHERE.get(settings.dicom_host, settings.dicom_host)
    tls = None
    if not settings.dicom_plain:
        # It is this machine: whose certificate it shows need not be checked.
        tls = ClientTls("none", certificate=settings.tls_certificate, key=settings.tls_key)
    return Peer(settings.ae_title, host, settings.called_dicom_port, tls)


def own_http_url(settings: Settings) -> str:
    """Not the public address: that may lead through a proxy that is not up yet."""
    host = _EVERYWHERE.get(settings.http_host, settings.http_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}"
