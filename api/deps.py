"""What a route may ask for: the storage, the settings, the state of the process."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from storage.container import Storage
from storage.settings import Settings


def get_storage(request: Request) -> Storage:
    """The storage that the application opened when it started."""
    storage: Storage = request.app.state.storage
    return storage


def get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def is_stopping(request: Request) -> Callable[[], bool]:
    """Whether the server is on its way down: endless answers end themselves by it."""
    stopping: Callable[[], bool] = request.app.state.stopping
    return stopping


StorageDep = Annotated[Storage, Depends(get_storage)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
StoppingDep = Annotated[Callable[[], bool], Depends(is_stopping)]
