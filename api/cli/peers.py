"""`mediview peers`: who may call, what each may do, and where results go."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from api.cli.console import out, table_of
from api.cli.operator import change_by_operator
from api.cli.starting import start
from storage.audit import Audit, Code, Type
from storage.container import Storage, open_storage
from storage.core.errors import InvalidRequest
from storage.core.results.result_kinds import RESULT_KINDS
from storage.peers.certificates import fingerprint_of
from storage.peers.entities import ACTIONS, Action, KnownPeer, TlsVerify
from storage.peers.notifications import NotificationKind

app = typer.Typer(
    name="peers",
    help="DICOM peers and destinations: who may connect, and where results are sent.",
    no_args_is_help=True,
)
_TOKEN_VARIABLE = "MEDIVIEW_PEER_TOKEN"  # noqa: S105 - a name, not a secret


@contextmanager
def _storage() -> Iterator[Storage]:
    with open_storage(start(log_level="ERROR")) as storage:
        yield storage


@app.command("list")
def list_peers() -> None:
    """Show all peers, those of MEDIVIEW_DESTINATIONS too."""
    from inference.deliveries.destinations import address_of

    with _storage() as storage:
        peers = storage.peers.all()
        others = "rejected (MEDIVIEW_UNKNOWN_PEERS)"
        if storage.settings.unknown_peers == "accept":
            may = ", ".join(storage.settings.unknown_peers_may) or "no more than C-ECHO"
            others = f"accepted, and may {may} (MEDIVIEW_UNKNOWN_PEERS_MAY)"
    table = table_of("Name", "Called at", "May", "Calls from", "TLS", "Gets")
    for peer in peers:
        table.add_row(
            peer.name,
            address_of(peer),
            "everything" if peer.may >= ACTIONS else ", ".join(sorted(peer.may)) or "nothing",
            ", ".join(peer.sources) or "anywhere",
            _tls_words(peer),
            (", ".join(sorted(peer.object_kinds)) or "all results") if peer.is_destination else "",
        )
    if peers:
        out.print(table)
    out.print(f"{len(peers)} known. Others are {others}.", markup=False, soft_wrap=True)


@app.command("kinds")
def kinds() -> None:
    """List the kinds of destinations, and how their addresses are written."""
    from inference.deliveries.destinations import KINDS

    table = table_of("Kind", "Address")
    for kind in KINDS.values():
        table.add_row(kind.title, kind.address)
    out.print(table)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A name of your choice.")],
    at: Annotated[
        str,
        typer.Argument(
            help="Such as AE@host:port, https://host/path, fhir+https://host/base, folder:PATH or"
            " sftp://user@host/folder; `mediview peers kinds` lists them."
        ),
    ],
    destination: Annotated[
        bool | None,
        typer.Option(help="Send results to it; by default not to a DICOM peer."),
    ] = None,
    gets: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(RESULT_KINDS)}; none: all."),
    ] = None,
    may: Annotated[
        list[str] | None,
        typer.Option(
            help="store, query, retrieve, commit, worklist, reject, or nothing; none: all."
        ),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Address or network it may connect from; none: any.")
    ] = None,
    tls: Annotated[bool, typer.Option(help="Use TLS in both directions.")] = False,
    tls_verify: Annotated[str, typer.Option(help="full, chain or none")] = "full",
    tls_certificate: Annotated[
        list[str] | None,
        typer.Option(
            help="Client certificate that identifies it: a PEM file, sha256:… or"
            " a name in the certificate such as dns:ct1.example.org; repeatable."
        ),
    ] = None,
    max_associations: Annotated[
        int, typer.Option(help="Simultaneous associations from it; 0: no limit.")
    ] = 0,
    max_sendings: Annotated[int, typer.Option(help="Simultaneous senders to it; 0: no limit.")] = 0,
    archive: Annotated[
        bool, typer.Option(help="Ask it for earlier studies: a DICOM peer, or STOW-RS.")
    ] = False,
    issuer: Annotated[
        str, typer.Option(help="Of an archive: who issued patient IDs that it states without one.")
    ] = "",
    notify: Annotated[
        list[str] | None,
        typer.Option(
            help="Notify it of mpps (procedure steps that modalities report) or ian (instances"
            " that are to be had here); repeatable."
        ),
    ] = None,
    fhir_version: Annotated[str, typer.Option(help="Of a FHIR server: R4 or R5.")] = "R4",
    fhir_patients: Annotated[
        str,
        typer.Option(
            help="Of a FHIR server: match (patients must be known there), create, or identifier."
        ),
    ] = "match",
    fhir_patient_system: Annotated[
        list[str] | None,
        typer.Option(
            help="Of a FHIR server: the URI of its patient IDs, or ISSUER=URI; repeatable."
        ),
    ] = None,
    sign_in: Annotated[
        str, typer.Option(help="At a FHIR server: none, header, basic, bearer or oauth2.")
    ] = "header",
    user: Annotated[str, typer.Option(help="Of basic; the client of oauth2.")] = "",
    token_url: Annotated[str, typer.Option(help="Where oauth2 gets its tokens.")] = "",
    token_scope: Annotated[str, typer.Option(help="Scope of these tokens.")] = "",
    bandwidth: Annotated[int, typer.Option(help="Bytes per second to it; 0: no limit.")] = 0,
    token_header: Annotated[
        str, typer.Option(help="Header of the token.")
    ] = KnownPeer.token_header,
) -> None:
    """Add a peer; it counts at once. Its secret is read from MEDIVIEW_PEER_TOKEN."""
    given = set(ACTIONS if may is None else may) - {"nothing"}
    from inference.deliveries.destinations import checked_peer, kind_of, read_address

    read = read_address(name, at)
    takes_token = any(field.name == "token" for field in kind_of(read).fields)
    peer = replace(
        read,
        is_destination=read.is_destination if destination is None else destination,
        is_archive=archive,
        issuer_of_patient_id=issuer,
        object_kinds=frozenset(gets or ()),
        # `checked_peer` refuses words that are none of these.
        may=frozenset(cast(set[Action], given)),
        sources=tuple(source or ()),
        tls=tls,
        tls_verify=cast(TlsVerify, tls_verify),
        tls_certificates=tuple(_binding(one) for one in tls_certificate or ()),
        max_associations=max_associations,
        max_sendings=max_sendings,
        bandwidth_bytes_per_s=bandwidth,
        notifications=frozenset(cast(set[NotificationKind], set(notify or ()))),
        token_header=token_header,
        fhir_version=fhir_version.upper(),
        fhir_patients=fhir_patients,
        fhir_patient_systems=",".join(fhir_patient_system or ()),
        sign_in=sign_in,
        user_name=user,
        token_url=token_url,
        token_scope=token_scope,
        # Not an option: the list of processes shows those to everyone.
        token=os.environ.get(_TOKEN_VARIABLE, "") if takes_token else "",
    )
    with _storage() as storage, _change(storage.audit, "C", name):
        storage.peers.add(checked_peer(peer, storage.settings))
    out.print(f"{name} is known now. `mediview peers test {name}` tries it.", markup=False)


def _tls_words(peer: KnownPeer) -> str:
    if peer.tls_certificates:
        return f"own certificates: {len(peer.tls_certificates)}"
    return "yes" if peer.tls else "no"


def _binding(text: str) -> str:
    """What was given, or the fingerprint of the certificate in a file of that name."""
    path = Path(text)
    if not path.is_file():
        return text
    try:
        return fingerprint_of(path.read_bytes())
    except ValueError as error:
        raise InvalidRequest(
            f"{path} holds no certificate.", remedy="Name a PEM file that begins with one."
        ) from error


@app.command("archive")
def mark_archive(
    name: Annotated[str, typer.Argument()],
    on: Annotated[bool, typer.Option("--on/--off", help="Whether it may be asked.")] = True,
    issuer: Annotated[
        str | None, typer.Option(help="Who issued patient IDs that it states without one.")
    ] = None,
) -> None:
    """Let a known peer be asked for earlier studies, or no more; what waits then waits on."""
    from inference.deliveries.destinations import checked_peer

    with _storage() as storage:
        before = storage.peers.get(name)
        peer = replace(
            before,
            is_archive=on,
            issuer_of_patient_id=before.issuer_of_patient_id if issuer is None else issuer,
        )
        with _change(storage.audit, "U", name):
            storage.peers.replace(checked_peer(peer, storage.settings))
    what = "may be asked for earlier studies" if on else "is not asked for earlier studies"
    out.print(f"{name} {what}.", markup=False)


@app.command("remove")
def remove(name: Annotated[str, typer.Argument()]) -> None:
    """Remove a peer; deliveries to it wait until it is there again."""
    with _storage() as storage, _change(storage.audit, "D", name):
        storage.peers.remove(name)
    out.print(f"{name} is not known any more.", markup=False)


def _change(
    audit: Audit, action: Literal["C", "U", "D"], name: str
) -> AbstractContextManager[None]:
    return change_by_operator(
        audit, Code.SECURITY_ALERT, action, type=Type.NETWORK_CONFIGURATION, name=name
    )


@app.command("test")
def test(name: Annotated[str, typer.Argument()]) -> None:
    """Try to reach a peer: C-ECHO, a QIDO-RS query, a file written, what a FHIR server can."""
    from inference.deliveries.destinations import probe_peer

    with _storage() as storage:
        result = probe_peer(storage, storage.peers.get(name))
    out.print(result.sentence, markup=False, soft_wrap=True)
    raise typer.Exit(0 if result.ok else 1)
