"""`mediview models try`: a model on a study that is here, without storing a result."""

import os
from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import out
from api.cli.models.app import Name, Version, app, opened
from api.cli.operator import record_use
from inference.model_registry.status import model_of
from storage.audit import Code


@app.command("try")
def try_model(
    name: Name,
    study: Annotated[str, typer.Argument(help="StudyInstanceUID of a study that is here.")],
    version: Version = None,
    output: Annotated[
        Path, typer.Option(help="Where pictures go; the first is trial-1.png.")
    ] = Path("trial.png"),
    show: Annotated[
        bool, typer.Option("--open", help="Open the pictures with the program for them.")
    ] = False,
) -> None:
    """Run a model on a study that is here, in whatever state it is; nothing is stored or sent.

    Ends with 1 where it takes no series of the study. Pictures show a patient: they are written
    for this user alone, and the audit trail tells of them.
    """
    from inference.model_trial.trying import try_at_machine

    taken = 0
    with opened() as storage:
        pipeline = model_of(storage.settings, storage.model_states, name, version).pipeline
        record_use(
            storage.audit,
            Code.INSTANCES_ACCESSED,
            "R",
            studies=(study,),
            via="models try",
            model=f"{pipeline.card.name} {pipeline.card.version}",
        )
        card = pipeline.card
        for trial in try_at_machine(storage.settings, card.name, card.version, study):
            number = "?" if trial.series_number is None else trial.series_number
            out.print(
                f"Series {number} ({trial.modality}): {trial.reason}",
                markup=False,
                soft_wrap=True,
            )
            for line in (*trial.lines, *trial.notes):
                out.print(f"  {line}", markup=False, soft_wrap=True)
            taken += trial.taken
            if trial.picture:
                path = output.with_stem(f"{output.stem}-{taken}")
                _write_picture(trial.picture, path)
                out.print(f"  Picture: {path}", markup=False, soft_wrap=True)
                if show:
                    typer.launch(str(path))
    if not taken:
        raise typer.Exit(1)


def _write_picture(picture: bytes, path: Path) -> None:
    """For this user alone, from the first byte on; what stood there before is replaced."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(picture)
