"""Refusals that only HTTP knows."""

from api.errors import ApiProblem


def not_acceptable(detail: str, remedy: str) -> ApiProblem:
    """None of the media types that the client takes can be made."""
    return ApiProblem(406, "not_acceptable", detail, remedy=remedy)


def unsupported_media_type(detail: str, remedy: str) -> ApiProblem:
    """The body's media type is not one that this service reads."""
    return ApiProblem(415, "unsupported_media_type", detail, remedy=remedy)
