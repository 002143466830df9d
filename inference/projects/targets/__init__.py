"""Where exports go: a folder, a bucket, a DICOMweb archive. A kind is a file, and a line here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from inference.projects.folder import check_empty, checked_folder
from inference.projects.targets.archive import ArchiveTarget
from inference.projects.targets.bucket import BucketTarget
from inference.projects.targets.folder import FolderTarget
from inference.projects.targets.target import ExportTarget
from storage.container.has import HasPeers, HasSettings
from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer
from storage.projects.entities import ExportFormat, ProjectExport
from storage.settings import Settings

# Of each kind of peer that takes exports, whether it takes instances alone: tables and certificate
# lie in a folder then.
_TAKES_INSTANCES_ALONE = {"bucket": False, "stow": True}


class TargetStorage(HasSettings, HasPeers, Protocol):
    """What of the storage layer exports are written with."""


@dataclass(frozen=True)
class WantedTarget:
    """Where somebody wants an export: `destination` is the name of a peer, empty: here.

    `folder`: below the export folder, or below what the peer's entry names.
    """

    destination: str
    folder: str


def check_target(
    storage: TargetStorage, wanted: WantedTarget, export_format: ExportFormat
) -> Path | None:
    """The folder on this machine that it fills, None where it fills none.

    Raises InvalidRequest, NotFound for an unknown peer. Nobody is called.
    """
    folder = checked_folder(storage.settings, wanted.folder)
    if not wanted.destination:
        return folder
    peer = storage.peers.get(wanted.destination)
    takes_instances_alone = _TAKES_INSTANCES_ALONE.get(peer.kind)
    if takes_instances_alone is None:
        raise InvalidRequest(
            f"'{peer.name}' is no destination for exports of projects.",
            remedy="Name a peer that is an S3 bucket or a STOW-RS archive, or none for a folder.",
        )
    if takes_instances_alone and export_format != "dicom":
        raise InvalidRequest(
            f"'{peer.name}' takes DICOM instances alone, and no NIfTI.",
            remedy="Export to a bucket or a folder, or as DICOM.",
        )
    return folder if takes_instances_alone else None


def check_new(storage: TargetStorage, wanted: WantedTarget, export_format: ExportFormat) -> None:
    """`check_target`, and whether the folder of this machine is empty. Raises InvalidRequest.

    What lies in a bucket is seen when the export begins.
    """
    folder = check_target(storage, wanted, export_format)
    if folder is not None:
        check_empty(folder)


def open_target(storage: TargetStorage, export: ProjectExport) -> ExportTarget:
    """Raises as `check_target`, and where the peer's entry is not allowed (any more)."""
    wanted = WantedTarget(export.destination, export.folder)
    return target_of(storage, wanted, export.format)


def target_of(
    storage: TargetStorage, wanted: WantedTarget, export_format: ExportFormat = "dicom"
) -> ExportTarget:
    """Raises as `open_target`."""
    folder = check_target(storage, wanted, export_format)
    if not wanted.destination:
        return FolderTarget(checked_folder(storage.settings, wanted.folder))
    return _of_peer(storage.settings, storage.peers.get(wanted.destination), wanted.folder, folder)


def _of_peer(settings: Settings, peer: KnownPeer, folder: str, beside: Path | None) -> ExportTarget:
    if beside is None:
        return BucketTarget(settings, peer, folder)
    return ArchiveTarget(settings, peer, FolderTarget(beside))
