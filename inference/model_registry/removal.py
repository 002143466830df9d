"""A model taken away: its files here and on every host, and its archive in the object store."""

from inference.model_registry.sharing import ModelStorage, is_shared, withdraw
from inference.model_registry.status import ModelBlocked, model_of
from inference.models.model_folders import changing_models, remove_model_folder
from storage.core.errors import NotFound


def remove_model(
    storage: ModelStorage, name: str, version: str | None, by: str, reason: str = ""
) -> str:
    """Remove the files of a version that runs no more; which version that was.

    Its state and history stay, as `retired`, and so does what it has found. Other hosts remove it
    when they look for models next. Raises NotFound, also for a model that has no folder of its own,
    ModelBlocked while it is active or a shadow, StorageUnavailable, OSError.
    """
    version, folder = _folder_of(storage, name, version)
    record = storage.model_states.get(name, version)
    try:
        standing = model_of(storage.settings, storage.model_states, name, version)
        state, digest = standing.state, standing.pipeline.card.digest
    except NotFound:
        # This host could not fetch it, or another command ended after it removed the folder.
        state, digest = (record.state, record.digest) if record else ("added", "")
    if state in ("active", "shadow"):
        raise ModelBlocked(
            f"{name} {version} is {'active' if state == 'active' else 'a shadow'}, so its files"
            " are not removed.",
            remedy=f"Retire it first: mediview models retire {name} --version {version}",
        )
    with changing_models(storage.settings):
        # Nothing may make it active meanwhile.
        detail = f"Its files were removed. {reason}".strip()
        storage.model_states.move(name, version, digest, "retired", by, detail=detail)
        if is_shared(storage.settings):
            withdraw(storage.model_packages, storage.objects, folder, by)
        remove_model_folder(storage.settings, folder)
    return version


def _folder_of(storage: ModelStorage, name: str, version: str | None) -> tuple[str, str]:
    """The version that is meant, and the folder that it has here or in the object store."""
    models = storage.settings.resolved_models_dir
    shared = {one.folder for one in storage.model_packages.all() if not one.is_removed}
    if version is not None and f"{name}@{version}" in shared:
        return version, f"{name}@{version}"
    card = model_of(storage.settings, storage.model_states, name, version).pipeline.card
    for folder in (f"{card.name}@{card.version}", card.name):
        if folder in shared or (models / folder).is_dir():
            return card.version, folder
    raise NotFound(
        f"{card.name} {card.version} has no folder of its own: it comes with the release, or a"
        " setting names it.",
        remedy=f"Retire it: mediview models retire {card.name}",
    )
