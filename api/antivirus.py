"""A virus scanner of the operator's (clamd) looks at files of strangers before anybody opens them.

Asked by clamd's own protocol (INSTREAM, clamd(8)): the bytes go to it, no path does.
"""

import io
import socket
import struct
from typing import BinaryIO

import structlog

from api.errors import ApiProblem
from storage.core.untrusted_input.host_names import resolving
from storage.settings import Settings

log = structlog.get_logger(__name__)

_PIECE_BYTES = 256 * 1024
_MOST_ANSWER_BYTES = 4096


def check_bytes(settings: Settings, content: bytes) -> None:
    """The same for what is in memory."""
    check_file(settings, io.BytesIO(content))


def check_file(settings: Settings, file: BinaryIO) -> None:
    """Let the scanner look at a whole file, and leave it at its beginning; nothing without one.

    Raises 422 `malware_found`, 413 where the scanner takes no files of this size, and 503 where
    it is away: what nobody has looked at is not taken.
    """
    if not settings.antivirus:
        return
    file.seek(0)
    try:
        answer = _ask(settings, file)
    except OSError as error:
        log.error("antivirus_unavailable", detail=str(error))
        raise _unavailable() from error
    finally:
        file.seek(0)
    found = answer.removeprefix("stream: ")
    if found == "OK":
        return
    if found.endswith(" FOUND"):
        log.warning("malware_found", signature=found.removesuffix(" FOUND"))
        raise ApiProblem(
            422,
            "malware_found",
            "The virus scanner refuses the file.",
            title="The file is infected",
            remedy="Do not open it elsewhere; tell your IT security, which finds the signature in"
            " the node's log.",
        )
    if "size limit exceeded" in found:
        raise ApiProblem(
            413,
            "too_large_to_scan",
            "The virus scanner takes no files of this size.",
            remedy="Send it in parts, or let an administrator raise clamd's StreamMaxLength.",
        )
    log.error("antivirus_unavailable", detail=found[:200])
    raise _unavailable()


def _ask(settings: Settings, file: BinaryIO) -> str:
    with _connected(settings.antivirus, settings.antivirus_timeout_s) as connection:
        try:
            connection.sendall(b"zINSTREAM\0")
            while piece := file.read(_PIECE_BYTES):
                connection.sendall(struct.pack("!I", len(piece)) + piece)
            connection.sendall(struct.pack("!I", 0))
        except (BrokenPipeError, ConnectionResetError):
            # It needs no more, and answers why.
            log.info("antivirus_ended_early")
        answer = b""
        while not answer.endswith(b"\0") and len(answer) < _MOST_ANSWER_BYTES:
            more = connection.recv(_MOST_ANSWER_BYTES)
            if not more:
                break
            answer += more
    return answer.rstrip(b"\0\n").decode("utf-8", "replace")


def _connected(address: str, timeout_s: float) -> socket.socket:
    if not address.startswith("/"):
        host, _, port = address.rpartition(":")
        with resolving(host):
            return socket.create_connection((host.strip("[]"), int(port)), timeout_s)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _unavailable() -> ApiProblem:
    return ApiProblem(
        503,
        "antivirus_unavailable",
        "The virus scanner does not answer.",
        remedy="Try again later; an administrator looks after MEDIVIEW_ANTIVIRUS.",
        headers={"Retry-After": "60"},
    )
