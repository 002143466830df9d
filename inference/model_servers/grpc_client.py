"""Bounded calls to a model server over gRPC: in time, in size, to the address that the site names.

What `client` does for HTTP: checked addresses, no proxy, no redirect, no resolver of gRPC's own, no
compression, no repetition.
"""

from __future__ import annotations

import os
import re
import ssl
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError

from inference.model_servers.endpoint import Endpoint
from inference.model_servers.exchange import garbage
from inference.model_servers.grpc_messages import SERVICE, has_few_parts
from inference.refusals import (
    ModelServerDeclined,
    ModelServerFailed,
    ModelServerOutOfTime,
    ModelUnusable,
)
from storage.core.errors import InvalidRequest
from storage.http.url_policy import addresses_of, bracketed

_AGENT = f"MediViewAI/{version('mediview')}"
_CHECK = "Look at the server, its address in MEDIVIEW_MODEL_SERVERS and the network."
# Of a message of protobuf, and of a number among gRPC's options.
_MESSAGE_AT_MOST_BYTES = 2**31 - 1
_AUTHORITIES_AT_MOST_BYTES = 4 * 1024 * 1024
_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+")


def answer_of(endpoint: Endpoint, method: str, request: Any, response: Any, max_bytes: int) -> Any:
    """The server's answer to one message, of the class `response`.

    Raises ModelServerFailed, ModelServerOutOfTime, ModelServerDeclined, ModelUnusable.
    """
    grpc = _grpc(endpoint)
    if request.ByteSize() > _MESSAGE_AT_MOST_BYTES:
        raise ModelServerDeclined(
            f"An image takes more than the {_MESSAGE_AT_MOST_BYTES} bytes of a message of gRPC.",
            remedy="Use smaller tiles in the card, or the server's http:// address.",
        )
    body = request.SerializeToString()
    try:
        addresses = addresses_of(endpoint.host, urlsplit(endpoint.url).port or 0)
    except InvalidRequest as error:
        raise ModelServerFailed(error.message, remedy=error.remedy) from error
    except OSError as error:
        raise ModelServerFailed(
            f"{endpoint} cannot be reached: {error.strerror or 'its name is not known'}.",
            remedy=_CHECK,
        ) from error
    for address in addresses:
        with _channel(grpc, endpoint, address, max_bytes) as channel:
            call = channel.unary_unary(f"/{SERVICE}/{method}")
            try:
                answer = call(body, timeout=_timeout_s(endpoint), metadata=_metadata(endpoint))
            except grpc.RpcError as error:
                # Nothing of the message has been sent: the next address may answer.
                if _never_connected(grpc, error) and address != addresses[-1]:
                    continue
                raise _failure(grpc, endpoint, error, max_bytes, len(body)) from None
        return _parsed(endpoint, response, answer)
    raise ModelServerFailed(
        f"{endpoint} cannot be reached: its host has no address.", remedy=_CHECK
    )


def _grpc(endpoint: Endpoint) -> Any:
    # Its own messages name addresses, and what a server says.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        import grpc
    except ImportError as error:
        raise ModelUnusable(
            f"{endpoint} has a gRPC address, and the package grpcio is not installed.",
            remedy="Install the node with the extra grpc (pip install mediview[grpc]), or name the"
            " server's http:// address.",
        ) from error
    return grpc


def _channel(grpc: Any, endpoint: Endpoint, address: str, max_bytes: int) -> Any:
    """A connection of its own for each call, as over HTTP: no forked child shares it."""
    parts = urlsplit(endpoint.url)
    family = "ipv6" if ":" in address else "ipv4"
    target = f"{family}:{bracketed(address)}:{parts.port}"
    connect_ms = int(endpoint.limits.connect_s * 1000)
    options: list[tuple[str, int | str]] = [
        ("grpc.default_authority", f"{bracketed(endpoint.host)}:{parts.port}"),
        ("grpc.primary_user_agent", _AGENT),
        ("grpc.max_receive_message_length", min(max_bytes, _MESSAGE_AT_MOST_BYTES)),
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_http_proxy", 0),
        ("grpc.enable_retries", 0),
        ("grpc.service_config_disable_resolution", 1),
        # It would inflate what is compressed before it looks at its size.
        ("grpc.per_message_decompression", 0),
        # Only without compression (bit 0 of the algorithms).
        ("grpc.compression_enabled_algorithms_bitset", 1),
        # Else a channel waits with those that failed before it.
        ("grpc.use_local_subchannel_pool", 1),
        # What a connection may take to come about; and again, once it has failed.
        ("grpc.min_reconnect_backoff_ms", connect_ms),
        ("grpc.initial_reconnect_backoff_ms", connect_ms),
    ]
    if not endpoint.is_encrypted:
        return grpc.insecure_channel(target, options)
    # The certificate must name whom we mean, not the address that we found.
    options.append(("grpc.ssl_target_name_override", endpoint.host))
    credentials = grpc.ssl_channel_credentials(_authorities(endpoint))
    return grpc.secure_channel(target, credentials, options)


def _authorities(endpoint: Endpoint) -> bytes:
    """PEM of who may sign the server's certificate. Without a setting gRPC would take a list of
    its own instead of the system's. Raises ModelUnusable."""
    endpoint.tls()
    if endpoint.ca is not None:
        return _read(endpoint.ca)
    system = ssl.get_default_verify_paths()
    if system.cafile:
        return _read(Path(system.cafile))
    folder = Path(system.capath) if system.capath else None
    files = sorted(folder.iterdir()) if folder and folder.is_dir() else []
    found = b"\n".join(_read(one) for one in files if _HASHED_NAME.fullmatch(one.name))
    if not found:
        raise ModelUnusable(
            f"{endpoint} has an encrypted address, and this system knows no authorities.",
            remedy="Name the PEM file of who signs the servers' certificates in"
            " MEDIVIEW_MODEL_SERVER_CA.",
        )
    return found


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_AUTHORITIES_AT_MOST_BYTES)


def _timeout_s(endpoint: Endpoint) -> float:
    """An answer of gRPC comes as a whole: its first part is its last."""
    limits = endpoint.limits
    return min(limits.connect_s + limits.answer_s, limits.within_s)


def _metadata(endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    key = endpoint.key()
    return (("authorization", f"Bearer {key}"),) if key else ()


def _parsed(endpoint: Endpoint, response: Any, answer: bytes) -> Any:
    try:
        if not has_few_parts(answer):
            raise garbage(endpoint, "a message of too many parts")
        return response.FromString(answer)
    except DecodeError as error:
        raise garbage(endpoint, "no message of the protocol, or a compressed one") from error


def _never_connected(grpc: Any, error: Any) -> bool:
    details = error.details() or ""
    return error.code() is grpc.StatusCode.UNAVAILABLE and details.startswith("failed to connect")


def _failure(grpc: Any, endpoint: Endpoint, error: Any, max_bytes: int, sent: int) -> Exception:
    """What a status means. What the server says beside it is not shown: it may repeat what was
    sent."""
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return _late(endpoint)
    if _never_connected(grpc, error):
        return ModelServerFailed(f"{endpoint} cannot be reached: {_why(details)}.", remedy=_CHECK)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details:
        if "CLIENT: Received" in details:
            return ModelServerFailed(
                f"{endpoint} answered more than {max_bytes} bytes.",
                remedy="Check which server answers at the address.",
            )
        return ModelServerDeclined(
            f"{endpoint} takes no message of {sent} bytes.",
            remedy="Raise its limit (grpc_max_message_length of MLServer), or use smaller tiles in"
            " the card.",
        )
    return _refusal(endpoint, str(getattr(code, "name", code)))


def _refusal(endpoint: Endpoint, status: str) -> Exception:
    if status in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return ModelUnusable(
            f"{endpoint} answered {status}: its key is missing or not accepted.",
            remedy=f"Name a file with the key in MEDIVIEW_MODEL_SERVER_KEYS={endpoint.name}=….",
        )
    if status == "NOT_FOUND":
        return ModelUnusable(
            f"{endpoint} answered NOT_FOUND: it has no such model.",
            remedy="Compare the name and the version of the model with the server.",
        )
    if status == "UNIMPLEMENTED":
        return ModelUnusable(
            f"{endpoint} does not speak the Open Inference Protocol over gRPC.",
            remedy="Check its port in MEDIVIEW_MODEL_SERVERS.",
        )
    if status in ("INVALID_ARGUMENT", "OUT_OF_RANGE"):
        return ModelServerDeclined(
            f"{endpoint} declined the input ({status}).",
            remedy="It may be longer than the model takes, or of a kind that it does not know.",
        )
    return ModelServerFailed(f"{endpoint} failed ({status}).", remedy=_CHECK)


def _late(endpoint: Endpoint) -> ModelServerFailed:
    limits = endpoint.limits
    waited_s = _timeout_s(endpoint)
    if limits.deadline_s < min(limits.total_s, limits.connect_s + limits.answer_s):
        return ModelServerOutOfTime(
            f"{endpoint} was not ready within the {limits.deadline_s:g} s of this answer.",
            remedy="Ask less at a time, or raise MEDIVIEW_LANGUAGE_DEADLINE_S.",
        )
    setting = "TOTAL_S" if waited_s == limits.total_s else "ANSWER_S"
    return ModelServerFailed(
        f"{endpoint} took longer than {waited_s:g} s (MEDIVIEW_MODEL_SERVER_{setting}).",
        remedy=_CHECK,
    )


def _why(details: str) -> str:
    """Of a connection that did not come about, in our own words."""
    for sign, words in (
        ("CERTIFICATE_VERIFY_FAILED", "its certificate is not accepted"),
        ("Hostname", "its certificate is not accepted, it names another host"),
        ("Connection refused", "Connection refused"),
        ("SSL", "it does not speak TLS there"),
        ("HTTP/2", "it does not speak gRPC there"),
    ):
        if sign in details:
            return words
    return "it did not answer in time"
