"""Routers below the prefix of DICOMweb."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from api.dicomweb.lookups import PREFIX
from api.dicomweb.query_names import check_query
from api.routing import new_router


class DicomwebRoute(APIRoute):
    """Refuses query parameters that its function does not take."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_known(request: Request) -> Response:
            check_query(request, self.endpoint)
            return await handle(request)

        return handle_known


def dicomweb_router() -> APIRouter:
    return new_router(prefix=PREFIX, tags=["DICOMweb"], route_class=DicomwebRoute)


def worklist_router() -> APIRouter:
    return new_router(prefix=PREFIX, tags=["DICOMweb worklist"], route_class=DicomwebRoute)
