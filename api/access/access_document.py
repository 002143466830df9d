"""The policies of all routes as one table, for review."""

from collections.abc import Iterable

from api.access.rule_index import Rule
from api.audit_rules import Audited

_HEAD = """# Access and audit of every route

Written by `scripts/access-table.py` from the routes; a test compares. To change a line, change the
`@policy` of the route. A key needs the scope beside a role. *People*: signed in as a person; no key
may, whatever its roles. *Confirmed*: a person has shown again who it is within five minutes; a key
needs none. *Sign-in step*: also for somebody whose sign-in lacks this step. HEAD and OPTIONS follow
GET. `MEDIVIEW_METRICS_PUBLIC` opens `/metrics` to everybody.

| route | roles | scope | audit |
|---|---|---|---|
"""


def access_table(rules: Iterable[Rule]) -> str:
    """Markdown, in the order of the paths."""
    ordered = sorted(rules, key=lambda rule: (rule.path, rule.method))
    return _HEAD + "".join(f"{_row(rule)}\n" for rule in ordered)


def _row(rule: Rule) -> str:
    roles = ", ".join(sorted(rule.roles)) or "everybody"
    people = " (people)" if rule.people_only else ""
    confirmed = " (confirmed)" if rule.policy.confirmed_to else ""
    steps = f"; sign-in step {', '.join(sorted(rule.steps))}" if rule.steps else ""
    who = roles + people + confirmed + steps
    cells = (f"`{rule.method} {rule.path}`", who, rule.scope, _audit(rule))
    return f"| {' | '.join(cells)} |"


def _audit(rule: Rule) -> str:
    audit = rule.policy.audit
    if not isinstance(audit, Audited):
        return f"none: {audit.reason}"
    parts = [audit.code.name.replace("_", " ").lower(), audit.action]
    if audit.via:
        parts.append(f"via {audit.via}")
    if audit.stores:
        parts.append("by study")
    if audit.with_change:
        parts.append("with the change")
    if audit.repeated:
        parts.append("once a minute")
    return ", ".join(parts)
