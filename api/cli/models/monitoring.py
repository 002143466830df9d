"""`mediview models agreement` and `drift`: how models do over time."""

from typing import Annotated

import typer

from api.cli.console import out, table_of
from api.cli.models.app import Name, app, opened
from api.cli.operator import operator
from inference.model_registry.drift import all_shifts
from inference.model_registry.status import models_named, standing_named
from inference.scheduling.shadow_agreement import summarised
from storage.core.clock import utcnow


@app.command("agreement")
def agreement(name: Name) -> None:
    """Show how far shadow versions agree with the active one."""
    with opened() as storage:
        versions = dict.fromkeys(
            one.pipeline.card.version
            for one in models_named(storage.settings, storage.model_states, name)
        )
        runs = {one: storage.shadow_runs.of_model(name, one) for one in versions}
    for version, all_of in runs.items():
        if not all_of:
            continue
        found = summarised(all_of)
        out.print(
            f"{name} {version}: {found.done} of {found.runs} runs done,"
            f" {found.compared} compared, {len(found.failures)} failed.",
            markup=False,
        )
        table = table_of("", "Cases", "Agreement", "Lowest")
        for one in found.segments:
            table.add_row(
                one.label,
                str(one.count),
                f"Dice {one.mean_dice:.3f}",
                f"{one.lowest_dice:.3f}",
            )
        for measured in found.measurements:
            table.add_row(
                measured.label,
                str(measured.count),
                f"{measured.mean_difference:+.4g} {measured.unit} of {measured.mean_active:.4g}",
                "",
            )
        out.print(table)
    if not any(runs.values()):
        out.print(f"There are no shadow runs of {name}.", markup=False)


@app.command("drift")
def drift(
    pipeline: Annotated[str | None, typer.Argument(help="Without it: all.")] = None,
    new_baseline: Annotated[
        bool, typer.Option("--new-baseline", help="Compare with what comes from now on.")
    ] = False,
) -> None:
    """Show by scanner whether what pipelines see and give has shifted."""
    with opened() as storage:
        if new_baseline:
            standing = standing_named(storage.settings, storage.model_states, pipeline or "")
            version = standing.pipeline.version
            storage.drift.set_baseline(standing.pipeline.name, version, utcnow(), operator().name)
            out.print(f"{pipeline} {version} has a new baseline from now on.", markup=False)
            return
        shifts = all_shifts(storage.drift, pipeline)
    table = table_of("Pipeline", "Scanner", "Measure", "Before", "Now", "PSI", "")
    for one in shifts:
        table.add_row(
            one.pipeline,
            one.scanner,
            one.measure,
            f"{one.baseline_median:.4g}",
            f"{one.recent_median:.4g}",
            f"{one.stability_index:.2f}",
            "shifted" if one.alerts else "",
        )
    if shifts:
        out.print(table)
    else:
        out.print("There are not enough jobs yet: 30 for the baseline and 30 after.", markup=False)
