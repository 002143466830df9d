"""What the audit trail records of each route stands beside the route."""

from api.app import create_app
from api.audit_rules import EACH_BY_ITSELF, Audited, NotAudited
from storage.settings import Settings


def test_what_is_not_recorded_has_a_reason() -> None:
    rules = create_app(Settings()).state.rules.rules
    assert len(rules) > 150
    for rule in rules:
        audit = rule.policy.audit
        assert isinstance(audit, Audited | NotAudited)
        if isinstance(audit, NotAudited):
            assert audit.reason.endswith(".")


def test_every_change_of_a_record_is_recorded_or_says_where() -> None:
    """A write that is not recorded by its route is an exception that somebody looked at."""
    rules = create_app(Settings()).state.rules.rules
    quiet = {
        (rule.method, rule.path)
        for rule in rules
        if isinstance(rule.policy.audit, NotAudited)
        and rule.policy.audit is not EACH_BY_ITSELF
        and rule.method not in ("GET", "WEBSOCKET")
    }
    # It changes nothing, and answers UIDs alone.
    quiet.discard(("POST", "/api/rules/preview"))
    # It changes nothing, and is about a text without a patient.
    quiet.discard(("POST", "/api/report-templates/mrrt"))
    # It changes nothing, and is about a model.
    quiet.discard(("POST", "/api/models/{name}/versions/{version}/card/check"))
    assert {path.split("/")[2] for _, path in quiet} <= {
        *("session", "me", "users", "keys", "uploads"),
        *("access-groups", "access-policy", "emergency-access", "legal-holds", "patient-changes"),
    }, sorted(quiet)
