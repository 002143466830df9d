"""What is sent and answered about access groups and emergency access."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from api.base_schemas import CursorPage, Payload, RequestBody
from api.request_rules.text_lengths import CONDITIONS
from api.times import Moment
from storage.access_groups.entities import Member, MemberKind, Origin, Unmatched
from storage.core.text.lookalikes import is_visible
from storage.core.text.outside_text import clean_text

Rule = Annotated[
    dict[str, Any] | None,
    Field(
        max_length=CONDITIONS,
        description="A condition as `when` in the rules file, over DICOM keywords of the first"
        " instance that arrived; `SendingApplicationEntityTitle` is the sender's AE title."
        " Null: only studies that are assigned.",
        examples=[{"any": [{"InstitutionName": "St. Mary"}, {"ReferringPhysicianName": "Doe"}]}],
    ),
]
_LETTERS_AT_LEAST = 5
_Name = Annotated[
    str,
    Field(min_length=1, max_length=80, pattern=r"^[\w .@-]+$", examples=["Radiology North"]),
]


class AccessPolicy(RequestBody):
    is_enforced: bool = Field(description="False: everybody sees every study.")
    unmatched: Unmatched = Field(description="Who sees the studies that match no rule.")


class AccessPolicyStatus(Payload):
    is_enforced: bool
    unmatched: Unmatched
    studies: int
    waiting: int = Field(description="Studies that the rules have not been applied to yet.")
    unreadable_rules: list[str] = Field(
        description="Groups whose rule this version cannot read. It gives them no more studies."
    )
    webhooks_sending_everything: int = Field(
        description="Active webhooks that send the events of all studies: those of administrators."
    )
    webhooks_without_owner: int = Field(
        description="Active webhooks from before their owners were noted: while groups are"
        " enforced they send no event of a study. Add them again, or have an administrator set"
        " `sends_everything`."
    )


class AccessGroupFields(RequestBody):
    description: str = Field("", max_length=500)
    rule: Rule = None


class NewAccessGroup(AccessGroupFields):
    name: _Name


class AccessGroupPayload(Payload):
    name: str
    description: str
    rule: dict[str, Any] | None
    is_built_in: bool = Field(description="Always there: `everyone` and `administrators`.")
    member_count: int
    study_count: int


class AccessGroupList(Payload):
    items: list[AccessGroupPayload]


class MemberFields(RequestBody):
    kind: MemberKind
    subject: str = Field(
        min_length=1,
        max_length=255,
        description="An account's name, a key's id, the `sub` or a group of an identity provider,"
        " or a peer's name.",
    )
    issuer: str = Field("", max_length=300, description="Of the kinds `oidc` and `oidc-group`.")

    def member(self, expires_at: datetime | None = None) -> Member:
        return Member(self.kind, self.subject, self.issuer, expires_at)


class NewMember(MemberFields):
    expires_at: Moment | None = Field(None, description="Null: until it is removed.")


class MemberPayload(Payload):
    kind: MemberKind
    subject: str
    issuer: str
    expires_at: datetime | None


class MemberList(Payload):
    items: list[MemberPayload]


class StudyAccessGroup(Payload):
    name: str
    origin: Origin = Field(
        description="By a rule, as no rule matched, by a person, or by an order without images."
    )


class StudyAccessGroups(Payload):
    items: list[StudyAccessGroup]


def _readable(reason: str) -> str:
    """Without what administrators would not see: controls, and letters that show nothing."""
    spaced = "".join(" " if one.isspace() and one not in "\r\n" else one for one in reason)
    seen = "".join(
        one for one in clean_text(spaced, lines=True) if one == "\n" or is_visible(one)
    ).strip()
    if sum(one.isalnum() for one in seen) < _LETTERS_AT_LEAST:
        raise ValueError(f"has {_LETTERS_AT_LEAST} letters or digits at least")
    return seen


class EmergencyRequest(RequestBody):
    """Names the studies in exactly one way."""

    reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=10, max_length=500),
        AfterValidator(_readable),
    ] = Field(description="Why; administrators read it.")
    study_instance_uid: str = Field("", max_length=64)
    accession_number: str = Field("", max_length=64)
    patient_id: str = Field("", max_length=64)
    duration_s: int | None = Field(
        None, ge=60, description="At most MEDIVIEW_EMERGENCY_ACCESS_MAX_S, which is the default."
    )


class EmergencyPayload(Payload):
    emergency_id: str
    name: str = Field(description="Of the person, as people read it.")
    reason: str
    study_instance_uids: list[str]
    started_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    reviewed_at: datetime | None
    reviewed_by: str


class EmergencyPage(CursorPage):
    items: list[EmergencyPayload]
