"""Times of the week as they are written in rules: one text, or a list of texts."""

from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator

from storage.core.hours import Hours


def _hours(value: Any) -> Hours:
    if isinstance(value, Hours):
        return value
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in items):
        raise ValueError("hours are texts such as '20:00-06:00'; put them in quotes")
    return Hours.parse(items)


HoursField = Annotated[
    Hours,
    PlainValidator(_hours, json_schema_input_type=str | tuple[str, ...]),
    PlainSerializer(lambda hours: hours.text.split("; "), return_type=tuple[str, ...]),
]
