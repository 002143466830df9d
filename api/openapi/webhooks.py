"""The notices that the node sends, as the description's webhooks."""

from typing import Any

from api.webhooks.payload_schemas import notice_data
from storage.webhooks.payloads import EVENT_TYPES

_TEMPLATE = "#/components/schemas/{model}"
_HEADERS = (
    ("webhook-id", "Of the notice; it stays the same when the notice is sent again."),
    ("webhook-timestamp", "When it was sent, in seconds since 1970."),
    ("webhook-signature", "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`."),
)
_ANSWERS = {
    "2XX": {"description": "Taken; it is not sent again."},
    "default": {"description": "Not taken; it is sent again later."},
}


def webhooks() -> dict[str, Any]:
    return {
        event_type: {
            "post": {
                "operationId": f"notice_{event_type.replace('.', '_')}",
                "summary": event_type,
                "description": sentence,
                "tags": ["webhooks"],
                "parameters": [
                    {
                        "name": name,
                        "in": "header",
                        "required": True,
                        "description": description,
                        "schema": {"type": "string"},
                    }
                    for name, description in _HEADERS
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": _notice(event_type)}},
                },
                "responses": _ANSWERS,
            }
        }
        for event_type, sentence in EVENT_TYPES.items()
    }


def notice_schemas() -> dict[str, Any]:
    """The schemas that the notices refer to, by name."""
    found: dict[str, Any] = {}
    for event_type in EVENT_TYPES:
        model = notice_data(event_type)
        schema = model.model_json_schema(ref_template=_TEMPLATE)
        schema.pop("$defs", None)
        found[model.__name__] = schema
    return found


def _notice(event_type: str) -> dict[str, Any]:
    data = {"$ref": _TEMPLATE.format(model=notice_data(event_type).__name__)}
    return {
        "type": "object",
        "required": ["id", "type", "timestamp", "data"],
        "properties": {
            "id": {"type": "string"},
            "type": {"const": event_type},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
        },
    }
