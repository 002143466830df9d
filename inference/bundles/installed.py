"""Bundles in the models folder: added once, and not run when a file has changed since."""

from pathlib import Path

import structlog

from inference.bundles.description import BundleDescription, describe, is_bundle
from inference.bundles.plain import describe_plain, is_plain
from inference.models.model_folders import files_of, install
from storage.core.errors import InvalidRequest
from storage.settings import Settings

log = structlog.get_logger(__name__)


def is_model(folder: Path) -> bool:
    """Whether a folder is a MONAI bundle, or a plain model with its card."""
    return is_bundle(folder) or is_plain(folder)


def described(folder: Path) -> BundleDescription:
    """Raises InvalidRequest naming what is wrong."""
    return describe(folder) if is_bundle(folder) else describe_plain(folder)


def add_bundle(settings: Settings, folder: Path) -> BundleDescription:
    """Copy a bundle to where models lie, with the digest of every file; versions of one
    bundle lie side by side.

    Raises InvalidRequest where it is none that can be run. A bundle brings code of its own:
    adding one is to trust who made it.
    """
    description = described(folder)
    place = f"{description.name}@{description.version}"
    return described(install(settings, folder, place, files_of(folder), keep_digests=True))


def installed_bundles(settings: Settings) -> list[BundleDescription]:
    """Every bundle that was added, by name; one that cannot be read is said in the log."""
    models = settings.resolved_models_dir
    if not models.is_dir():
        return []
    found = []
    for folder in sorted(models.iterdir()):
        if folder.name.startswith(".") or not is_model(folder):
            continue
        try:
            found.append(described(folder))
        except InvalidRequest as error:
            log.warning("bundle_unusable", folder=folder.name, detail=error.message)
    return found
