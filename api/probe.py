"""`mediview-probe`: what schedulers of containers ask a process that does not speak HTTP.

    mediview-probe port 11112                          # it accepts connections, and serves them
    mediview-probe sign /tmp/signs/beat --within 60    # its last sign of life is no older

Asked every few seconds, it imports the standard library alone. The exit status is the answer; what
failed stands on standard error, where `kubectl describe pod` shows it.
"""

import argparse
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_PORT_WITHIN_S = 5.0
_SIGN_WITHIN_S = 60.0


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
    given = parser.parse_args(arguments)
    if given.kind == "port":
        failure = port_failure(given.host, given.port, given.within)
    else:
        failure = sign_failure(given.file, given.within, time.time())
    if failure:
        print(failure, file=sys.stderr)
    return 1 if failure else 0


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
