"""Bundles in the models folder: added once, and not run when a file has changed since."""

import json
import shutil
import tempfile
from pathlib import Path

import structlog

from inference.bundles.description import BundleDescription, describe, is_bundle
from inference.models import file_sha256
from inference.pipeline import ModelFile
from inference.refusals import ModelUnusable
from storage.errors import InvalidRequest
from storage.settings import Settings

log = structlog.get_logger(__name__)

_DIGESTS = "mediview-digests.json"
_MAX_FILES, _MAX_BYTES = 2_000, 20 * 1024**3
_ADD = "Add it again: mediview models add FOLDER."


def add_bundle(settings: Settings, folder: Path) -> BundleDescription:
    """Copy a bundle to where models lie, with the digest of every file.

    Raises InvalidRequest where it is none that can be run. A bundle brings code of its own:
    adding one is to trust who made it.
    """
    description = describe(folder)
    models = settings.resolved_models_dir
    models.mkdir(parents=True, exist_ok=True)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if len(files) > _MAX_FILES or sum(path.stat().st_size for path in files) > _MAX_BYTES:
        raise InvalidRequest(
            f"{folder} has {len(files)} files; a bundle has {_MAX_FILES} and 20 GiB at most.",
            remedy="Name the bundle's own folder.",
        )
    target = models / description.name
    with tempfile.TemporaryDirectory(dir=models, prefix=".adding-") as staging:
        ready = Path(staging, description.name)
        for source in files:
            copy = ready / source.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        digests = {
            str(path.relative_to(ready)): file_sha256(path)
            for path in sorted(ready.rglob("*"))
            if path.is_file() and path.name != _DIGESTS
        }
        (ready / _DIGESTS).write_text(json.dumps(digests, indent=1))
        if target.exists():
            target.rename(Path(staging, "before"))
        ready.rename(target)
    return describe(target)


def installed_bundles(settings: Settings) -> list[BundleDescription]:
    """Every bundle that was added, by name; one that cannot be read is said in the log."""
    models = settings.resolved_models_dir
    if not models.is_dir():
        return []
    found = []
    for folder in sorted(models.iterdir()):
        if folder.name.startswith(".") or not is_bundle(folder):
            continue
        try:
            found.append(describe(folder))
        except InvalidRequest as error:
            log.warning("bundle_unusable", folder=folder.name, detail=error.message)
    return found


def digests_of(bundle: BundleDescription) -> tuple[ModelFile, ...]:
    """Its files with their digests at the time it was added, weights first.

    Raises ModelUnusable where it was put there by hand.
    """
    try:
        stated = json.loads((bundle.folder / _DIGESTS).read_text("utf-8"))
        files = [ModelFile(str(name), str(digest)) for name, digest in stated.items()]
    except (OSError, ValueError, AttributeError) as error:
        raise ModelUnusable(
            f"The bundle {bundle.name} was not added by mediview models add.", remedy=_ADD
        ) from error
    return tuple(sorted(files, key=lambda file: (not file.name.startswith("models/"), file.name)))


def verify(bundle: BundleDescription) -> None:
    """Raise ModelUnusable where a file changed, is missing, or came after it was added."""
    stated = {file.name: file.sha256 for file in digests_of(bundle)}
    present = {
        str(path.relative_to(bundle.folder)): path
        for path in bundle.folder.rglob("*")
        if path.is_file() and path.name != _DIGESTS and "__pycache__" not in path.parts
    }
    for name in sorted(stated.keys() ^ present.keys()):
        what = "is missing from" if name in stated else "was put into"
        raise ModelUnusable(f"{name} {what} the bundle {bundle.name}.", remedy=_ADD)
    for name, path in present.items():
        if file_sha256(path) != stated[name]:
            raise ModelUnusable(
                f"{name} of the bundle {bundle.name} has changed since it was added.", remedy=_ADD
            )
