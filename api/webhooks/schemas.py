"""What is sent and answered about webhooks."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from api.base_schemas import CursorPage, Payload, RequestBody
from api.request_rules.enum_spelling import NoticeStateWord
from storage.core.interface_languages import InterfaceLanguage
from storage.webhooks.payloads import EVENT_TYPES
from storage.webhooks.people import (
    DEFAULT_WAIT_S,
    LONGEST_WAIT_S,
    PEOPLE_EVENTS,
    WebhookKind,
)

_Url = Annotated[
    str,
    StringConstraints(min_length=8, max_length=2000),
    Field(
        description="Where notices are POSTed: its host must be among MEDIVIEW_WEBHOOK_HOSTS. Or"
        " mailto: and the address of one recipient, of a domain in MEDIVIEW_MAIL_DOMAINS.",
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


_WaitSeconds = Annotated[
    int,
    Field(
        ge=0,
        le=LONGEST_WAIT_S,
        description="For people: how long an event waits for others, which then go in one message;"
        " a day makes a digest. Critical findings wait for 15 s at most.",
    ),
]
_QuietHours = Annotated[
    str,
    StringConstraints(max_length=11),
    Field(
        description="For people: hours by the node's time in which nothing is sent but critical"
        " findings; empty: none.",
        examples=["22:00-06:00"],
    ),
]
_Language = Annotated[
    InterfaceLanguage, Field(description="For people: the language of the messages.")
]
_NamesPatients = Annotated[
    bool,
    Field(
        description="For people: messages name the patient, the patient ID and the accession"
        " number of a study. They leave the node's protection: leave it off unless the receiver"
        " needs them. Each such message is recorded as an export."
    ),
]


class NewWebhook(RequestBody):
    url: _Url
    events: _Events
    description: _Description = ""
    kind: Literal["webhook", "mail", "teams", "slack"] = Field(
        "webhook",
        description="`webhook`: a program, which gets signed JSON. `mail`, `teams`, `slack`:"
        " people, who get text; administrators alone add and change them. Of their events there"
        f" are: {', '.join(PEOPLE_EVENTS)}.",
    )
    language: _Language | None = None
    wait_s: _WaitSeconds | None = Field(None, description=f"Default for people: {DEFAULT_WAIT_S}.")
    quiet_hours: _QuietHours | None = None
    names_patients: _NamesPatients | None = None


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
    language: _Language | None = None
    wait_s: _WaitSeconds | None = None
    quiet_hours: _QuietHours | None = None
    names_patients: _NamesPatients | None = None


class WebhookPayload(Payload):
    webhook_id: str
    kind: WebhookKind = Field(description="`fhir`: a subscription of /fhir/Subscription.")
    url: str = Field(description="Of `teams` and `slack` its host: the path is a secret.")
    description: str
    events: list[str]
    is_active: bool
    created_by_id: str = Field(
        description="Kind and subject of who added it: where access groups are enforced, it sends"
        " the events of what that one may see. Empty: not known, it sends no event of a study."
    )
    sends_everything: bool = Field(description="Events of all studies: an administrator's does.")
    language: _Language
    wait_s: _WaitSeconds
    quiet_hours: _QuietHours
    names_patients: _NamesPatients
    warning: str = Field(description="What to think of before it stays as it is; mostly empty.")
    pending: int = Field(description="Notices on their way.")
    dead: int = Field(description="Notices that were given up and can be sent again.")
    created_at: datetime
    updated_at: datetime


class WebhookWithSecret(WebhookPayload):
    secret: str = Field(
        description="Empty for people. Signs the notices, and is shown this once. Each carries"
        " `webhook-id`, `webhook-timestamp` (seconds since 1970) and `webhook-signature`: `v1,` and"
        " the base64 of HMAC-SHA256 over `id.timestamp.body`, by the bytes that follow `whsec_`"
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
