"""`mediview rules`: is the rules file right, what would it do, which versions of it were saved."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import counted, out
from api.cli.operator import change_by_operator, operator
from api.cli.starting import start
from inference.pipelines.checks.rules import check_pipelines, pipelines_there
from inference.routing.service import explain_routing
from inference.rules.doubts import doubts
from inference.rules.file import current_rules, read_rules
from inference.rules.judge import Trace
from inference.rules.routing_rule import SentAs
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import Explanation, explain_study
from inference.site_rules.answers import Change
from inference.site_rules.preview import preview_rules
from inference.site_rules.saving import rules_text, save_rules
from storage.audit import Audit, Code, Type
from storage.container import open_storage
from storage.rules.repository import RuleVersion, RuleVersions
from storage.settings import Settings

_SENT_AS: dict[SentAs, str] = {
    "series": "",
    "study": " with its study",
    "instance": " instance by instance",
}

app = typer.Typer(
    name="rules",
    help="Site rules: which pipelines run, and where studies are sent.",
    no_args_is_help=True,
)


@app.command("check")
def check(file: Annotated[Path, typer.Argument(help="A rules file (YAML).")]) -> None:
    """Say whether a file could be used; each mistake with its line."""
    rules = read_rules(file)
    settings = start(log_level="ERROR")
    check_pipelines(settings, rules)
    sections = (
        rules.rules,
        rules.routing,
        rules.release,
        rules.critical,
        rules.retention,
        rules.priors,
        rules.priority,
        rules.deidentification,
    )
    count = sum(len(section) for section in sections)
    _print_doubts(settings, rules)
    out.print(f"{file}: {counted(count, 'rule')}, no mistake.", markup=False, soft_wrap=True)


@app.command("preview")
def preview(
    file: Annotated[Path, typer.Argument(help="A rules file (YAML).")],
    studies: Annotated[
        int, typer.Option("--studies", min=1, help="How many are looked at, the newest first.")
    ] = 500,
    within_s: Annotated[
        float, typer.Option("--within", min=1, help="For at most so many seconds.")
    ] = 600,
) -> None:
    """Say for how many of the newest studies each rule of a file holds, and what would change."""
    settings = start(log_level="ERROR")
    tried = read_rules(file)
    check_pipelines(settings, tried)
    with open_storage(settings) as storage:
        found = preview_rules(storage, tried, current_rules(settings), studies, within_s)
    _print_doubts(settings, tried)
    _print(f"{counted(found.studies, 'study', 'studies')} looked at, the newest first.")
    if found.is_cut_short:
        _print("The time was over before all were seen; --within gives more.")
    if found.unreadable:
        _print(f"{counted(found.unreadable, 'series', 'series')} could not be read.")
    for rule in found.rules:
        _print(f"  {rule.studies:>5}  {rule.section}: {rule.name}")
    for change in found.changes:
        _print(f"{change.study_instance_uid}  {_change_text(change)}")
    if found.more_changes:
        _print(f"and {counted(found.more_changes, 'change')} more")
    if not found.changes:
        _print("Nothing would change for them.")


def _print_doubts(settings: Settings, rules: RuleSet) -> None:
    for doubt in doubts(rules, pipelines_there(settings)):
        _print(f"Note: {doubt}")


def _change_text(change: Change) -> str:
    if change.section == "retention":
        before, after = (name or "no rule" for name in (change.before, change.after))
        return f"leaves by {after} (now by {before})"
    if change.section == "deidentification":
        return f"project {change.what}: {change.after} (now {change.before})"
    if change.section == "priority":
        before, after = (stated or "none" for stated in (change.before, change.after))
        return f"priority {after} (now {before})"
    if change.section == "release":
        return f"results of {change.what}: {change.after} (now {change.before})"
    return f"{change.what}: {change.after} (now {change.before})"


@app.command("save")
def save(
    file: Annotated[Path, typer.Argument(help="A rules file (YAML).")],
    comment: Annotated[str, typer.Option("--comment", max=500, help="Why, for later.")] = "",
) -> None:
    """Put a file in force on every host, as a new version."""
    settings = start(log_level="ERROR")
    read_rules(file)
    with open_storage(settings) as storage:
        saved = _save(
            storage.settings, storage.rule_versions, storage.audit, file.read_text("utf-8"), comment
        )
    _print(f"Version {saved.number} is in force; other hosts follow within half a minute.")


def _save(
    settings: Settings, rule_versions: RuleVersions, audit: Audit, text: str, comment: str
) -> RuleVersion:
    in_force = rules_text(settings, rule_versions)
    change = change_by_operator(
        audit, Code.SECURITY_ALERT, "U", type=Type.SOFTWARE_CONFIGURATION, rules=comment
    )
    with change:
        return save_rules(
            settings,
            rule_versions,
            text,
            in_force.digest,
            author=operator().name,
            comment=comment,
        )


@app.command("history")
def history(
    number: Annotated[int | None, typer.Argument(help="Show this version.")] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="Put the version in force again, as a new one.")
    ] = False,
) -> None:
    """List the versions of the rules, show one and what it changed, or go back to one."""
    settings = start(log_level="ERROR")
    with open_storage(settings) as storage:
        versions = storage.rule_versions
        if number is None:
            found, total = versions.page(50, 0)
            for one in found:
                _print(
                    f"{one.number:>5}  {one.saved_at:%Y-%m-%d %H:%M}  {one.author}  {one.comment}"
                )
            _print(f"{counted(total, 'version')}.")
            return
        chosen = versions.version(number)
        if restore:
            saved = _save(
                storage.settings,
                storage.rule_versions,
                storage.audit,
                chosen.text,
                f"Version {number} again",
            )
            _print(f"Version {saved.number} is in force: the text of version {number}.")
            return
        _print(versions.changes(chosen))


@app.command("explain")
def explain(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID of a stored study.")],
    file: Annotated[
        Path | None, typer.Option("--file", help="Try this file instead of the rules in force.")
    ] = None,
) -> None:
    """For each series: which pipelines would run, where it would be sent, and why."""
    settings = start(log_level="ERROR")
    rules = current_rules(settings) if file is None else read_rules(file)
    with open_storage(settings) as storage:
        explanations = explain_study(
            storage.settings,
            storage.index,
            storage.instances,
            storage.worklist,
            storage.model_states,
            results_in(storage),
            study,
            rules,
        )
        routing = explain_routing(
            storage.index,
            storage.instances,
            storage.worklist,
            storage.prior_fetches,
            study,
            rules,
            storage.findings.of_study(study),
        )
        known = {peer.name for peer in storage.peers.all()}
    series_instance_uid = ""
    for one in explanations:
        if one.series.series_instance_uid != series_instance_uid:
            series_instance_uid = one.series.series_instance_uid
            series = one.series
            number = "?" if series.series_number is None else series.series_number
            _print(f"Series {number} ({series.modality}), {series.instance_count} instances")
        _print_pipeline(one)
    for series, tried_rules in routing:
        number = "?" if series.series_number is None else series.series_number
        _print(f"Routing of series {number} ({series.modality})")
        for routed in tried_rules:
            names = ", ".join(
                name if name in known else f"{name} (no peer has this name)"
                for name in routed.rule.to
            )
            what = "" if routed.rule.what == "received" else f" ({routed.rule.what})"
            whole = _SENT_AS[routed.rule.send]
            verb = "goes" if routed.holds else "does not go"
            _print(f"  {verb}{what}{whole} to {names}: rule '{routed.rule.name}'")
            for how in routed.rule.in_words():
                _print(f"      {how}")
            if routed.trace is not None:
                _print_trace(routed.trace, 6)


def _print_pipeline(one: Explanation) -> None:
    _print(f"  {'runs' if one.would_run else 'does not run':<12}  {one.pipeline}: {one.reason}")
    if one.priority:
        _print(f"    priority {one.priority}")
    for tried in one.rules:
        _print(f"    rule '{tried.rule.name}' {'holds' if tried.holds else 'does not hold'}")
        if tried.trace is not None:
            _print_trace(tried.trace, 6)


def _print_trace(trace: Trace, indent: int) -> None:
    found = f" (found {trace.found})" if trace.found else ""
    _print(f"{' ' * indent}{'yes' if trace.holds else 'no ':<4}{trace.text}{found}")
    for part in trace.parts:
        _print_trace(part, indent + 4)


def _print(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
