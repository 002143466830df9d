"""Routers below the prefix of DICOMweb."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from api.deps import get_storage
from api.dicomweb.lookups import PREFIX
from api.dicomweb.query_names import check_query, warn_of_ignored
from api.router_factory import new_router


class DicomwebRoute(APIRoute):
    """Ignores query parameters that its function does not take, and warns of them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_known(request: Request) -> Response:
            check_query(request, self.endpoint)
            response = await handle(request)
            warn_of_ignored(request, get_storage(request).settings, response)
            return response

        return handle_known


def dicomweb_router() -> APIRouter:
    return new_router(prefix=PREFIX, tags=["DICOMweb"], route_class=DicomwebRoute)


def worklist_router() -> APIRouter:
    return new_router(prefix=PREFIX, tags=["DICOMweb worklist"], route_class=DicomwebRoute)
