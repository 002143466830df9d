"""What rules would do before they are saved: asked of the newest studies."""

from pydantic import Field

from api.access.policy import ADMINS, policy
from api.audit_rules import UIDS_ALONE
from api.base_schemas import Payload, RequestBody
from api.deps import StorageDep
from api.parameters import problems
from api.router_factory import new_router
from inference.pipelines.checks.rules import pipelines_there
from inference.rules.doubts import doubts
from inference.rules.file import MAX_BYTES, current_rules
from inference.site_rules.answers import Change, Section
from inference.site_rules.preview import Preview, RulePreview, preview_rules
from inference.site_rules.saving import checked_rules

router = new_router(prefix="/api/rules", tags=["rules"])

_MOST_STUDIES = 500
# A person waits for the answer.
_WITHIN_S = 20.0


class RulesToTry(RequestBody):
    text: str = Field(
        max_length=MAX_BYTES, description="YAML.", examples=["version: 1\nrules: []\n"]
    )
    studies: int = Field(
        100, ge=1, le=_MOST_STUDIES, description="How many are looked at, the newest first."
    )


class RulePreviewPayload(Payload):
    section: Section = Field(description="Where the rule stands in the file.")
    name: str
    studies: int = Field(description="For how many of those looked at it counts.", examples=[17])
    examples: list[str] = Field(description="Study Instance UIDs of the newest of them.")


class RuleChangePayload(Payload):
    """What would be otherwise for one study."""

    study_instance_uid: str
    section: Section
    what: str = Field(
        description="The pipeline, the destination, the project, of release PIPELINE, DESTINATION,"
        " and of alerts the rule; empty for retention and priority.",
        examples=["lung-density"],
    )
    before: str = Field(
        description="With the rules in force. Of retention: the rule by which it leaves, with the"
        " day from which it may, and `evict` where that may be earlier; or nothing.",
        examples=["does not run"],
    )
    after: str = Field(examples=["runs"])


class RulesPreview(Payload):
    studies: int = Field(description="How many were looked at.")
    is_cut_short: bool = Field(description="The time was over before all were seen.")
    rules: list[RulePreviewPayload]
    changes: list[RuleChangePayload] = Field(description="The first 500.")
    more_changes: int = Field(description="How many there are beyond.")
    unreadable: int = Field(description="Series whose headers could not be read.")
    doubts: list[str] = Field(
        description="What is allowed and can hardly be meant, such as a condition that never holds."
    )


@router.post(
    "/preview",
    summary="Say what rules would do",
    operation_id="preview_rules",
    responses=problems(400, 422),
)
@policy(ADMINS, "admin", UIDS_ALONE)
def post_rules_preview(storage: StorageDep, asked: RulesToTry) -> RulesPreview:
    """Ask these rules and those in force about the newest studies, for at most twenty seconds.

    Nothing is saved, scheduled or sent. Rules of release and of alerts are asked of the results
    that are there.
    """
    tried = checked_rules(storage.settings, asked.text)
    in_force = current_rules(storage.settings)
    found = preview_rules(storage, tried, in_force, asked.studies, _WITHIN_S)
    return _payload(found, doubts(tried, pipelines_there(storage.settings)))


def _payload(preview: Preview, doubtful: list[str]) -> RulesPreview:
    return RulesPreview(
        studies=preview.studies,
        is_cut_short=preview.is_cut_short,
        rules=[_rule(one) for one in preview.rules],
        changes=[_change(one) for one in preview.changes],
        more_changes=preview.more_changes,
        unreadable=preview.unreadable,
        doubts=doubtful,
    )


def _rule(one: RulePreview) -> RulePreviewPayload:
    return RulePreviewPayload(
        section=one.section, name=one.name, studies=one.studies, examples=one.examples
    )


def _change(one: Change) -> RuleChangePayload:
    return RuleChangePayload(
        study_instance_uid=one.study_instance_uid,
        section=one.section,
        what=one.what,
        before=one.before,
        after=one.after,
    )
