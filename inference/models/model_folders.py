"""Folders of models that an operator adds: copied whole or not at all."""

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from itertools import islice
from pathlib import Path

from inference.models.card import ModelFile
from inference.models.files import file_sha256
from inference.refusals import ModelUnusable
from storage.core.errors import InvalidRequest, StorageFull
from storage.core.untrusted_input.folder_walk import files_below, remove_tree
from storage.settings import Settings
from storage.volumes.durable_names import exchange, make_folder, put_in_place, sync_tree

DIGESTS = "mediview-digests.json"
MAX_FILES, MAX_BYTES = 2_000, 20 * 1024**3
"""The most that a model has."""
_LOCK = ".fetching"
_STAGING = ".adding-"
_COMPILED = (".pyc", ".pyo", ".so", ".pyd")
_CODE = (".py", *_COMPILED)
_ADD = "Add it again: mediview models add FOLDER."


def files_of(folder: Path) -> list[Path]:
    """Every file below a folder.

    Raises InvalidRequest where it is more than one model, and for a link to a file elsewhere,
    which would put into the model, and into each backup, what its sender could not read.
    """
    files = sorted(islice(files_below(folder), MAX_FILES + 1))
    if len(files) > MAX_FILES or sum(path.stat().st_size for path in files) > MAX_BYTES:
        raise InvalidRequest(
            f"{folder} has more than {MAX_FILES} files or 20 GiB, the most that a model has.",
            remedy="Name the model's own folder.",
        )
    home = folder.resolve()
    for path in files:
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            raise InvalidRequest(
                f"{path} is a link that leads out of the folder.",
                remedy="Look what it leads to; `cp -rL FOLDER COPY` makes a folder with the files.",
            )
    return files


def refuse_code(folder: Path) -> None:
    """Raise InvalidRequest where a model that is data alone brings something to be executed."""
    for path in files_of(folder):
        if path.suffix in _CODE:
            raise InvalidRequest(
                f"{folder} brings {path.relative_to(folder)}: code, and such a model has none.",
                remedy="Remove it; only the card and the weights are read.",
            )


def install(
    settings: Settings, folder: Path, name: str, files: Iterable[Path], *, keep_digests: bool
) -> Path:
    """Copy `files` of `folder` to where models lie, as `name`; where they are then.

    Compiled files stay behind: what they do cannot be looked at. With `keep_digests` the digest
    of every file is kept beside them. What stood there before is replaced at once.
    """

    def fill(ready: Path) -> None:
        for source in files:
            if source.suffix in _COMPILED:
                continue
            copy = ready / source.relative_to(folder)
            make_folder(copy.parent)
            shutil.copyfile(source, copy)
        if keep_digests:
            digests = {name: file_sha256(path) for name, path in _present(ready).items()}
            (ready / DIGESTS).write_text(json.dumps(digests, indent=1))

    return put_model(settings, name, fill)


@contextmanager
def changing_models(settings: Settings) -> Iterator[None]:
    """One process of a host at a time changes its models; what one that died left is removed.

    Raises OSError where the folder of models cannot be written.
    """
    models = settings.resolved_models_dir
    make_folder(models)
    descriptor = os.open(models / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        flock(descriptor, LOCK_EX)
        for left in models.glob(f"{_STAGING}*"):
            remove_tree(left)
        yield
    finally:
        os.close(descriptor)


def check_room(settings: Settings, place: Path, needed_bytes: int, what: str) -> None:
    """Raise StorageFull where the free-disk mark leaves no room on the disk of `place`."""
    room_bytes = shutil.disk_usage(place).free - settings.free_disk_mark_bytes
    if needed_bytes > room_bytes:
        raise StorageFull(
            f"{what} needs {needed_bytes >> 20} MiB on the disk of {place};"
            f" {max(room_bytes, 0) >> 20} MiB are free above the mark.",
            remedy="Make room, or lower MEDIVIEW_FREE_DISK_MARK_BYTES.",
        )


def remove_model_folder(settings: Settings, name: str) -> None:
    """Remove the folder of a model at once, where it is; within `changing_models`."""
    folder = settings.resolved_models_dir / name
    if folder.is_dir():
        # Under this name it is no model any more; if the process ends, the next one removes it.
        leaving = folder.rename(settings.resolved_models_dir / f"{_STAGING}{uuid.uuid4().hex}")
        remove_tree(leaving)


def put_model(settings: Settings, name: str, fill: Callable[[Path], None]) -> Path:
    """Make the folder of a model where models lie, whole or not at all; where it is then.

    `fill` writes into an empty folder. What stood there before is replaced at once.
    """
    models = settings.resolved_models_dir
    make_folder(models)
    target = models / name
    staging = Path(tempfile.mkdtemp(dir=models, prefix=_STAGING))
    try:
        ready = staging / name
        ready.mkdir()
        fill(ready)
        sync_tree(ready)
        if target.exists() and exchange(ready, target):
            return target
        before = staging / "before"
        if target.exists():
            target.rename(before)
        try:
            put_in_place(ready, target)
        except OSError:
            if before.exists() and not target.exists():
                before.rename(target)
            raise
    finally:
        remove_tree(staging)
    return target


def digests_of(folder: Path, name: str) -> tuple[ModelFile, ...]:
    """The files of a model with their digests at the time it was added, weights first.

    Raises ModelUnusable where it was put there by hand.
    """
    try:
        stated = json.loads((folder / DIGESTS).read_text("utf-8"))
        files = [ModelFile(str(file), str(digest)) for file, digest in stated.items()]
    except (OSError, ValueError, AttributeError) as error:
        raise ModelUnusable(f"{name} was not added by mediview models add.", remedy=_ADD) from error
    return tuple(sorted(files, key=_weights_first))


def verify_files(folder: Path, name: str) -> None:
    """Raise ModelUnusable where a file changed, is missing, or came after it was added."""
    stated = {file.name: file.sha256 for file in digests_of(folder, name)}
    present = _present(folder)
    for file in sorted(stated.keys() ^ present.keys()):
        what = "is missing from" if file in stated else "was put into"
        raise ModelUnusable(f"{file} {what} {name}.", remedy=_ADD)
    for file, path in present.items():
        if file_sha256(path) != stated[file]:
            raise ModelUnusable(f"{file} of {name} has changed since it was added.", remedy=_ADD)


def _weights_first(file: ModelFile) -> tuple[bool, str]:
    weights = file.name.startswith("models/") or file.name.endswith((".ts", ".onnx", ".pt"))
    return not weights, file.name


def _present(folder: Path) -> dict[str, Path]:
    return {
        str(path.relative_to(folder)): path
        for path in sorted(files_below(folder))
        # What earlier versions compiled in the installed folder is never read.
        if path.name != DIGESTS and not _is_cached(path)
    }


def _is_cached(path: Path) -> bool:
    return path.suffix == ".pyc" and path.parent.name == "__pycache__"
