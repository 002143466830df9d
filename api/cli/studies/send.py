"""`mediview send`: a folder of DICOM files to any peer."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import MediaStorageDirectoryStorage
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.console import err, out
from api.cli.starting import start
from dicom_node.peers import Peer
from dicom_node.scu import SendItem, SendResult, send
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.folder_walk import walk
from storage.settings import Settings

_REASONS_SHOWN = 20


@dataclass(frozen=True)
class Unsent:
    """A file that stayed here, and why."""

    path: Path
    reason: str


def send_folder(
    folder: Annotated[
        Path, typer.Argument(exists=True, help="A folder, read to its depths, or one file.")
    ],
    to: Annotated[str, typer.Option(help="The peer, as AE@host:port.")],
) -> None:
    """Send every DICOM instance below a folder by C-STORE."""
    settings = start()
    peer = Peer.parse(to)
    items, paths, skipped = collect(folder)
    if not items:
        _tell(folder, skipped)
        raise InvalidRequest(
            f"There is no DICOM instance in {folder}.", remedy="Name the folder that holds them."
        )
    results = send_with_progress(items, peer, settings)
    refused = [
        Unsent(path, result.error)
        for path, result in zip(paths, results, strict=True)
        if not result.ok
    ]
    sent = len(results) - len(refused)
    out.print(f"Sent {sent} of {len(items)} instances to {peer}.", markup=False)
    _tell(folder, skipped + refused)
    raise typer.Exit(1 if refused else 0)


def send_with_progress(
    items: Sequence[SendItem], peer: Peer, settings: Settings
) -> list[SendResult]:
    """C-STORE the items while a bar shows how far it is."""
    progress = Progress(
        TextColumn("Sending"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=not err.is_terminal,
    )
    with progress:
        task = progress.add_task("send", total=len(items))
        return send(
            items,
            peer=peer,
            calling_ae_title=settings.ae_title,
            on_result=lambda _: progress.advance(task),
        )


def collect(folder: Path) -> tuple[list[SendItem], list[Path], list[Unsent]]:
    """What can be sent with the paths of it, and what cannot. Only headers are read."""
    items: list[SendItem] = []
    paths: list[Path] = []
    skipped: list[Unsent] = []
    for path in _files(folder):
        # A pipe waits for who writes into it, a device is never read to its end.
        is_special = path.exists() and not path.is_file()
        found = Unsent(path, "It is not a file.") if is_special else _item(path)
        if isinstance(found, Unsent):
            skipped.append(found)
        else:
            items.append(found)
            paths.append(path)
    return items, paths, skipped


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    # Symbolic links to folders are not followed: they can lead in circles.
    for parent, folders, names in walk(folder):
        folders.sort()
        yield from (Path(parent) / name for name in sorted(names))


def _item(path: Path) -> SendItem | Unsent:
    try:
        header = dcmread(path, specific_tags=["SOPClassUID", "SOPInstanceUID"])
        sop_class_uid = str(header.get("SOPClassUID", "") or "")
        sop_instance_uid = str(header.get("SOPInstanceUID", "") or "")
        transfer_syntax_uid = str(header.file_meta.get("TransferSyntaxUID", "") or "")
    except InvalidDicomError:
        return Unsent(path, "It is not a DICOM file.")
    except OSError as error:
        return Unsent(path, f"It cannot be read: {error.strerror or 'its encoding is damaged'}.")
    except (EOFError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError):
        return Unsent(path, "It is a damaged DICOM file.")
    if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        return Unsent(path, "It is a DICOMDIR, the directory of a medium.")
    if not (sop_class_uid and sop_instance_uid and transfer_syntax_uid):
        return Unsent(path, "It lacks SOP class, SOP instance UID or transfer syntax.")
    return SendItem(sop_class_uid, sop_instance_uid, transfer_syntax_uid, partial(_open, path))


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _tell(folder: Path, unsent: Sequence[Unsent]) -> None:
    """Each reason once with its number of files, and some of the files."""
    if not unsent:
        return
    err.print(f"Not sent: {len(unsent)}", style="bold")
    for reason, number in Counter(one.reason for one in unsent).most_common(_REASONS_SHOWN):
        example = next(one.path for one in unsent if one.reason == reason)
        shown = example.relative_to(folder) if example != folder else example.name
        more = f" and {number - 1} more" if number > 1 else ""
        err.print(f"  {shown}{more}: {reason}", markup=False, soft_wrap=True)
