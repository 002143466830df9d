"""What bodies of requests are: their media type, and the fields of those that HTML forms have."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from storage.core.errors import InvalidRequest

FORM = "application/x-www-form-urlencoded"


def media_type_of(headers: Mapping[str, str]) -> str:
    """Of a request or a part, without parameters, in lower case; "" where it states none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def form_fields(body: bytes, most: int) -> list[tuple[str, str]]:
    """Raises InvalidRequest for what is no form, or one of more fields."""
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=most, errors="strict"
        )
    except ValueError as error:
        raise InvalidRequest("The body is not a form.", remedy=f"Send {FORM}.") from error
