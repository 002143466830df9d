"""Models and the pipelines that use them."""

from typing import cast

from mediview_client import types
from mediview_client._async.http import AsyncHttp
from mediview_client.paths import segment


class AsyncModels:
    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def all(self) -> list[types.Model]:
        return cast(list[types.Model], (await self._http.get("/api/v1/models"))["items"])

    async def get(self, name: str) -> types.ModelDetail:
        """All versions of one model, and what became of them."""
        return cast(types.ModelDetail, await self._http.get(f"/api/v1/models/{segment(name)}"))

    async def pipelines(self) -> list[types.Pipeline]:
        return cast(list[types.Pipeline], (await self._http.get("/api/v1/pipelines"))["items"])
