"""`mediview models list`, `add`, `verify`, `activate` and others: models and their states."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import out, table_of
from api.cli.models.app import Name, Version, app, opened
from api.cli.operator import change_by_operator, operator, record_use
from inference.language import tasks
from inference.model_registry import transitions as deciding
from inference.model_registry.removal import remove_model
from inference.model_registry.sharing import add_shared_model
from inference.model_registry.status import Standing, model_of, models_named, standings
from inference.model_registry.verification import verify as prove
from inference.refusals import ModelUnusable
from storage.audit import Audit, Code, Type


@app.command("list")
def list_models() -> None:
    """Show every model, its state, who uses it, and whether it could run now."""
    table = table_of("Model", "State", "Pipeline", "Licence", "Ready", "")
    with opened() as storage:
        for one in standings(storage.settings, storage.model_states):
            card, pipeline = one.pipeline.card, one.pipeline
            readiness = pipeline.readiness()
            table.add_row(
                f"{card.name} {card.version}".strip(),
                "not there" if _is_absent(one) else one.state,
                f"{pipeline.name} {pipeline.version}",
                card.licence,
                "yes" if readiness.ready and not one.blocked else "no",
                one.blocked if readiness.ready else readiness.detail,
            )
        for task in (one for one in tasks.TASKS.values() if not one.is_pipeline):
            found = tasks.readiness(storage.settings, task.setting)
            about = tasks.card(storage.settings, task.setting, task.title)
            table.add_row(
                f"{about.name} {about.version}" if found.ready else "",
                "",
                task.title,
                about.licence if found.ready else "",
                "yes" if found.ready else "no",
                f"{task.variable}: {task.without if found.optional else found.detail}",
            )
    out.print(table)


@app.command("show")
def show(name: Name) -> None:
    """Show the card of a model, its versions and what became of them."""
    with opened() as storage:
        found = models_named(storage.settings, storage.model_states, name)
        history = storage.model_states.history(name)
    for one in found:
        _print_card(one)
    for change in history:
        reason = f" {change.detail}" if change.detail else ""
        out.print(
            f"{change.changed_at:%Y-%m-%d %H:%M} UTC  {change.version}"
            f"  {change.from_state or '-'} -> {change.to_state}  by {change.changed_by}.{reason}",
            markup=False,
            soft_wrap=True,
        )


@app.command("add")
def add(
    folder: Annotated[
        Path,
        typer.Argument(help="A model pack, a MONAI bundle, or a folder with a card and weights."),
    ],
    hold: Annotated[
        bool, typer.Option("--hold", help="Add it without verifying or activating.")
    ] = False,
) -> None:
    """Copy a model to where the node looks for it, verify it, and activate it if it may be.

    A bundle brings code of its own, which the worker will run: add only what you trust.
    """
    with opened() as storage:
        added = add_shared_model(storage, folder, operator().name, hold=hold)
        card = added.standing.pipeline.card
        _record(storage.audit, added.standing, "added")
    for step in added.steps:
        out.print(step, markup=False, soft_wrap=True)
    out.print(f"{card.licence}. {card.intended_use}", markup=False, soft_wrap=True)


@app.command("verify")
def verify(
    name: Annotated[str | None, typer.Argument(help="Default: all that are installed.")] = None,
    version: Version = None,
) -> None:
    """Check the digests of a model and run its self-test; ends with 1 where one fails."""
    failed = False
    with opened() as storage:
        if name is not None:
            chosen = [model_of(storage.settings, storage.model_states, name, version)]
        else:
            chosen = [
                one
                for one in standings(storage.settings, storage.model_states)
                if not _is_absent(one)
            ]
        for one in chosen:
            card = one.pipeline.card
            try:
                kept, shown = prove(storage.model_states, one, operator().name)
                _record(storage.audit, one, "verified")
                line = f"{card.name} {card.version} is {kept.state}. {shown}"
            except ModelUnusable as error:
                failed = True
                line = f"{card.name} {card.version} fails: {error.message} {error.remedy}"
            out.print(line, markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


@app.command("activate")
def activate(name: Name, version: Version = None) -> None:
    """Let a verified version make results; the version that did so is retired."""
    with opened() as storage:
        standing = model_of(storage.settings, storage.model_states, name, version)
        with _change(storage.audit, standing, "active"):
            deciding.activate(storage.model_states, storage.shadow_runs, standing, operator().name)
    _print_state(standing, "active: it makes results from now on")


@app.command("shadow")
def shadow(name: Name, version: Version = None) -> None:
    """Let a verified version run beside the active one, without a word to anybody."""
    with opened() as storage:
        standing = model_of(storage.settings, storage.model_states, name, version)
        with _change(storage.audit, standing, "shadow"):
            deciding.shadow(storage.model_states, storage.shadow_runs, standing, operator().name)
    _print_state(standing, "a shadow: what it finds is compared, and neither shown nor sent")


@app.command("retire")
def retire(
    name: Name,
    version: Version = None,
    reason: Annotated[str, typer.Option("--reason", help="Kept in its history.")] = "",
) -> None:
    """Let a version run no more; what it has found stays."""
    with opened() as storage:
        standing = model_of(storage.settings, storage.model_states, name, version)
        with _change(storage.audit, standing, "retired"):
            deciding.retire(
                storage.model_states, storage.shadow_runs, standing, operator().name, reason
            )
    _print_state(standing, "retired")


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="NAME or NAME@VERSION.")],
    version: Version = None,
    reason: Annotated[str, typer.Option("--reason", help="Kept in its history.")] = "",
) -> None:
    """Remove the files of a model that runs no more, here and on every other host.

    Its history and what it has found stay. Retire it first where it is active.
    """
    name, at, named = name.partition("@")
    with opened() as storage:
        by = operator().name
        removed = remove_model(storage, name, named if at else version, by, reason)
        record_use(
            storage.audit,
            Code.SECURITY_ALERT,
            "D",
            type=Type.SOFTWARE_CONFIGURATION,
            model=f"{name} {removed}",
            what="removed",
        )
    out.print(
        f"The files of {name} {removed} are removed; other hosts follow within half a minute.",
        markup=False,
        soft_wrap=True,
    )


def _is_absent(standing: Standing) -> bool:
    readiness = standing.pipeline.readiness()
    return readiness.optional and not readiness.ready


def _change(audit: Audit, standing: Standing, became: str) -> AbstractContextManager[None]:
    """Around a change of a model, for the audit trail."""
    return change_by_operator(
        audit,
        Code.SECURITY_ALERT,
        "U",
        type=Type.SOFTWARE_CONFIGURATION,
        model=_named(standing),
        what=became,
    )


def _record(audit: Audit, standing: Standing, became: str) -> None:
    """After what takes long and may fail: the model's own history has it already."""
    record_use(
        audit,
        Code.SECURITY_ALERT,
        "U",
        type=Type.SOFTWARE_CONFIGURATION,
        model=_named(standing),
        what=became,
    )


def _named(standing: Standing) -> str:
    return f"{standing.pipeline.card.name} {standing.pipeline.card.version}"


def _print_state(standing: Standing, words: str) -> None:
    card = standing.pipeline.card
    out.print(f"{card.name} {card.version} is {words}.", markup=False, soft_wrap=True)


def _print_card(standing: Standing) -> None:
    card, record = standing.pipeline.card, standing.record
    lines = {
        "state": f"{standing.state}" + (f" (by {record.changed_by})" if record else ""),
        "pipeline": f"{standing.pipeline.name} {standing.pipeline.version}",
        "licence": card.licence,
        "source": f"{card.source} {card.revision}".strip(),
        "intended use": card.intended_use,
        "training data": card.training_data,
        "input": card.input_description,
        "output": ", ".join(code.meaning for code in card.output_codes),
        "gate": "; ".join(f"{one.metric} {one.text}" for one in card.gate),
        "sha-256": card.digest,
    }
    out.print(f"{card.name} {card.version}", markup=False, style="bold")
    for what, text in lines.items():
        if text:
            out.print(f"  {what:14} {text}", markup=False, soft_wrap=True)
