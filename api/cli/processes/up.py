"""`mediview up`: the whole node in one command."""

import fcntl
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import IO, Annotated

import typer

from api.cli.computing import check_computes
from api.cli.console import out
from api.cli.starting import start_role
from api.server.supervisor import Role, Supervisor
from api.server.viewer_folder import is_viewer_built
from dicom_node.peers import Peer
from inference.pipelines.checks.reference_values import report_reference_values
from inference.pipelines.checks.rules import check_at_start
from storage.core.errors import InvalidRequest
from storage.maintenance.upgrade import upgrade
from storage.processes.descendants import adopt_orphans, children_of, end_below
from storage.processes.forked import done_apart
from storage.processes.process_roles import ProcessRole, roles_of
from storage.settings import Settings

# By each command, when it is run.
_IMPORTED = {
    "scp": ("api.cli.processes.scp", "dicom_node.server.processes"),
    "hl7": ("api.cli.processes.hl7", "dicom_node.hl7.listener"),
    "beat": ("api.cli.processes.beat", "inference.worker.beat"),
    "worker": ("api.cli.processes.worker", "inference.worker.preloaded"),
    "api": ("api.cli.processes.api", "api.serve"),
}


def up(
    data_dir: Annotated[Path | None, typer.Option(help="MEDIVIEW_DATA_DIR")] = None,
    ae_title: Annotated[str | None, typer.Option(help="MEDIVIEW_AE_TITLE")] = None,
    dicom_port: Annotated[
        int | None, typer.Option(help="MEDIVIEW_DICOM_PORT; 0 takes a free one")
    ] = None,
    http_port: Annotated[
        int | None, typer.Option(help="MEDIVIEW_HTTP_PORT; 0 takes a free one")
    ] = None,
    destinations: Annotated[
        str | None, typer.Option(help="MEDIVIEW_DESTINATIONS, such as pacs=ORTHANC@127.0.0.1:4242")
    ] = None,
) -> None:
    """Start everything: DICOM, API with viewer, workers and clock. Ctrl-C ends it."""
    given = {
        "data_dir": data_dir,
        "ae_title": ae_title,
        "dicom_port": dicom_port,
        "http_port": http_port,
        "destinations": destinations,
    }
    check_computes()
    settings = start_role(**given)
    settings.check_binding(settings.dicom_host, "The DICOM node")
    settings.check_http_binding()
    check_at_start(settings)
    report_reference_values(settings)
    with alone_on(settings.data_dir) as lock:
        settings = _with_free_ports(settings)
        if not done_apart("mediview migrate", partial(upgrade, settings)):
            upgrade(settings)
        os.environ.update(_environment(settings))
        supervisor = Supervisor(
            [_role(role) for role in roles_of(settings)], out=sys.stdout, closed_in_roles=[lock]
        )
        # A script that gives its place to this program may have had children.
        others = children_of(os.getpid())
        adopt_orphans()
        status = supervisor.run(
            is_ready=lambda: _listening(settings), on_ready=lambda: _banner(settings)
        )
        # Of a model whose own process crashed, what it had started.
        end_below(os.getpid(), spared=others)
    raise typer.Exit(status)


def _role(role: ProcessRole) -> Role:
    imported = _IMPORTED[role.arguments[0]]
    return Role(role.name, partial(_run, role.arguments), partial(_import, imported))


def _import(names: Sequence[str]) -> None:
    for name in names:
        import_module(name)


def _run(arguments: Sequence[str]) -> int:
    """The status with which the command would end a process of its own."""
    from api.cli.main import main

    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def _environment(settings: Settings) -> dict[str, str]:
    """The options of this command line, and ports chosen here, for the roles."""
    return {
        "MEDIVIEW_DATA_DIR": str(settings.data_dir.absolute()),
        "MEDIVIEW_AE_TITLE": settings.ae_title,
        "MEDIVIEW_DICOM_PORT": str(settings.dicom_port),
        "MEDIVIEW_HTTP_PORT": str(settings.http_port),
        "MEDIVIEW_DESTINATIONS": ",".join(
            f"{one.name}={Peer.of(one)}" for one in settings.destinations
        ),
        # For the programs that they start.
        "PYTHONUNBUFFERED": "1",
        # Celery would name its processes after itself.
        "NOSETPS": "1",
    }


@contextmanager
def alone_on(data_dir: Path) -> Iterator[IO[str]]:
    """Hold the data folder; two nodes on one would run each job's clock twice."""
    with (data_dir / "up.lock").open("a+", errors="replace") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise InvalidRequest(
                f"A node runs on {data_dir} already (process {lock.read().strip() or 'unknown'}).",
                remedy="Use that one, stop it first, or set MEDIVIEW_DATA_DIR to another folder.",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock


def _with_free_ports(settings: Settings) -> Settings:
    """The same settings with ports that can be bound. Raises InvalidRequest naming a taken one."""
    dicom_port = _free_port(settings.dicom_host, settings.dicom_port, "MEDIVIEW_DICOM_PORT")
    http_port = _free_port(settings.http_host, settings.http_port, "MEDIVIEW_HTTP_PORT")
    return settings.model_copy(update={"dicom_port": dicom_port, "http_port": http_port})


def _free_port(host: str, port: int, setting: str) -> int:
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except OSError as error:
        raise InvalidRequest(
            f"Port {port} on {host} cannot be used: {error.strerror or error}.",
            remedy=f"Stop what listens there, or set {setting} to another port.",
        ) from error


def _listening(settings: Settings) -> bool:
    return all(
        _answers(host, port)
        for host, port in (
            (settings.http_host, settings.http_port),
            (settings.dicom_host, settings.called_dicom_port),
        )
    )


def _answers(host: str, port: int) -> bool:
    # To connect to the unspecified address is to connect to this machine.
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def _banner(settings: Settings) -> None:
    destinations = [f"{one.name}: {Peer.of(one)}" for one in settings.destinations]
    lines = [
        "",
        "MediViewAI is ready.",
        f"  DICOM         {settings.ae_title} at {settings.dicom_host}:"
        f"{settings.called_dicom_port}{'' if settings.dicom_plain else ' (TLS alone)'}",
        f"  Viewer, API   {settings.resolved_public_url}",
        *(
            [f"  HL7 orders    mllp://{settings.hl7_host}:{settings.hl7_port}"]
            if settings.hl7_port
            else []
        ),
        f"  Results go to {'; '.join(destinations) or 'no destination (MEDIVIEW_DESTINATIONS)'}",
        f"  Data lies in  {settings.data_dir.absolute()}",
        "  Not a medical device: results are for research and evaluation.",
    ]
    if settings.auth == "required":
        lines.append("  Sign-in is required; `mediview users add NAME --role admin` adds accounts.")
    if not is_viewer_built(settings):
        lines.append(
            "  The viewer is not built yet; its page appears once `make viewer` has built it."
        )
    lines += ["  Ctrl-C stops everything. `mediview demo` sends a study to try it.", ""]
    out.print("\n".join(lines), soft_wrap=True, markup=False)
