"""Bodies and answers of the hub."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.base_schemas import Payload, RequestBody


class HubConfiguration(Payload):
    """What the hub can do (FHIRcast 3.0.0, 2.7)."""

    model_config = ConfigDict(frozen=True, alias_generator=None)

    eventsSupported: list[str]  # noqa: N815
    websocketSupport: bool = True  # noqa: N815
    fhircastVersion: Literal["STU3"] = "STU3"  # noqa: N815
    getCurrentSupport: bool = True  # noqa: N815
    fhirVersion: Literal["R4"] = "R4"  # noqa: N815


class CurrentContext(Payload):
    """What is open (2.9); empty where nothing is."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    type: str = Field("", serialization_alias="context.type")
    version_id: str = Field("", serialization_alias="context.versionId")
    context: list[dict[str, Any]]


class FhircastTopic(Payload):
    """Where a person's systems meet."""

    enabled: bool = Field(description="Whether this node is a hub (MEDIVIEW_FHIRCAST).")
    hub_url: str = Field("", description="For `hub.url` of the other systems.")
    joined_topic: str = Field("", description="Of another system's hub that this one joined.")
    joins_hub: str = Field(
        "", description="Host of the other system's hub whose topics can be joined; empty: none."
    )
    is_joined_now: bool = Field(
        False,
        description="Whether events are passed on between both topics just now: while a page of"
        " the viewer is open.",
    )
    topic: str = Field("", description="For `hub.topic`; a program with a key takes part by it.")


class JoinedTopic(RequestBody):
    """A topic of the hub of another system (MEDIVIEW_FHIRCAST_HUB_URL)."""

    joined_topic: str = Field(
        max_length=256,
        pattern=r"^[A-Za-z0-9._~:@-]*$",
        description="`hub.topic` there; empty: take part in none.",
    )
    user: str = Field(
        "", max_length=200, description="For a program: the name of the person it serves."
    )


class OpenedStudy(RequestBody):
    """A study that somebody opened or closed in the viewer."""

    study_instance_uid: str = Field(pattern=r"^[0-9.]{1,64}$")
    change: Literal["open", "close"]


class AnnouncedEvent(Payload):
    """Of what was announced; the hub sends it to all subscribers, the asking one too."""

    id: str
