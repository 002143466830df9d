"""A model server as the site's settings describe it."""

import math
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from inference.refusals import ModelUnusable
from storage.core.errors import InvalidRequest, NotConfigured
from storage.http.url_policy import read_url
from storage.settings import Settings, is_loopback
from storage.settings.models.servers import NamedValue

_MAX_KEY_BYTES = 16 * 1024
# What gRPC addresses are to who takes them apart.
_GRPC = {"grpc:": "http:", "grpcs:": "https:"}


@dataclass(frozen=True)
class Limits:
    """How long a server may take, and how much it may answer."""

    connect_s: float
    answer_s: float
    """For the first part of an answer, and for each further one."""
    total_s: float
    max_bytes: int
    deadline_s: float = math.inf
    """Of who asks; where it is shorter than `total_s`, running into it is no server's fault."""

    @property
    def within_s(self) -> float:
        return min(self.total_s, self.deadline_s)


@dataclass(frozen=True)
class Endpoint:
    name: str
    url: str
    """Without a slash at its end."""
    limits: Limits
    key_file: Path | None = None
    ca: Path | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"The model server {self.name}"

    @property
    def is_grpc(self) -> bool:
        return self.url.startswith(tuple(_GRPC))

    @property
    def is_encrypted(self) -> bool:
        return self.url.startswith(("https:", "grpcs:"))

    @property
    def host(self) -> str:
        """Without brackets, in lower case."""
        return (urlsplit(self.url).hostname or "").rstrip(".")

    def key(self) -> str:
        """What the server asks for; empty where it asks for nothing. Raises ModelUnusable."""
        if self.key_file is None:
            return ""
        try:
            with self.key_file.open("rb") as stream:
                text = stream.read(_MAX_KEY_BYTES + 1).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise self._no_key() from error
        if not text or len(text) > _MAX_KEY_BYTES or not text.isprintable() or " " in text:
            raise self._no_key()
        return text

    def tls(self) -> ssl.SSLContext | bool:
        """How its certificate is checked. Raises ModelUnusable where the CA is unreadable."""
        if not self.is_encrypted:
            return True
        try:
            # With a file of their own, the system's authorities do not count.
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise ModelUnusable(
                f"MEDIVIEW_MODEL_SERVER_CA names {self.ca}, which holds no certificate.",
                remedy="Name the PEM file of who signs the servers' certificates.",
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _no_key(self) -> ModelUnusable:
        return ModelUnusable(
            f"The key of the model server {self.name} cannot be read from {self.key_file}.",
            remedy="Put the key alone into that file, and let the node's user read it.",
        )


def endpoint_of(settings: Settings, name: str) -> Endpoint:
    """The server of that name. Raises NotConfigured where no setting names it, or not rightly."""
    url = _value(settings.model_servers, name)
    if not url:
        known = ", ".join(one.name for one in settings.model_servers) or "none"
        raise NotConfigured(
            f"No model server is named {name} (named are: {known}).",
            remedy=f"An operator adds {name}=https://host:port to MEDIVIEW_MODEL_SERVERS.",
        )
    _check_address(name, url)
    key_file = _value(settings.model_server_keys, name)
    endpoint = Endpoint(
        name,
        url.rstrip("/"),
        Limits(
            settings.model_server_connect_s,
            settings.model_server_answer_s,
            settings.model_server_total_s,
            settings.model_server_max_bytes,
        ),
        Path(key_file).expanduser() if key_file else None,
        settings.model_server_ca,
    )
    if key_file and not endpoint.is_encrypted and not is_loopback(endpoint.host):
        raise NotConfigured(
            f"The key of the model server {name} would travel unencrypted.",
            remedy="Use an https:// or grpcs:// address in MEDIVIEW_MODEL_SERVERS.",
        )
    return endpoint


def _check_address(name: str, url: str) -> None:
    scheme = url.partition("//")[0]
    try:
        read_url(_GRPC.get(scheme, scheme) + url.removeprefix(scheme))
    except InvalidRequest as error:
        raise NotConfigured(
            f"The address of the model server {name} is none that the node could call.",
            remedy=error.remedy,
        ) from error
    parts = urlsplit(url)
    if scheme in _GRPC and (parts.port is None or parts.path.strip("/") or parts.query):
        raise NotConfigured(
            f"The address of the model server {name} is not of the form {parts.scheme}://host:port.",
            remedy="gRPC has no path, and no port of its own: Triton listens at 8001, KServe and"
            " MLServer at 8081.",
        )


def _value(named: Iterable[NamedValue], name: str) -> str:
    return next((one.value for one in named if one.name == name), "")
