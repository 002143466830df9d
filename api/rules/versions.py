"""The text of the site's rules, version by version: who saved each, and what it changed."""

from typing import Annotated

from fastapi import Path
from pydantic import AwareDatetime, Field

from api.access.policy import ADMINS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import MODEL_CHANGED, PUBLIC
from api.base_schemas import CursorPage, Payload, RequestBody
from api.deps import StorageDep
from api.lists.cursors import CursorPagingDep
from api.parameters import problems
from api.router_factory import new_router
from inference.rules.file import MAX_BYTES
from inference.site_rules.saving import rules_text, save_rules
from storage.rules.repository import (
    COMMENT_MAX_CHARACTERS,
    NEWEST_RULE_VERSIONS,
    RuleVersion,
)

router = new_router(prefix="/api/rules", tags=["rules"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


class RulesTextPayload(Payload):
    """The rules in force as YAML, as an editor begins with them."""

    text: str
    digest: str = Field(description="What `based_on` of the next saving is.")
    version: int = Field(description="0: none was ever saved.", examples=[12])
    file: str = Field(description="The name of the file.", examples=["rules.yaml"])
    is_read_only: bool = Field(
        description="`MEDIVIEW_RULES_FILE` names the file: it is changed where the site keeps it."
    )


class NewRules(RequestBody):
    text: str = Field(
        max_length=MAX_BYTES, description="YAML.", examples=["version: 1\nrules: []\n"]
    )
    based_on: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="The `digest` of the text that was changed."
    )
    comment: str = Field(
        "",
        max_length=COMMENT_MAX_CHARACTERS,
        pattern=r"^[^\x00]*$",
        description="Why, for those who read the versions later.",
        examples=["Send mammograms to the screening archive"],
    )


class RuleVersionPayload(Payload):
    number: int
    saved_at: AwareDatetime
    author: str = Field(description="Who saved it; `rules.yaml` where the file was edited.")
    comment: str


class RuleVersionPage(CursorPage):
    items: list[RuleVersionPayload]


class WholeRuleVersion(RuleVersionPayload):
    text: str
    changes: str = Field(
        description="What became otherwise since the version before, as a unified diff.",
    )


@router.get("/text", summary="Show the rules as text")
@policy(ADMINS, "admin", PUBLIC)
def get_rules_text(storage: StorageDep) -> RulesTextPayload:
    """What is edited, and which version it is."""
    found = rules_text(storage.settings, storage.rule_versions)
    return RulesTextPayload(
        text=found.text,
        digest=found.digest,
        version=found.version,
        file=found.file,
        is_read_only=found.is_read_only,
    )


@router.put("/text", summary="Save the rules", responses=problems(400, 401, 403, 409, 422))
@policy(ADMINS, "admin", MODEL_CHANGED, people_only=True, confirmed_to="change the rules")
def put_rules_text(
    storage: StorageDep, principal: PrincipalDep, wanted: NewRules
) -> RuleVersionPayload:
    """A new version, in force at once; other hosts follow within half a minute.

    What mistakes it has is answered line by line, and nothing is saved then. Going back to an
    earlier version is saving its text.
    """
    saved = save_rules(
        storage.settings,
        storage.rule_versions,
        wanted.text,
        wanted.based_on,
        author=principal.name,
        author_id=principal.identity.id,
        comment=wanted.comment.strip(),
    )
    return _payload(saved)


@router.get("/versions", summary="List the versions of the rules, the newest first")
@policy(ADMINS, "admin", PUBLIC)
def list_rule_versions(storage: StorageDep, paging: CursorPagingDep) -> RuleVersionPage:
    """Who saved each, when, and why."""
    return paging.read(RuleVersionPage, NEWEST_RULE_VERSIONS, storage.rule_versions.page, _payload)


@router.get(
    "/versions/{number}",
    summary="Show one version of the rules, and what it changed",
    responses=problems(404),
)
@policy(ADMINS, "admin", PUBLIC)
def get_rule_version(storage: StorageDep, number: Number) -> WholeRuleVersion:
    """Its text, and the difference from the version before."""
    found = storage.rule_versions.version(number)
    return WholeRuleVersion(
        **_payload(found).model_dump(),
        text=found.text,
        changes=storage.rule_versions.changes(found),
    )


def _payload(version: RuleVersion) -> RuleVersionPayload:
    return RuleVersionPayload(
        number=version.number,
        saved_at=version.saved_at,
        author=version.author,
        comment=version.comment,
    )
