"""How routers are made, so that an application serves their routes as they are.

FastAPI's own `include_router` builds each route again in every application, when it is first
asked: a fifth of a second in each process.
"""

from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any, get_args, get_origin

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute

from api.errors import MISMATCH_TITLE, ApiProblem
from api.request_rules.unknown_names import suggestion

_SHOWN_CHARACTERS = 60


class StrictRoute(APIRoute):
    """A route that refuses query parameters which it does not declare, and one that is repeated
    where a single value counts, instead of ignoring them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_several = dict(_query_parameters(self.dependant))

        async def handle_known(request: Request) -> Response:
            for name in request.query_params:
                if name not in takes_several:
                    raise _unknown_parameter(name, takes_several.keys())
                if not takes_several[name] and len(request.query_params.getlist(name)) > 1:
                    raise _repeated_parameter(name)
            return await handle(request)

        return handle_known


def new_router(
    *,
    prefix: str = "",
    tags: list[str],
    route_class: type[APIRoute] = StrictRoute,
    **options: Any,
) -> APIRouter:
    """A router with the whole address of its routes.

    Another `route_class` is for standards that have parameters of their own, such as the
    attributes of QIDO-RS: their routes look at the query themselves.
    """
    return APIRouter(
        prefix=prefix,
        tags=[*tags],
        generate_unique_id_function=_operation_id,
        route_class=route_class,
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


def _query_parameters(dependant: Dependant) -> Iterable[tuple[str, bool]]:
    """Each name, and whether it may be repeated."""
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            for name, field in model.model_fields.items():
                yield field.alias or name, _is_list(field.annotation)
        else:
            yield parameter.alias, _is_list(model)
    for needed in dependant.dependencies:
        yield from _query_parameters(needed)


def _is_list(annotation: Any) -> bool:
    """Also of one that may be absent."""
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Collection):
        return True
    return any(map(_is_list, get_args(annotation)))


def _unknown_parameter(name: str, known: Collection[str]) -> ApiProblem:
    return ApiProblem(
        422,
        "unknown_parameter",
        f"There is no query parameter {name[:_SHOWN_CHARACTERS]!r} here.",
        title=MISMATCH_TITLE,
        remedy=suggestion(name, known) or "This address takes no query parameters.",
    )


def _repeated_parameter(name: str) -> ApiProblem:
    return ApiProblem(
        422,
        "repeated_parameter",
        f"The query parameter {name!r} is given more than once.",
        title=MISMATCH_TITLE,
        remedy="Give it once: it takes a single value.",
    )
