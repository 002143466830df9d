"""Reads the command line, speaks to the node, and says in a sentence what went wrong."""

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import httpx

from mediview_client._sync.client import MediView
from mediview_client.cli import completion
from mediview_client.cli.commands import COMMANDS, GROUPS
from mediview_client.cli.output import Output, complain
from mediview_client.cli.sign_in import SignIn, current, forget, save
from mediview_client.errors import ApiError, MediViewClientError

_PROGRAM = "mediview-client"


def main(
    arguments: Sequence[str] | None = None, program: str = _PROGRAM, others: Sequence[str] = ()
) -> int:
    """The exit status: 0, 1 where the node refused or cannot be reached, 2 for a wrong command.

    `others`: commands that `program` has beside these, for the completion.
    """
    given = _parser(program).parse_args(arguments)
    try:
        return _run(given, program, others)
    except ApiError as error:
        complain(error.detail or str(error), error.remedy)
    except MediViewClientError as error:
        complain(str(error))
    except httpx.TransportError as error:
        complain(
            f"The node does not answer: {error}.".replace("..", "."),
            "Check its address, and that it runs.",
        )
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.")
    except ValueError as error:
        complain(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    return 1


def _run(given: argparse.Namespace, program: str, others: Sequence[str]) -> int:
    if given.group == "completion":
        print(completion.script(given.shell, program, others), end="")
        return 0
    if given.group == "logout":
        forget()
        print("The key is removed from this machine. An administrator revokes it on the node.")
        return 0
    if given.group == "login":
        return _login(given.url)
    sign_in = current()
    with MediView(sign_in.url, sign_in.key) as node:
        return given.run(node, given, Output(as_json=given.json)) or 0


def _login(url: str) -> int:
    """Saved only once the node has taken the key."""
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"{url!r} is not the address of a node. Write it with https://.")
    key = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    sign_in = SignIn(url.rstrip("/"), key.strip())
    with MediView(sign_in.url, sign_in.key, attempts=1) as node:
        node.http.get("/api/v1/studies", limit=1)
    path = save(sign_in)
    print(f"Signed in to {sign_in.url}. The key is in {path}, which you alone can read.")
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="A MediViewAI node from the command line. Research use only.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_version())
    groups = parser.add_subparsers(dest="group", required=True, metavar="COMMAND")
    login = groups.add_parser("login", help="Remember a node and the key to it.")
    login.add_argument("url", help="Such as https://mediview.example.org.")
    groups.add_parser("logout", help="Forget both.")
    shells = groups.add_parser("completion", help="Print a script that completes commands.")
    shells.add_argument("shell", choices=completion.SHELLS)
    verbs = {
        name: groups.add_parser(name, help=text).add_subparsers(
            dest="verb", required=True, metavar="COMMAND"
        )
        for name, text in GROUPS.items()
    }
    for one in COMMANDS:
        added = verbs[one.group].add_parser(
            one.name, help=one.help, description=one.help, allow_abbrev=False
        )
        for argument in one.arguments:
            added.add_argument(argument.name, help=argument.help, **argument.options)
        added.add_argument("--json", action="store_true", help="Print JSON.")
        added.set_defaults(run=one.run)
    return parser


def _version() -> str:
    try:
        return version("mediview-client")
    except PackageNotFoundError:
        return "mediview-client, from its sources"


def run() -> None:
    """The console script."""
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has left; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)
