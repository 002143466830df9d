"""`mediview rules`: is the rules file right, why does a pipeline run, where does a series go."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import counted, out
from api.cli.starting import start
from inference.pipelines.checks.rules import check_pipelines
from inference.routing.service import explain_routing
from inference.rules.file import current_rules, read_rules
from inference.rules.judge import Trace
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import Explanation, explain_study
from storage.container import open_storage

app = typer.Typer(
    name="rules",
    help="Site rules: which pipelines run, and where studies are sent.",
    no_args_is_help=True,
)


@app.command("check")
def check(file: Annotated[Path, typer.Argument(help="A rules file (YAML).")]) -> None:
    """Say whether a file could be used; each mistake with its line."""
    rules = read_rules(file)
    check_pipelines(start(log_level="ERROR"), rules)
    sections = (rules.rules, rules.routing, rules.critical, rules.retention)
    count = sum(len(section) for section in sections)
    out.print(f"{file}: {counted(count, 'rule')}, no mistake.", markup=False, soft_wrap=True)


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
            storage.model_states,
            results_in(storage),
            study,
            rules,
        )
        routing = explain_routing(storage.index, storage.instances, study, rules)
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
            whole = " with its study" if routed.rule.send == "study" else ""
            verb = "goes" if routed.holds else "does not go"
            _print(f"  {verb}{whole} to {names}: rule '{routed.rule.name}'")
            if routed.trace is not None:
                _print_trace(routed.trace, 6)


def _print_pipeline(one: Explanation) -> None:
    _print(f"  {'runs' if one.would_run else 'does not run':<12}  {one.pipeline}: {one.reason}")
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
