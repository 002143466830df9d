"""`mediview import`: bring in what a folder or another archive holds."""

import hashlib
import json
import os
import re
import ssl
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from api.cli.console import err, out
from api.cli.operator import record_use
from api.cli.starting import start
from dicom_node.archives.http_archive import HttpArchive
from dicom_node.archives.receiving import Counts
from dicom_node.imports.dicomweb import DicomwebSource
from dicom_node.imports.folder import FolderSource
from dicom_node.imports.importer import Imported, import_all
from dicom_node.imports.journal import Journal
from dicom_node.imports.orthanc import OrthancSource
from dicom_node.imports.query_retrieve import QueryRetrieveSource
from dicom_node.imports.sources import ImportSource
from dicom_node.peers import Peer
from storage.audit import Code
from storage.container import open_storage
from storage.core.errors import InvalidRequest
from storage.core.sources import of_import
from storage.settings import Settings

_SECRET = "MEDIVIEW_IMPORT_AUTHORIZATION"  # noqa: S105 - a name, not a secret
_ORTHANC = "orthanc+"
_PEER = "peer:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,79}")
_MOVE_TO = re.compile(r"(?P<ae_title>[!-\[\]-~]{1,16}):(?P<port>\d{1,5})")
_REASONS_SHOWN = 10


def import_studies(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder, https://host/dicom-web (DICOMweb), orthanc+https://host (Orthanc),"
            " AE@host:port (C-FIND, C-GET, C-MOVE) or peer:NAME (one of `mediview peers list`)."
        ),
    ],
    match: Annotated[
        list[str] | None,
        typer.Option(
            help="Of DICOMweb and an AE: what studies must match, such as StudyDate=20200101-;"
            " repeatable."
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(help="By which the import is found again; empty: that of the source.")
    ] = "",
    move_to: Annotated[
        str,
        typer.Option(
            help="Of an AE without C-GET: AE title and port at which it knows this import, as"
            " IMPORT:11113; studies are then moved there (C-MOVE)."
        ),
    ] = "",
    move_tls: Annotated[
        bool,
        typer.Option(
            help="With --move-to: the archive sends over TLS, and nothing else is taken; with the"
            " node's own certificate (MEDIVIEW_TLS_CERTIFICATE)."
        ),
    ] = False,
    run_pipelines: Annotated[
        bool, typer.Option(help="Pipelines and routing take it as if it were sent.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write what was refused, with each reason, as JSON.")
    ] = None,
) -> None:
    """Import a folder or an archive; an interrupted import goes on when it is given again."""
    settings = start(log_level="ERROR")
    found = _source(source, match or [], settings, move_to, over_tls=move_tls)
    # Two archives of one host, or two folders of one name, are two imports.
    named = name or f"{found.name}-{hashlib.sha256(str(found).encode()).hexdigest()[:8]}"
    if not _NAME.fullmatch(named):
        raise InvalidRequest(
            f"'{named}' is not a valid name for an import.",
            remedy="Use letters, digits, dots and dashes.",
        )
    with (
        closing(found),
        open_storage(settings) as storage,
        Journal(settings.data_dir / "imports" / f"{named}.jsonl") as journal,
    ):
        record_use(storage.audit, Code.IMPORT, "C", source=str(found))
        label = of_import(named, run_pipelines=run_pipelines)
        with _progress() as progress:
            task = progress.add_task(str(found))
            result = import_all(
                storage.ingest,
                found,
                journal,
                label,
                lambda now: progress.update(task, description=f"{found}: {_sum(now.counts)}"),
            )
    _tell(result)
    if report is not None:
        report.write_text(json.dumps(_as_json(result), indent=1))
    raise typer.Exit(1 if result.failed or _refused(result) else 0)


def _source(
    text: str, match: list[str], settings: Settings, move_to: str, *, over_tls: bool
) -> ImportSource:
    secret = os.environ.get(_SECRET, "")
    is_entity = not Path(text).is_dir() and (text.startswith(_PEER) or "@" in text)
    if move_to and (not is_entity or "://" in text):
        raise InvalidRequest(
            "--move-to is for an AE alone.", remedy="Leave it out: nothing is moved from there."
        )
    if over_tls and not move_to:
        raise InvalidRequest(
            "--move-tls says how the archive sends to --move-to.",
            remedy="Name the AE title and port of --move-to, or leave --move-tls out.",
        )
    if text.startswith(_ORTHANC):
        url = text.removeprefix(_ORTHANC)
        found: ImportSource = OrthancSource(HttpArchive(url, secret, _trust(settings)))
    elif text.startswith(("http://", "https://")):
        return DicomwebSource(HttpArchive(text, secret, _trust(settings)), _query(match))
    elif (folder := Path(text)).is_dir():
        found = FolderSource(folder)
    elif text.startswith(_PEER) or "@" in text:
        moved_to = _receiver(move_to) if move_to else None
        return QueryRetrieveSource(
            _peer(text, settings), _query(match), settings, moved_to, over_tls=over_tls
        )
    else:
        raise InvalidRequest(
            f"{folder} is not a folder.",
            remedy="Name a folder, https://host/dicom-web, orthanc+https://host, AE@host:port or"
            " peer:NAME.",
        )
    if match:
        raise InvalidRequest(
            "--match is for DICOMweb and an AE alone.",
            remedy="Leave it out, and all is imported.",
        )
    return found


def _receiver(text: str) -> tuple[str, int]:
    found = _MOVE_TO.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 1 << 16:
        raise InvalidRequest(
            f"'{text}' is not an AE title and a port.", remedy="Write them as IMPORT:11113."
        )
    return found["ae_title"], int(found["port"])


def _peer(text: str, settings: Settings) -> Peer:
    """Of an address, or one that is known, with what is known of its TLS."""
    if not text.startswith(_PEER):
        return Peer.parse(text)
    with open_storage(settings) as storage:
        known = storage.peers.get(text.removeprefix(_PEER))
    if not (known.ae_title and known.host):
        raise InvalidRequest(
            f"The peer '{known.name}' is none that can be called by DICOM.",
            remedy="Name one with an AE title, a host and a port.",
        )
    return Peer.known(known, settings)


def _trust(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.tls_ca is not None:
        context.load_verify_locations(settings.tls_ca)
    return context


def _query(match: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in match]
    for keyword, equals, _ in pairs:
        if not (keyword and equals):
            raise InvalidRequest(
                f"'{keyword}' says not what studies must match.",
                remedy="Write --match KEYWORD=VALUE, such as --match ModalitiesInStudy=MR.",
            )
    return {keyword: value for keyword, _, value in pairs}


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=err,
        transient=not err.is_terminal,
    )


def _sum(counts: Counts) -> str:
    return (
        f"{counts.stored} stored, {counts.duplicate} here already, {counts.conflict} conflicts,"
        f" {len(counts.refused)} refused"
    )


def _tell(result: Imported) -> None:
    _print(f"{_sum(result.counts)}.")
    if result.known:
        _print(
            f"{result.known} of {result.parts} parts were done by an earlier run:"
            f" {_sum(result.earlier)}."
        )
    reasons = Counter(reason for _, reason in _refused(result))
    for reason, number in reasons.most_common(_REASONS_SHOWN):
        _print(f"  {number} refused: {reason}")
    for sentence in list(dict.fromkeys(result.failed))[:_REASONS_SHOWN]:
        _print(f"  {sentence}")
    if result.was_given_up:
        _print("The source failed several times in a row. Give the command again to go on.")
    elif result.failed:
        _print(f"{len(result.failed)} parts are missing. Give the command again to fetch them.")


def _as_json(result: Imported) -> dict[str, Any]:
    return {
        **_numbers(result.counts),
        "earlier": _numbers(result.earlier),
        "refused": [{"name": name, "reason": reason} for name, reason in _refused(result)],
        "failed": result.failed,
    }


def _numbers(counts: Counts) -> dict[str, int]:
    return {
        "stored": counts.stored,
        "duplicate": counts.duplicate,
        "conflict": counts.conflict,
    }


def _refused(result: Imported) -> list[tuple[str, str]]:
    """Of all runs: what was refused then is not there yet."""
    return [*result.earlier.refused, *result.counts.refused]


def _print(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
