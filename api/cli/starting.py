"""What every role does first."""

from functools import cache
from typing import Any

import structlog

from api.logs import configure_logging
from storage.core.data_folder import disk_reserve, private_folder
from storage.processes import garbage_collection
from storage.settings import Settings, load_settings
from storage.settings.renamed import renamed_settings
from storage.settings.unknown import unknown_settings

_log = structlog.get_logger(__name__)


def start_role(**overrides: Any) -> Settings:
    """The same for what runs as a part of the node: the data folder is closed to others."""
    settings = start(**overrides)
    private_folder.repair(settings.data_dir)
    disk_reserve.refill(settings.data_dir, settings.free_disk_mark_bytes)
    _warn_of_wrong_settings(type(settings))
    return settings


def start(**overrides: Any) -> Settings:
    """Settings with the command's own options on top, and logging as they say.

    Files that the command makes are for its own user alone.
    """
    private_folder.keep_private()
    settings = load_settings(
        **{name: value for name, value in overrides.items() if value is not None}
    )
    configure_logging(settings)
    disk_reserve.release_if_full(settings.data_dir)
    garbage_collection.resume()
    return settings


@cache
def _warn_of_wrong_settings(settings: type[Settings]) -> None:
    """Once for all roles that `mediview up` forks."""
    for unknown in unknown_settings(settings):
        _log.warning("unknown_setting", setting=unknown.name, remedy=unknown.remedy)
    for renamed in renamed_settings(settings):
        _log.warning("renamed_setting", setting=renamed.name, remedy=renamed.remedy)
