"""Refusals that only HTTP knows."""

from collections.abc import Sequence

from api.errors import ApiProblem


def not_acceptable(detail: str, remedy: str, offered: Sequence[str] = ()) -> ApiProblem:
    """None of the media types that the client takes can be made; `offered` are those that can."""
    extra = {"acceptable": list(offered)} if offered else None
    return ApiProblem(406, "not_acceptable", detail, remedy=remedy, extra=extra)


def unsupported_media_type(detail: str, remedy: str) -> ApiProblem:
    """The body's media type is not one that this service reads."""
    return ApiProblem(415, "unsupported_media_type", detail, remedy=remedy)
