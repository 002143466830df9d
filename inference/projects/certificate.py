"""What an export proves: by which profile it was made, what left, and the node's signature."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from inference.deidentification.profile import Option, Profile, read_profile
from inference.deidentification.profile_table import EDITION
from inference.projects.targets.folder import FolderFiles
from inference.projects.targets.target import CERTIFICATE_NAME, Readable
from storage.core.errors import InvalidRequest
from storage.crypto.signing_key import SigningKey, is_signed
from storage.projects.entities import (
    ExportCounts,
    ExportedInstance,
    ExportFormat,
    Project,
    ProjectExport,
)

_TRANSFER = "sent_by"
_SCANNED = (
    "Every file was read again after it was written in memory, and searched for the names,"
    " identifiers, dates and UIDs of the original study: all elements at every depth, private"
    " elements, bytes, documents, the file's name. A file in which one was found did not leave."
)
_SCANS: Mapping[ExportFormat, str] = {
    "dicom": _SCANNED,
    "nifti": f"Of the instances that the volumes are made of: {_SCANNED} The volumes have their"
    " voxels and their geometry alone. Texts of sidecars were searched likewise.",
}
_PIXELS_OF_ALL = (
    "OCR read every frame of every image that a device made. What it was sure of was blanked, and"
    " an image in which it still read something did not leave. BurnedInAnnotation NO says no more"
    " than that: OCR misses text that is faint, small, slanted or written by hand, though people"
    " may read it. Look at the images before they are passed on."
)
_PIXELS_OF_SOME = (
    "OCR read each film, and of every other series the first, the middle and the last image and"
    " frame alone; an image in which it read something did not leave. The pixels of all others were"
    " not searched: any text that is burned into them has left with them. The option"
    " clean-pixel-data reads all."
)


def certificate(
    project: Project,
    export: ProjectExport,
    counts: ExportCounts,
    files: Sequence[ExportedInstance],
    tables: Mapping[str, bytes],
    software: str,
    transfer: str,
    made_at: datetime,
    key: SigningKey,
) -> dict[str, Any]:
    """`tables`: by name. `transfer`: by which service the instances left, if by one.

    The certificate has a signature over all the rest (`signed_bytes`)."""
    # Of the instances of a volume the first has the size of its file.
    left = {one.name: one for one in sorted(files, key=lambda one: (one.name, one.size_bytes))}
    listed = [
        *((one.name, one.sha256, one.size_bytes) for one in left.values()),
        *(
            (name, hashlib.sha256(content).hexdigest(), len(content))
            for name, content in tables.items()
        ),
    ]
    profile = read_profile(export.options)
    stated: dict[str, Any] = {
        "certificate_version": 1,
        "project": project.name,
        "export_id": export.export_id,
        "software": software,
        "made_at": made_at.isoformat(timespec="seconds"),
        "profile": {
            "name": "PS3.15 Annex E Basic Application Level Confidentiality Profile",
            "edition": EDITION,
            "options": sorted(profile.options),
            "codes": [{"value": value, "meaning": meaning} for value, meaning in profile.codes],
        },
        "format": export.format,
        **({_TRANSFER: transfer} if transfer else {}),
        "scan": _SCANS[export.format],
        "pixels": _PIXELS_OF_ALL if Option.CLEAN_PIXEL_DATA in profile else _PIXELS_OF_SOME,
        "counts": {
            "exported": counts.exported,
            "refused": counts.refused,
            "size_bytes": counts.size_bytes,
            "patients": len({_patient(one.name) for one in files}),
        },
        **_faces(profile, files),
        "files": [
            {"name": name, "sha256": sha256, "size_bytes": size_bytes}
            for name, sha256, size_bytes in listed
        ],
        "public_key": key.public_key,
    }
    return {**stated, "signature": key.sign(signed_bytes(stated))}


def _faces(profile: Profile, files: Sequence[ExportedInstance]) -> dict[str, Any]:
    """How much was overwritten, where the project has that done; the instances say by what."""
    if Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES not in profile:
        return {}
    changed = [one for one in files if one.face_voxels]
    # Of DICOM a folder, and of NIfTI a file each.
    series = {
        one.name.rpartition("/")[0] if one.name.endswith(".dcm") else one.name for one in changed
    }
    return {
        "faces": {
            "series": len(series),
            "instances": len(changed),
            "voxels": sum(one.face_voxels for one in changed),
        }
    }


def signed_bytes(stated: Mapping[str, Any]) -> bytes:
    """All but the signature, as JSON with sorted names and without spaces, in UTF-8."""
    rest = {name: value for name, value in stated.items() if name != "signature"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def verify_folder(folder: Path, public_key: str) -> list[str]:
    """`verify_export` of a folder on this machine. Raises InvalidRequest, also where its instances
    are elsewhere."""
    return verify_export(FolderFiles(folder), public_key)


def verify_export(exported: Readable, public_key: str, *, at_archive: bool = False) -> list[str]:
    """What is wrong with what was exported, in sentences; empty: it is as it was signed.

    `public_key`: the node's, by another way than the certificate, or else the one in it.
    `at_archive`: instances are read from the archive that they were sent to. Raises
    InvalidRequest where there is no certificate, and PeerFailed.
    """
    try:
        stated = json.loads(exported.read(CERTIFICATE_NAME) or b"")
        files = {str(one["name"]): str(one["sha256"]) for one in stated["files"]}
        signature, stated_key = str(stated["signature"]), str(stated["public_key"])
        is_elsewhere = bool(stated.get(_TRANSFER)) and not at_archive
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest(
            f"{CERTIFICATE_NAME} of {exported} is not a certificate.",
            remedy="Name the folder that an export made.",
        ) from error
    if is_elsewhere:
        raise InvalidRequest(
            f"The instances were sent by {stated[_TRANSFER]}, and lie in an archive.",
            remedy="Name the peer that has them (--destination), on the node.",
        )
    problems = []
    if not is_signed(signed_bytes(stated), signature, public_key or stated_key):
        problems.append("The certificate is not as the node signed it.")
    found = dict(exported.digests(list(files)))
    for name, sha256 in files.items():
        if name not in found:
            problems.append(f"{name} is missing.")
        elif found[name] != sha256:
            problems.append(f"{name} was changed.")
    others = {name for name in exported.names() if name not in files and name != CERTIFICATE_NAME}
    return [*problems, *(f"{name} is not in the certificate." for name in sorted(others))]


def _patient(name: str) -> str:
    """The patient's folder, which label maps have further down."""
    parts = name.split("/")
    return next((part for part in parts if part.startswith("sub-")), parts[0])
