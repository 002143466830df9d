"""The storage, handed to a route without a detour through a thread of its own."""

from typing import Annotated

from fastapi import Depends, Request

from api.deps import get_storage
from storage.container import Storage


async def _storage(request: Request) -> Storage:
    # FastAPI runs a dependency that is no coroutine in the thread pool; for a frame that
    # would cost as much as reading it.
    return get_storage(request)


StorageDep = Annotated[Storage, Depends(_storage)]
