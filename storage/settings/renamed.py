"""Settings under their former names, which count for one version and are reported."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dotenv import dotenv_values
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

RENAMED: Mapping[str, str] = {
    "MEDIVIEW_ANSWER_KEPT_S": "MEDIVIEW_ANSWER_RETENTION_S",
    "MEDIVIEW_AUDIT_KEEP_DAYS": "MEDIVIEW_AUDIT_RETENTION_DAYS",
    "MEDIVIEW_EVENT_KEPT_S": "MEDIVIEW_EVENT_RETENTION_S",
    "MEDIVIEW_IDEMPOTENCY_KEPT_S": "MEDIVIEW_IDEMPOTENCY_RETENTION_S",
    "MEDIVIEW_UPLOAD_KEPT_S": "MEDIVIEW_UPLOAD_RETENTION_S",
    "MEDIVIEW_WEBHOOK_KEPT_S": "MEDIVIEW_WEBHOOK_RETENTION_S",
    "MEDIVIEW_WORK_ITEM_KEPT_S": "MEDIVIEW_WORKITEM_RETENTION_S",
}
"""Since 0.2; their aliases go with 0.3."""


@dataclass(frozen=True)
class RenamedSetting:
    """A former name that is still in the environment or in `.env`."""

    name: str
    now: str

    @property
    def remedy(self) -> str:
        return f"Rename it to {self.now}."


class RenamedSource(PydanticBaseSettingsSource):
    """The values of former names; a source behind all others, so that the new names win."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError("values are read all at once")

    def __call__(self) -> dict[str, Any]:
        made = variables(self.settings_cls)
        return {
            now.removeprefix("MEDIVIEW_").lower(): made[name]
            for name, now in RENAMED.items()
            if made.get(name)
        }


def renamed_settings(
    settings: type[BaseSettings], environment: Mapping[str, str] | None = None
) -> list[RenamedSetting]:
    """The former names that are in use, in alphabetical order."""
    made = variables(settings, environment)
    return [RenamedSetting(name, RENAMED[name]) for name in sorted(made) if name in RENAMED]


def variables(
    settings: type[BaseSettings], environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment over `.env`, names in capitals: their case does not count."""
    file = settings.model_config.get("env_file")
    made: dict[str, str | None] = {}
    if isinstance(file, str | os.PathLike):
        made |= dotenv_values(file)
    made |= os.environ if environment is None else environment
    return {name.upper(): value or "" for name, value in made.items()}
