# Made from _async/models.py by scripts/generate.py.
"""Models and the pipelines that use them."""

from typing import cast

from mediview_client import types
from mediview_client._sync.http import Http
from mediview_client.paths import segment


class Models:
    def __init__(self, http: Http) -> None:
        self._http = http

    def all(self) -> list[types.Model]:
        return cast(list[types.Model], (self._http.get("/api/v1/models"))["items"])

    def get(self, name: str) -> types.ModelDetail:
        """All versions of one model, and what became of them."""
        return cast(types.ModelDetail, self._http.get(f"/api/v1/models/{segment(name)}"))

    def pipelines(self) -> list[types.Pipeline]:
        return cast(list[types.Pipeline], (self._http.get("/api/v1/pipelines"))["items"])
