"""`mediview priors`: earlier studies in other archives, looked for and fetched."""

import dataclasses
import json
from typing import Annotated

import typer

from api.cli.console import out, table_of
from api.cli.operator import change_by_operator, record_use
from api.cli.starting import start
from api.cli.studies.received import Time, received_studies
from inference.broker.notify import wake
from inference.priors.triggers import want_for_study
from inference.rules.file import current_rules
from storage.audit import Code
from storage.container import open_storage
from storage.core.errors import InvalidRequest
from storage.core.state_words import state_word
from storage.priors.entities import PriorState

app = typer.Typer(
    name="priors",
    help="Earlier studies in other archives: what is fetched, and what could not be.",
    no_args_is_help=True,
)

State = Annotated[
    PriorState | None, typer.Option(case_sensitive=False, help="Only those in this state.")
]
Limit = Annotated[int, typer.Option(min=1, help="How many to show.")]
Study = Annotated[str, typer.Argument(help="StudyInstanceUID of a stored study.")]


@app.command("list")
def list_priors(
    state: State = None,
    limit: Limit = 50,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show the studies that come from other archives; what changed last comes first."""
    with open_storage(start(log_level="ERROR")) as storage:
        found, total = storage.prior_fetches.list(state, limit)
        uids = tuple(one.study_instance_uid for one in found)
        record_use(storage.audit, Code.QUERY, "E", studies=uids)
    if as_json:
        shown = ("study_instance_uid", "source", "state", "attempts", "last_error", "instances")
        for one in found:
            row = dataclasses.asdict(one)
            row["state"] = state_word(row["state"])
            out.print_json(json.dumps({name: row[name] for name in shown}))
        return
    table = table_of("Study", "From", "Date", "State", "Instances", "Reason")
    for one in found:
        of_all = f" of {one.instances_total}" if one.instances_total else ""
        table.add_row(
            one.study_instance_uid,
            one.source,
            one.study_date,
            state_word(one.state),
            f"{one.instances}{of_all}",
            one.last_error,
        )
    if found:
        out.print(table)
    out.print(f"{len(found)} shown of {total}.", markup=False)


@app.command("searches")
def list_searches(state: State = None, limit: Limit = 50) -> None:
    """Show which archives are asked, and what they had."""
    with open_storage(start(log_level="ERROR")) as storage:
        found, total = storage.prior_searches.list(state, limit)
    table = table_of("For", "Rule", "Archive", "State", "Found", "Wanted", "Reason")
    for one in found:
        table.add_row(
            f"{one.cause.lower()} {one.subject}",
            one.rule,
            one.source,
            state_word(one.state),
            str(one.found),
            str(one.wanted),
            one.last_error,
        )
    if found:
        out.print(table)
    out.print(f"{len(found)} shown of {total}.", markup=False)


@app.command("retry")
def retry(
    study: Annotated[str, typer.Argument(help="One study; none: all that was given up.")] = "",
) -> None:
    """Try again now: a study, or every search and study that was given up."""
    settings = start(log_level="ERROR")
    with open_storage(settings) as storage:
        studies = (study,) if study else ()
        with change_by_operator(storage.audit, Code.IMPORT, "E", studies=studies):
            if study:
                storage.prior_fetches.retry(study)
                searches, fetches = 0, 1
            else:
                searches = storage.prior_searches.retry_failed()
                fetches = storage.prior_fetches.retry_failed()
    wake(settings)
    out.print(f"{searches} searches and {fetches} studies are tried again.", markup=False)


@app.command("run")
def run(received_from: Time = None, received_before: Time = None) -> None:
    """Have earlier studies looked for by rule, of studies that are here already."""
    settings = start(log_level="ERROR")
    rules = current_rules(settings)
    wanted = 0
    with open_storage(settings) as storage:
        for study in received_studies(storage.index, received_from, received_before):
            wanted += want_for_study(storage, study, rules)
    wake(settings)
    out.print(f"{wanted} searches are on their way; see `mediview priors searches`.", markup=False)


@app.command("pause")
def pause() -> None:
    """Leave archives alone, but for what a person asks for."""
    with (
        open_storage(start(log_level="ERROR")) as storage,
        change_by_operator(storage.audit, Code.APPLICATION_ACTIVITY, "U", priors="paused"),
    ):
        storage.prior_pause.begin()
    out.print("Archives are left alone. `mediview priors resume` goes on.", markup=False)


@app.command("resume")
def resume() -> None:
    """Go on asking and fetching."""
    settings = start(log_level="ERROR")
    with (
        open_storage(settings) as storage,
        change_by_operator(storage.audit, Code.APPLICATION_ACTIVITY, "U", priors="resumed"),
    ):
        storage.prior_pause.end()
    wake(settings)
    out.print("Archives are asked again.", markup=False)


@app.command("elsewhere")
def elsewhere(study: Study) -> None:
    """Ask every archive what it has of a study's patient that is not here."""
    from inference.priors.elsewhere import look_elsewhere

    with open_storage(start(log_level="ERROR")) as storage:
        record_use(storage.audit, Code.QUERY, "E", studies=(study,))
        found = look_elsewhere(storage, study)
    table = table_of("Study", "At", "Date", "Modalities", "Description")
    for one in found.studies:
        table.add_row(
            one.study.study_instance_uid,
            one.source,
            one.study.text("StudyDate"),
            ", ".join(one.study.attributes.get("ModalitiesInStudy", ())),
            one.study.text("StudyDescription"),
        )
    if found.studies:
        out.print(table)
    for name, sentence in found.failures.items():
        out.print(f"{name} could not be asked: {sentence}", markup=False, soft_wrap=True)
    out.print(f"{len(found.studies)} found.", markup=False)


@app.command("fetch")
def fetch(
    study: Study,
    prior: Annotated[str, typer.Argument(help="StudyInstanceUID of the study elsewhere.")],
    source: Annotated[str, typer.Option("--from", help="Name of the archive.")],
) -> None:
    """Fetch a study that an archive has of the same patient."""
    from inference.priors.elsewhere import fetch_from_elsewhere

    settings = start(log_level="ERROR")
    if prior == study:
        raise InvalidRequest("That is the study itself.", remedy="Name one that is elsewhere.")
    with open_storage(settings) as storage:
        record_use(storage.audit, Code.IMPORT, "E", studies=(study, prior), source=source)
        wanted = fetch_from_elsewhere(storage, study, prior, source)
    wake(settings)
    out.print(f"The study is {state_word(wanted.state)}; see `mediview priors list`.", markup=False)
