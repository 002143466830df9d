"""`mediview-probe`: what schedulers of containers ask a process that does not speak HTTP.

    mediview-probe port 11112                          # it accepts connections, and serves them
    mediview-probe sign /tmp/signs/beat --within 60    # its last sign of life is no older
    mediview-probe container                           # the role of this container's first process

Asked every few seconds, it imports the standard library alone. The exit status is the answer; what
failed stands on standard error, where `kubectl describe pod` shows it.
"""

import argparse
import http.client
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_PORT_WITHIN_S = 5.0
_SIGN_WITHIN_S = 60.0
_ROLES = ("up", "api", "scp", "hl7", "worker", "beat")
_FIRST_PROCESS = Path("/proc/1/cmdline")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 where the process works, else 1."""
    parser = argparse.ArgumentParser(prog="mediview-probe", description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    port = kinds.add_parser("port", help="whether connections to it are served")
    port.add_argument("port", type=int)
    port.add_argument("--host", default="127.0.0.1")
    port.add_argument("--within", type=float, default=_PORT_WITHIN_S, metavar="SECONDS")
    sign = kinds.add_parser("sign", help="whether a sign of life is fresh")
    sign.add_argument("file", type=Path)
    sign.add_argument("--within", type=float, default=_SIGN_WITHIN_S, metavar="SECONDS")
    kinds.add_parser("container", help="whether the role that this container runs works")
    given = parser.parse_args(arguments)
    if given.kind == "port":
        failure = port_failure(given.host, given.port, given.within)
    elif given.kind == "sign":
        failure = sign_failure(given.file, given.within, time.time())
    else:
        words = _FIRST_PROCESS.read_bytes().decode(errors="replace").replace("\0", " ").split()
        failure = container_failure(words, os.environ)
    if failure:
        print(failure, file=sys.stderr)
    return 1 if failure else 0


def container_failure(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """Why the role of a container's command line does not work, or nothing.

    Ports and the folder of signs are those of the environment, as images set them. A command that
    ends by itself, such as a migration, is no role: its exit status is the answer.
    """
    called = next((i for i, word in enumerate(words) if word.endswith("mediview")), len(words))
    role = next(iter(words[called + 1 :]), "")
    if role not in _ROLES:
        return ""
    signs = environment.get("MEDIVIEW_SIGNS_OF_LIFE_DIR", "")
    if role in {"worker", "beat"}:
        if not signs:
            return "MEDIVIEW_SIGNS_OF_LIFE_DIR names no folder."
        name = "beat" if role == "beat" else f"worker-{_queue(words)}"
        return sign_failure(Path(signs) / name, _SIGN_WITHIN_S, time.time())
    failure = ""
    if role in {"up", "api"}:
        failure = http_failure(int(environment.get("MEDIVIEW_HTTP_PORT") or 8000))
    if role in {"up", "scp"} and not failure:
        failure = port_failure("127.0.0.1", _dicom_port(environment), _PORT_WITHIN_S)
    if role == "hl7":
        failure = port_failure(
            "127.0.0.1", int(environment.get("MEDIVIEW_HL7_PORT") or 2575), _PORT_WITHIN_S
        )
    return failure


def _queue(words: Sequence[str]) -> str:
    """The queue of `mediview worker`; jobs unless one is named."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--queue":
            return following
        if word.startswith("--queue="):
            return word.partition("=")[2]
    return "jobs"


def _dicom_port(environment: Mapping[str, str]) -> int:
    """The one in the clear, or that of TLS where no other is open."""
    is_plain = environment.get("MEDIVIEW_DICOM_PLAIN", "").lower() not in {"false", "0", "no"}
    name = "MEDIVIEW_DICOM_PORT" if is_plain else "MEDIVIEW_DICOM_TLS_PORT"
    return int(environment.get(name) or 11112)


def http_failure(port: int) -> str:
    """Why the API does not answer on this machine, or nothing."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PORT_WITHIN_S)
    try:
        connection.request("GET", "/livez")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"Port {port} does not answer over HTTP: {error or type(error).__name__}."
    finally:
        connection.close()
    return "" if status == http.client.OK else f"/livez answered {status}."


def port_failure(host: str, port: int, within_s: float) -> str:
    """Why nothing serves the port, or nothing.

    The kernel accepts for a process that hangs. So the probe ends its direction of the stream, and
    waits until the process ends the other one: DICOM, TLS and MLLP all do. It asks for no
    association, and leaves nothing in log and audit trail.
    """
    until_s = time.monotonic() + within_s
    try:
        with socket.create_connection((host, port), within_s) as connection:
            connection.shutdown(socket.SHUT_WR)
            while (left_s := until_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                if not connection.recv(4096):
                    return ""
    except ConnectionResetError:
        # An answer, too: it closed without reading the end.
        return ""
    except TimeoutError:
        pass
    except OSError as error:
        return f"Port {port} of {host} cannot be reached: {error.strerror or error}."
    return f"Port {port} of {host} accepts connections, but serves none within {within_s:g} s."


def sign_failure(file: Path, within_s: float, now_s: float) -> str:
    """Why the sign of life does not count, or nothing. One of the future does: a clock was set."""
    try:
        age_s = now_s - file.stat().st_mtime
    except OSError as error:
        return f"{file} has no sign of life: {error.strerror or error}."
    return "" if age_s <= within_s else f"The last sign of life in {file} is {age_s:.0f} s old."


if __name__ == "__main__":
    sys.exit(main())
