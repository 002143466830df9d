"""How routers are made, so that an application serves their routes as they are.

FastAPI's own `include_router` builds each route again in every application, when it is first
asked: a fifth of a second in each process.
"""

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute


def new_router(*, prefix: str = "", tags: list[str], **options: Any) -> APIRouter:
    """A router with the whole address of its routes."""
    return APIRouter(
        prefix=prefix,
        tags=[*tags],
        generate_unique_id_function=_operation_id,
        **options,
    )


def routes_of(routers: Iterable[APIRouter]) -> list[BaseRoute]:
    """The routes of all, in their order."""
    return [route for router in routers for route in router.routes]


def _operation_id(route: APIRoute) -> str:
    """The function's name: generators make method names of it, and a test keeps it unique."""
    return route.name
