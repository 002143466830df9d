"""How the one who asks likes the pages."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

import structlog
from pydantic import ConfigDict, Field, StringConstraints, ValidationError, field_validator

from api.access.policy import READERS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import OWN_SETTINGS
from api.base_schemas import FewMistakes, Payload
from api.deps import StorageDep
from api.hanging_protocol_schemas import HangingProtocols
from api.router_factory import new_router

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/me", tags=["session"])

Word = Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z_]+$")]
# Which there are, the pages know: viewer/shared/i18n/languages.ts.
PageLanguage = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Line = Annotated[str, StringConstraints(max_length=60, min_length=1, pattern=r"^[^\x00]+$")]


class SavedView(Payload, FewMistakes):
    """A worklist as it was searched, filtered and sorted, under a name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Line = Field(examples=["MR of today, not read"])
    query: str = Field(
        max_length=1000,
        pattern=r"^[^\x00]*$",
        description="The address of the list after `?`.",
        examples=["modality=MR&state=results"],
    )


class Phrase(Payload, FewMistakes):
    """A text that is put into a report by a short word."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    word: Line = Field(examples=["normal"])
    text: str = Field(min_length=1, max_length=2000, pattern=r"^[^\x00]+$")


class OwnWindow(Payload, FewMistakes):
    """A window that a person gave a name, for images of one modality."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Line = Field(examples=["Subdural"])
    modality: str = Field(max_length=16, pattern=r"^[A-Z]+$", examples=["CT"])
    center: float = Field(ge=-1e9, le=1e9, allow_inf_nan=False)
    width: float = Field(gt=0, le=1e9, allow_inf_nan=False)


class Panel(Payload, FewMistakes):
    """A panel beside the images of the reader."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_open: bool = True
    width_px: int | None = Field(
        None, ge=100, le=2000, description="In CSS pixels; null: the usual width."
    )


class Panels(Payload, FewMistakes):
    """Both of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    series: Panel = Panel()
    results: Panel = Panel()


class OwnKey(Payload, FewMistakes):
    """A key of the reader that a person moved to another one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usual: str = Field(pattern=r"^[!-~]$", examples=["w"], description="What the pages have.")
    key: str = Field(pattern=r"^[!-~]$", examples=["k"], description="What the person presses.")


class PreferencesPayload(Payload, FewMistakes):
    """What is left out has the default of the pages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: PageLanguage | None = Field(
        None, description="Of the pages, such as fr; null, and one that they lack: the browser's."
    )
    theme: Literal["dark", "light"] | None = Field(None, description="null: dark.")
    density: Literal["compact", "comfortable"] | None = Field(None, description="null: compact.")
    columns: list[Word] = Field(
        default_factory=list, max_length=30, description="Of the study list; none: the default."
    )
    views: list[SavedView] = Field(default_factory=list, max_length=50)
    phrases: list[Phrase] = Field(default_factory=list, max_length=100)
    windows: list[OwnWindow] = Field(
        default_factory=list, max_length=60, description="Presets beside those of the pages."
    )
    panels: Panels = Field(Panels(), description="Of the reader.")
    keys: list[OwnKey] = Field(
        default_factory=list, max_length=94, description="Of the reader; none: the usual ones."
    )
    hanging: HangingProtocols | None = Field(
        None, description="How studies are laid out for me; null: as the site lays them out."
    )
    tours: list[Word] = Field(
        default_factory=list, max_length=20, description="Which were shown, and are not again."
    )

    @field_validator("keys")
    @classmethod
    def _each_once(cls, keys: list[OwnKey]) -> list[OwnKey]:
        for names in ([one.usual for one in keys], [one.key for one in keys]):
            if len(set(names)) < len(names):
                raise ValueError("a key stands twice")
        return keys


@router.get("/preferences", summary="How I like the pages")
@policy(READERS, "api:read", OWN_SETTINGS)
def get_preferences(storage: StorageDep, principal: PrincipalDep) -> PreferencesPayload:
    """The defaults, where nothing was chosen."""
    return _valid(storage.preferences.of(principal.identity))


@router.put("/preferences", summary="Say how I like the pages")
@policy(READERS, "api:write", OWN_SETTINGS)
def put_preferences(
    storage: StorageDep, principal: PrincipalDep, chosen: PreferencesPayload
) -> PreferencesPayload:
    """In the place of all that was chosen before. Name no patient in it."""
    storage.preferences.put(principal.identity, chosen.model_dump(exclude_defaults=True))
    return chosen


def _valid(chosen: dict[str, Any]) -> PreferencesPayload:
    """Without what this version does not know or take any more: another one may have stored it."""
    known = {name: chosen[name] for name in PreferencesPayload.model_fields if name in chosen}
    try:
        return PreferencesPayload.model_validate(known)
    except ValidationError as error:
        wrong = {(*one["loc"], None)[:2] for one in error.errors()}
    log.warning("preferences_no_longer_valid", names=sorted({str(name) for name, _ in wrong}))
    usable = {name: _without(value, name, wrong) for name, value in known.items()}
    return PreferencesPayload.model_validate(
        {name: value for name, value in usable.items() if value is not None}
    )


def _without(value: Any, name: str, wrong: Collection[tuple[Any, ...]]) -> Any:
    """Of a list the items that are right; of anything else all or nothing."""
    places = {at for field, at in wrong if field == name}
    if isinstance(value, list) and None not in places:
        return [one for at, one in enumerate(value) if at not in places]
    return None if places else value
