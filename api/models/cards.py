"""Cards of added models as text: read, checked as one types, and saved."""

from fastapi import Response
from pydantic import Field

from api.access.policy import ADMINS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import MODEL_CHANGED, PUBLIC
from api.base_schemas import Payload, RequestBody
from api.deps import StorageDep
from api.errors import ApiProblem
from api.models.routes import Name, Version
from api.models.schemas import ModelDetail
from api.models.serializers import model_detail
from api.parameters import problems
from api.router_factory import new_router
from inference.model_registry.card_editing import (
    CARD_MAX_CHARACTERS,
    CardRefused,
    card_text,
    check_card_text,
    save_card,
)
from inference.model_registry.card_mistakes import CardMistake
from inference.model_registry.status import model_of

router = new_router(prefix="/api/models", tags=["models"])


class CardTextPayload(Payload):
    """A card as an editor begins with it."""

    text: str
    digest: str = Field(description="What `based_on` of the next saving is.")
    locked: str = Field(description="Why it cannot be saved here; empty where it can be.")


class CardToCheck(RequestBody):
    text: str = Field(
        max_length=CARD_MAX_CHARACTERS,
        description="JSON, as `mediview.json`.",
        examples=['{"licence": "Apache-2.0"}'],
    )


class NewCard(CardToCheck):
    based_on: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="The `digest` of the text that was changed."
    )


class CardMistakePayload(Payload):
    path: str = Field(
        description="Keys and indices; empty: the text as a whole.", examples=["segments.1.code"]
    )
    line: int = Field(description="From 1.")
    column: int = Field(description="From 1.")
    detail: str
    value: str = Field(description="What stands there, as JSON; empty: nothing, or more than one.")
    remedy: str


class CardCheckPayload(Payload):
    mistakes: list[CardMistakePayload] = Field(
        description="The first 50; with any it is not saved."
    )
    changes: str = Field(description="From the card that is saved, as a unified diff.")
    version: str = Field(description="Of the model with this card; empty where it has mistakes.")


@router.get(
    "/{name}/versions/{version}/card", summary="Show a card as text", responses=problems(404)
)
@policy(ADMINS, "admin", PUBLIC)
def get_card(storage: StorageDep, name: Name, version: Version) -> CardTextPayload:
    """Of a model that was added; cards of the release are in its code."""
    standing = model_of(storage.settings, storage.model_states, name, version)
    found = card_text(storage.settings, standing)
    return CardTextPayload(text=found.text, digest=found.digest, locked=found.locked)


@router.post(
    "/{name}/versions/{version}/card/check",
    summary="Check a card",
    operation_id="check_card",
    responses=problems(404),
)
@policy(ADMINS, "admin", PUBLIC)
def post_card_check(
    storage: StorageDep, name: Name, version: Version, wanted: CardToCheck
) -> CardCheckPayload:
    """Whether the model could be added with this card, and what it changes. Nothing is kept."""
    standing = model_of(storage.settings, storage.model_states, name, version)
    found = check_card_text(storage.settings, standing, wanted.text)
    return CardCheckPayload(
        mistakes=[_mistake(one) for one in found.mistakes],
        changes=found.changes,
        version=found.version,
    )


@router.put(
    "/{name}/versions/{version}/card",
    summary="Save a card",
    responses=problems(400, 401, 403, 404, 409, 412, 422, 503),
)
@policy(ADMINS, "admin", MODEL_CHANGED, people_only=True, confirmed_to="change the card of a model")
def put_card(
    storage: StorageDep,
    principal: PrincipalDep,
    response: Response,
    name: Name,
    version: Version,
    wanted: NewCard,
) -> ModelDetail:
    """The model counts as added with it, and is verified again before it makes results.

    A card that states another version makes one beside this one. 422 `card_invalid` lists the
    mistakes; 409 `model_held` while this version is active or a shadow, and the card states it.
    """
    standing = model_of(storage.settings, storage.model_states, name, version)
    try:
        save_card(storage, standing, wanted.text, wanted.based_on, principal.name)
    except CardRefused as error:
        listed = [_mistake(one).model_dump() for one in error.mistakes]
        raise ApiProblem(
            422,
            "card_invalid",
            error.message,
            title="The card has mistakes",
            remedy=error.remedy,
            extra={"mistakes": listed},
        ) from error
    response.headers["Location"] = f"/api/models/{name}"
    return model_detail(storage.settings, storage.model_states, name)


def _mistake(one: CardMistake) -> CardMistakePayload:
    return CardMistakePayload(
        path=one.path,
        line=one.place[0],
        column=one.place[1],
        detail=one.sentence,
        value=one.value,
        remedy=one.remedy,
    )
