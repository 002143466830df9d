"""What is sent and answered about webhooks."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from api.base_schemas import CursorPage, Payload, RequestBody
from api.request_rules.enum_spelling import NoticeStateWord
from storage.webhooks.payloads import EVENT_TYPES

_Url = Annotated[
    str,
    StringConstraints(min_length=8, max_length=2000),
    Field(
        description="Where notices are POSTed. Its host must be among MEDIVIEW_WEBHOOK_HOSTS.",
        examples=["https://ris.example.org/hooks/mediview"],
    ),
]
_Events = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=40)]],
    Field(
        min_length=1,
        max_length=64,
        description="Events that it is notified of: "
        + "; ".join(f"`{k}`: {v}" for k, v in EVENT_TYPES.items())
        + " `job.*` and `*` mean several.",
        examples=[["study.complete", "results.stored"]],
    ),
]
_Description = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$")
]


class NewWebhook(RequestBody):
    url: _Url
    events: _Events
    description: _Description = ""


class WebhookChange(RequestBody):
    """What is left out, or null, stays as it is."""

    url: _Url | None = None
    events: _Events | None = None
    description: _Description | None = None
    is_active: bool | None = Field(
        None, description="An inactive one is not notified of what happens meanwhile, also later."
    )
    sends_everything: bool | None = Field(
        None,
        description="Whether it sends the events of all studies, whatever access groups say."
        " Administrators alone change this.",
    )


class WebhookPayload(Payload):
    webhook_id: str
    url: str
    description: str
    events: list[str]
    is_active: bool
    created_by_id: str = Field(
        description="Kind and subject of who added it: where access groups are enforced, it sends"
        " the events of what that one may see. Empty: not known, it sends no event of a study."
    )
    sends_everything: bool = Field(description="Events of all studies: an administrator's does.")
    pending: int = Field(description="Notices on their way.")
    dead: int = Field(description="Notices that were given up and can be sent again.")
    created_at: datetime
    updated_at: datetime


class WebhookWithSecret(WebhookPayload):
    secret: str = Field(
        description="Signs the notices, and is shown this once. Each carries `webhook-id`,"
        " `webhook-timestamp` (seconds since 1970) and `webhook-signature`: `v1,` and the"
        " base64 of HMAC-SHA256 over `id.timestamp.body`, by the bytes that follow `whsec_`"
        " in base64 (Standard Webhooks). Refuse what is older than some minutes.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="],
    )


class WebhookPage(CursorPage):
    items: list[WebhookPayload]


class WebhookDeliveryPayload(Payload):
    delivery_id: str
    event_type: str
    payload: dict[str, Any] = Field(description="The body as it is sent.")
    state: NoticeStateWord
    attempts: int
    next_attempt_at: datetime | None = Field(description="Of a pending one.")
    last_error: str
    last_status: int | None = Field(description="HTTP status of the last answer.")
    created_at: datetime
    ended_at: datetime | None


class WebhookDeliveryPage(CursorPage):
    items: list[WebhookDeliveryPayload]


class WebhookPinged(Payload):
    ok: bool
    sentence: str
    status: int | None
    seconds: float
