"""What every role does first."""

from typing import Any

from api.logs import configure_logging
from storage.processes import collector
from storage.settings import Settings, load_settings


def start(**overrides: Any) -> Settings:
    """Settings with the command's own options on top, and logging as they say."""
    settings = load_settings(
        **{name: value for name, value in overrides.items() if value is not None}
    )
    configure_logging(settings)
    collector.resume()
    return settings
