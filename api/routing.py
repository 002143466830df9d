"""How routers are made, so that an application serves their routes as they are.

FastAPI's own `include_router` builds each route again in every application, when it is first
asked: a fifth of a second in each process.
"""

from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute

from api.errors import MISMATCH_TITLE, ApiProblem
from api.unknown_names import suggestion

_SHOWN_CHARACTERS = 60


class StrictRoute(APIRoute):
    """A route that refuses query parameters which it does not declare, instead of ignoring them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = frozenset(_query_names(self.dependant))

        async def handle_known(request: Request) -> Response:
            for name in request.query_params:
                if name not in known:
                    raise _unknown_parameter(name, known)
            return await handle(request)

        return handle_known


def new_router(
    *, prefix: str = "", tags: list[str], reads_own_query: bool = False, **options: Any
) -> APIRouter:
    """A router with the whole address of its routes.

    `reads_own_query` is for standards whose parameters are open, such as the attributes of
    QIDO-RS: their routes look at the query themselves.
    """
    return APIRouter(
        prefix=prefix,
        tags=[*tags],
        generate_unique_id_function=_operation_id,
        route_class=APIRoute if reads_own_query else StrictRoute,
        **options,
    )


def check_fields(form: Iterable[str], known: Collection[str]) -> None:
    """For routes that read their form themselves. Raises ApiProblem for a field not in `known`."""
    for name in form:
        if name not in known:
            shown = f"body.{name[:_SHOWN_CHARACTERS]}"
            near = suggestion(name[:_SHOWN_CHARACTERS], known)
            raise ApiProblem(
                422,
                "validation_failed",
                f"{shown}: There is no such field.",
                title=MISMATCH_TITLE,
                remedy=near,
                extra={"errors": [{"where": shown, "what": f"There is no such field. {near}"}]},
            )


def routes_of(routers: Iterable[APIRouter]) -> list[BaseRoute]:
    """The routes of all, in their order."""
    return [route for router in routers for route in router.routes]


def _operation_id(route: APIRoute) -> str:
    """The function's name: generators make method names of it, and a test keeps it unique."""
    return route.name


def _query_names(dependant: Dependant) -> Iterable[str]:
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (field.alias or name for name, field in model.model_fields.items())
        else:
            yield parameter.alias
    for needed in dependant.dependencies:
        yield from _query_names(needed)


def _unknown_parameter(name: str, known: frozenset[str]) -> ApiProblem:
    return ApiProblem(
        422,
        "unknown_parameter",
        f"There is no query parameter {name[:_SHOWN_CHARACTERS]!r} here.",
        title=MISMATCH_TITLE,
        remedy=suggestion(name, known) or "This address takes no query parameters.",
    )
