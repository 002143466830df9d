"""Every route has a decision in the table of what the audit trail hears."""

from fastapi.routing import iter_route_contexts

from api.app import create_app
from api.audit.decisions import DECISIONS, undecided
from storage.settings import Settings


def _routes() -> set[tuple[str, str]]:
    return {
        (method, context.path or "")
        for context in iter_route_contexts(create_app(Settings()).routes)
        for method in (getattr(context, "methods", None) or {"WEBSOCKET"})
    }


def test_no_route_is_without_a_decision() -> None:
    missing = undecided(_routes())
    assert not missing, (
        f"Nobody has decided what the audit trail hears of {missing}."
        " Add a line for each to DECISIONS in api/audit/decisions.py: Told(...) for what shows"
        " or changes somebody's data, Quiet(reason) for what does not."
    )


def test_no_decision_is_about_a_route_that_is_not_there() -> None:
    stale = DECISIONS.keys() - _routes()
    assert not stale, f"Remove {sorted(stale)} from DECISIONS in api/audit/decisions.py."
