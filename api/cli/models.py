"""`mediview models`: which models the pipelines need, and the packs that an operator adds."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.cli.console import out
from api.cli.starting import start
from inference.bundles.description import is_bundle
from inference.bundles.installed import add_bundle
from inference.catalogue import catalogue
from inference.packs import add_pack

app = typer.Typer(name="models", help="The models of the pipelines.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """Show each pipeline's model, its licence, and whether it could run now."""
    table = Table("Pipeline", "Model", "Licence", "Ready", "", box=None, pad_edge=False)
    for pipeline in catalogue(start(log_level="ERROR")):
        readiness = pipeline.readiness()
        card = pipeline.card
        table.add_row(
            f"{pipeline.name} {pipeline.version}",
            f"{card.name} {card.version}".strip(),
            card.licence,
            "yes" if readiness.ready else "no",
            "" if readiness.ready else readiness.detail,
        )
    out.print(table)


@app.command("add")
def add(
    folder: Annotated[
        Path, typer.Argument(help="A model pack or MONAI bundle as it is published.")
    ],
) -> None:
    """Copy a model to where the node looks for it: a known pack, or any MONAI bundle.

    A bundle brings code of its own, which the worker will run: add only what you trust.
    """
    settings = start(log_level="ERROR")
    if is_bundle(folder):
        bundle = add_bundle(settings, folder)
        out.print(
            f"The pipeline bundle-{bundle.name} {bundle.version} is installed"
            f" ({bundle.licence}). {bundle.intended_use}",
            markup=False,
            soft_wrap=True,
        )
        return
    card = add_pack(settings, folder, [pipeline.card for pipeline in catalogue(settings)])
    out.print(
        f"{card.name} {card.version} is installed ({card.licence}). {card.intended_use}",
        markup=False,
        soft_wrap=True,
    )


@app.command("verify")
def verify() -> None:
    """Check the digests of all weights again; ends with 1 where one is not the proven one."""
    wrong = [
        f"{pipeline.name}: {readiness.detail}"
        for pipeline in catalogue(start(log_level="ERROR"))
        if not (readiness := pipeline.readiness()).ready
    ]
    for line in wrong:
        out.print(line, markup=False, soft_wrap=True)
    if wrong:
        raise typer.Exit(1)
    out.print("Every model is there and is the proven one.")
