"""`mediview access-groups`: who may see which study."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from api.access.audited_changes import group_change
from api.cli.console import counted, out, table_of
from api.cli.operator import operator
from api.cli.starting import start
from storage.access_groups.entities import Member, member_kind
from storage.accounts.api_keys import ApiKeys
from storage.container import Storage, open_storage
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.bounded_yaml import load_bounded_yaml
from storage.settings import Settings

app = typer.Typer(
    name="access-groups", help="Access groups: who may see which study.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="The group's name.")]
StudyUid = Annotated[str, typer.Argument(help="StudyInstanceUID of a stored study.")]
RuleText = Annotated[
    str,
    typer.Option(
        "--rule",
        help="A condition in YAML, as `when` in the rules file, such as"
        " 'InstitutionName: St. Mary' or 'SendingApplicationEntityTitle: [CT1, CT2]'.",
    ),
]
Description = Annotated[str, typer.Option("--description", help="For people to read.")]
Kind = Annotated[str, typer.Argument(help="account, key, oidc, oidc-group or peer")]
Subject = Annotated[
    str, typer.Argument(help="Account or peer name, key id, or `sub` or group at the provider.")
]
Issuer = Annotated[
    str, typer.Option("--issuer", help="Of oidc and oidc-group; default: MEDIVIEW_OIDC_ISSUER.")
]


@contextmanager
def _storage() -> Iterator[Storage]:
    with open_storage(start(log_level="ERROR")) as storage:
        yield storage


@app.command("list")
def list_groups() -> None:
    """Show all groups, and how far their rules have been applied."""
    from inference.access_groups.stored_rules import unreadable_rules

    with _storage() as storage:
        groups = storage.access_groups.all()
        state, progress = storage.access_groups.state(), storage.access_groups.progress()
    table = table_of("Name", "Members", "Studies", "Rule")
    for one in groups:
        members = "everyone" if one.name == "everyone" else str(one.member_count)
        rule = json.dumps(one.rule, ensure_ascii=False) if one.rule else ""
        table.add_row(one.name, members, str(one.study_count), rule)
    out.print(table)
    word = "enforced" if state.is_enforced else "not enforced: everyone sees every study"
    out.print(
        f"Groups are {word}. Studies that match no rule are seen by {state.unmatched}."
        f" {progress.waiting} of {progress.studies} studies wait for the rules.",
        markup=False,
        soft_wrap=True,
    )
    for name in unreadable_rules(groups):
        out.print(
            f"The rule of {name} cannot be read. Write it again: mediview access-groups change.",
            markup=False,
            soft_wrap=True,
        )


@app.command("show")
def show(name: Name) -> None:
    """Show the members of a group."""
    with _storage() as storage:
        members = storage.access_groups.members(name)
    for one in members:
        until = f", until {one.expires_at:%Y-%m-%d %H:%M} UTC" if one.expires_at else ""
        issuer = f" ({one.issuer})" if one.issuer else ""
        out.print(f"{one.kind} {one.subject}{issuer}{until}", markup=False, soft_wrap=True)
    out.print(f"{counted(len(members), 'member')}.", markup=False)


@app.command("add")
def add(name: Name, rule: RuleText = "", description: Description = "") -> None:
    """Add a group. The worker applies its rule to all studies."""
    condition = _rule(rule)
    with _storage() as storage, group_change(storage.audit, operator(), "C", name):
        storage.access_groups.add(name, description, condition)
    out.print(f"The access group {name} is there now.", markup=False)


@app.command("change")
def change(name: Name, rule: RuleText = "", description: Description = "") -> None:
    """Give a group another rule and description. The rule takes effect study by study."""
    condition = _rule(rule)
    with (
        _storage() as storage,
        group_change(storage.audit, operator(), "U", name, what="description and rule"),
    ):
        storage.access_groups.change(name, description=description, rule=condition)
    out.print(f"The access group {name} is changed.", markup=False)


@app.command("remove")
def remove(name: Name) -> None:
    """Remove a group; its studies go by the rules of the other groups."""
    with _storage() as storage, group_change(storage.audit, operator(), "D", name):
        storage.access_groups.remove(name)
    out.print(f"The access group {name} is removed.", markup=False)


@app.command("add-member")
def add_member(
    name: Name,
    kind: Kind,
    subject: Subject,
    issuer: Issuer = "",
    until: Annotated[
        datetime | None, typer.Option("--until", help="The membership ends then (UTC).")
    ] = None,
) -> None:
    """Let somebody see the studies of a group."""
    with _storage() as storage:
        ends = None if until is None else until.replace(tzinfo=UTC)
        member = _member(storage.settings, storage.api_keys, kind, subject, issuer, ends)
        detail = {"what": "member added", "member": f"{kind}:{subject}"}
        with group_change(storage.audit, operator(), "U", name, **detail):
            storage.access_groups.add_member(name, member)
    out.print(f"{subject} belongs to {name}.", markup=False)


@app.command("remove-member")
def remove_member(name: Name, kind: Kind, subject: Subject, issuer: Issuer = "") -> None:
    """Let somebody see the studies of a group no longer."""
    with _storage() as storage:
        member = _member(storage.settings, storage.api_keys, kind, subject, issuer, None)
        detail = {"what": "member removed", "member": f"{kind}:{subject}"}
        with group_change(storage.audit, operator(), "U", name, **detail):
            storage.access_groups.remove_member(name, member)
    out.print(f"{subject} no longer belongs to {name}.", markup=False)


@app.command("assign")
def assign(name: Name, study: StudyUid) -> None:
    """Give a study to a group, regardless of the rules."""
    with _storage() as storage:
        detail = {"what": "study assigned", "study_instance_uid": study}
        with group_change(storage.audit, operator(), "U", name, **detail):
            storage.access_groups.assign(name, study)
    out.print(f"The study belongs to {name}.", markup=False)


@app.command("unassign")
def unassign(name: Name, study: StudyUid) -> None:
    """Take an assigned study away; the rules decide on it again."""
    with _storage() as storage:
        detail = {"what": "study taken away", "study_instance_uid": study}
        with group_change(storage.audit, operator(), "U", name, **detail):
            storage.access_groups.unassign(name, study)
    out.print(f"The study was taken away from {name}.", markup=False)


@app.command("of-study")
def of_study(study: StudyUid) -> None:
    """Show the groups of a study, and how it came to each."""
    with _storage() as storage:
        found = storage.access_groups.of_study(study)
    for name, origin in found.items():
        out.print(f"{name} ({origin})", markup=False)
    if not found:
        out.print("None yet: only administrators see it.", markup=False)


@app.command("enforce")
def enforce(
    off: Annotated[bool, typer.Option("--off", help="Let everyone see every study again.")] = False,
) -> None:
    """Let the groups decide who sees which study; first the rules must have been applied."""
    with _storage() as storage:
        word = "no longer enforced" if off else "enforced"
        with group_change(storage.audit, operator(), "U", "all access groups", what=word):
            storage.access_groups.enforce(not off)
        webhooks = storage.webhooks.owners()
    out.print(f"Access groups are {word}.", markup=False)
    if not off:
        out.print(
            f"{webhooks.sending_everything} webhooks of administrators send the events of all"
            f" studies, and {webhooks.without_owner} whose owner is not known those of none:"
            " GET /api/webhooks lists them.",
            markup=False,
            soft_wrap=True,
        )


@app.command("unmatched")
def unmatched(
    group: Annotated[str, typer.Argument(help="everyone or administrators")],
) -> None:
    """Choose who sees the studies that match no rule."""
    if group not in ("everyone", "administrators"):
        raise InvalidRequest(
            f"'{group}' cannot have them.", remedy="Choose everyone or administrators."
        )
    with (
        _storage() as storage,
        group_change(storage.audit, operator(), "U", group, what="studies that match no rule"),
    ):
        storage.access_groups.give_unmatched_to(
            "everyone" if group == "everyone" else "administrators"
        )
    out.print(f"Studies that match no rule are seen by {group}.", markup=False)


@app.command("emergencies")
def emergencies(
    all_: Annotated[bool, typer.Option("--all", help="Also those that were reviewed.")] = False,
) -> None:
    """Show emergency access that nobody has reviewed yet."""
    with _storage() as storage:
        found, total = storage.emergency_access.list(100, 0, unreviewed=not all_)
    for one in found:
        out.print(
            f"{one.started_at:%Y-%m-%d %H:%M} UTC  {one.name}  {len(one.study_instance_uids)}"
            f" studies  {one.reason}",
            markup=False,
            soft_wrap=True,
        )
    out.print(f"{total} in all. GET /api/emergency-access has more.", markup=False)


def _member(
    settings: Settings,
    api_keys: ApiKeys,
    kind: str,
    subject: str,
    issuer: str,
    expires_at: datetime | None,
) -> Member:
    if kind == "key":
        # People know its name; names are not compared.
        subject = api_keys.get(subject).key_id
    if kind in ("oidc", "oidc-group"):
        issuer = issuer or settings.oidc_issuer
    return Member(member_kind(kind), subject, issuer, expires_at)


def _rule(text: str) -> dict[str, Any] | None:
    import yaml

    from inference.access_groups.rules import read_rule

    if not text:
        return None
    try:
        rule = load_bounded_yaml(text)
    except yaml.YAMLError as error:
        raise InvalidRequest("The rule is not YAML.", remedy="Write 'Keyword: value'.") from error
    read_rule(rule)
    found: dict[str, Any] = rule
    return found
