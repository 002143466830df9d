"""Settings that the node does not have: a misspelt one is reported, not ignored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic_settings import BaseSettings

from storage.settings.renamed import RENAMED, variables

_PREFIX = "MEDIVIEW_"


@dataclass(frozen=True)
class UnknownSetting:
    """A variable of the environment or of `.env`; its value is nobody's business."""

    name: str
    nearest: str

    @property
    def remedy(self) -> str:
        if self.nearest:
            return f"Did you mean {self.nearest}?"
        return "Remove it; .env.example lists all that there are."


def setting_names(settings: type[BaseSettings]) -> dict[str, str]:
    """The variable of each setting, and its field."""
    return {
        str(field.validation_alias or f"{_PREFIX}{name.upper()}"): name
        for name, field in settings.model_fields.items()
    }


def unknown_settings(
    settings: type[BaseSettings], environment: Mapping[str, str] | None = None
) -> list[UnknownSetting]:
    """The variables that begin as the node's do and are none of them, by name.

    Capital and small letters are the same, as they are where settings are read.
    """
    known = setting_names(settings)
    names = sorted(name for name in variables(settings, environment) if name.startswith(_PREFIX))
    return [
        UnknownSetting(name, _nearest(name, known))
        for name in names
        if name not in known and name not in RENAMED
    ]


def _nearest(name: str, known: Iterable[str]) -> str:
    # Without the beginning, which all have in common and which would make all of them near.
    words = [one.removeprefix(_PREFIX) for one in known if one.startswith(_PREFIX)]
    near = get_close_matches(name.removeprefix(_PREFIX), words, n=1)
    return f"{_PREFIX}{near[0]}" if near else ""
