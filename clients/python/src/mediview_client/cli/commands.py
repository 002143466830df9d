"""The commands: what each takes, and what it asks the node."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mediview_client._sync.client import MediView
from mediview_client.cli.output import Output

Run = Callable[[MediView, argparse.Namespace, Output], int | None]


@dataclass(frozen=True)
class Argument:
    """As `argparse` takes it; a name with dashes is an option."""

    name: str
    help: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Command:
    group: str
    name: str
    help: str
    arguments: tuple[Argument, ...]
    run: Run


COMMANDS: list[Command] = []
GROUPS = {
    "studies": "Studies of the node.",
    "jobs": "Runs of pipelines.",
    "findings": "What pipelines state.",
    "reports": "Reports of studies.",
    "worklist": "What is scheduled for modalities.",
    "webhooks": "Whom the node notifies over HTTP.",
    "models": "Models of the node.",
    "rules": "Which series a site's rules give to which pipeline.",
    "events": "What happens on the node.",
}


def argument(name: str, help: str, **options: Any) -> Argument:
    return Argument(name, help, options)


def command(group: str, name: str, help: str, *arguments: Argument) -> Callable[[Run], Run]:
    def add(run: Run) -> Run:
        COMMANDS.append(Command(group, name, help, arguments, run))
        return run

    return add


_STUDY = argument("study", "StudyInstanceUID.")
_STUDIES = argument("studies", "StudyInstanceUIDs.", nargs="+")
_JOBS = argument("jobs", "Ids of jobs.", nargs="+")
_LIMIT = argument("--limit", "How many at most.", type=int, default=50)
_FILTERS = argument(
    "filters",
    "Conditions of the list, such as modality=MR or state=completed; docs/api.md names them.",
    nargs="*",
    metavar="NAME=VALUE",
)
_STUDY_FIELDS = ("study_instance_uid", "patient_name", "patient_id", "study_date", "state")
_JOB_FIELDS = ("job_id", "pipeline", "study_instance_uid", "state", "reason")


@command("studies", "list", "List studies, the newest first.", _FILTERS, _LIMIT)
def list_studies(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.many(islice(node.studies.search(**_filters(given)), given.limit), *_STUDY_FIELDS)


@command("studies", "show", "Show a study.", _STUDY)
def show_study(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.one(node.studies.get(given.study), *_STUDY_FIELDS, "state_text", "instance_count")


@command(
    "studies",
    "wait",
    "Wait until the jobs of a study have ended.",
    _STUDY,
    argument("--timeout", "Seconds to wait.", type=float, default=900.0),
)
def wait_for_study(node: MediView, given: argparse.Namespace, out: Output) -> int:
    study = node.studies.wait(given.study, timeout_s=given.timeout)
    out.one(study, *_STUDY_FIELDS, "state_text")
    return 1 if study["state"] == "failed" else 0


@command(
    "studies",
    "upload",
    "Upload files or a folder, and start the pipelines that take them.",
    argument("path", "A file or a folder.", type=Path),
    argument("--pipeline", "This one alone."),
)
def upload(node: MediView, given: argparse.Namespace, out: Output) -> None:
    started = node.uploads.analyze(given.path, pipeline=given.pipeline)
    out.one(started, "study_instance_uids", "instances")


@command("studies", "complete", "Say that nothing more comes for a study.", _STUDY)
def complete_study(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.many(node.studies.complete(given.study)["decisions"], "pipeline", "accepted", "reason")


@command(
    "studies",
    "transfer",
    "Have the node send studies to its peers.",
    _STUDIES,
    argument("--to", "Name of a peer; repeatable.", action="append", required=True),
)
def transfer_studies(node: MediView, given: argparse.Namespace, out: Output) -> int:
    wanted = {"study_instance_uids": given.studies, "to": given.to}
    return out.each(node.http.post("/api/v1/studies/send", wanted))


@command("studies", "delete", "Delete studies for good.", _STUDIES)
def delete_studies(node: MediView, given: argparse.Namespace, out: Output) -> int:
    wanted = {"study_instance_uids": given.studies}
    return out.each(node.http.post("/api/v1/studies/delete", wanted))


@command("jobs", "list", "List jobs, the newest first.", _FILTERS, _LIMIT)
def list_jobs(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.many(islice(node.jobs.search(**_filters(given)), given.limit), *_JOB_FIELDS)


@command("jobs", "show", "Show a job.", argument("job", "Its id."))
def show_job(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.one(node.jobs.get(given.job), *_JOB_FIELDS, "created_at", "finished_at")


@command(
    "jobs",
    "create",
    "Run a pipeline on a series.",
    argument("series", "SeriesInstanceUID."),
    argument("pipeline", "Such as brain-volume."),
    argument("--priority", "LOW, ROUTINE, HIGH or STAT.", default="ROUTINE"),
)
def create_job(node: MediView, given: argparse.Namespace, out: Output) -> None:
    job = node.jobs.create(given.series, given.pipeline, priority=given.priority)
    out.one(job, *_JOB_FIELDS)


@command("jobs", "cancel", "Cancel jobs.", _JOBS, argument("--reason", "Why.", default=""))
def cancel_jobs(node: MediView, given: argparse.Namespace, out: Output) -> int:
    wanted = {"job_ids": given.jobs, "reason": given.reason}
    return out.each(node.http.post("/api/v1/jobs/cancel", wanted))


@command(
    "jobs",
    "retry",
    "Run jobs again that failed or were cancelled.",
    _JOBS,
    argument("--force", "Those that are completed, too.", action="store_true"),
)
def retry_jobs(node: MediView, given: argparse.Namespace, out: Output) -> int:
    wanted = {"job_ids": given.jobs, "force": given.force}
    return out.each(node.http.post("/api/v1/jobs/retry", wanted))


@command("findings", "list", "List the findings of a study.", _STUDY)
def list_findings(node: MediView, given: argparse.Namespace, out: Output) -> None:
    fields = ("finding_id", "label", "value", "unit", "verification", "pipeline")
    out.many(node.findings.of_study(given.study), *fields)


@command(
    "findings",
    "feedback",
    "Say whether a finding is right.",
    argument("finding", "Its id."),
    argument("kind", "What you say.", choices=("ACCEPTED", "REJECTED")),
    argument("--reason", "Why.", default=""),
)
def give_feedback(node: MediView, given: argparse.Namespace, out: Output) -> None:
    feedback = node.findings.give_feedback(given.finding, given.kind, reason=given.reason)
    out.one(feedback, "kind", "given_by", "given_at")


@command("reports", "list", "List reports, the last changed first.", _FILTERS, _LIMIT)
def list_reports(node: MediView, given: argparse.Namespace, out: Output) -> None:
    fields = ("report_id", "study_instance_uid", "state", "version", "updated_at")
    out.many(islice(node.reports.search(**_filters(given)), given.limit), *fields)


@command("reports", "show", "Print the text of a report.", argument("report", "Its id."))
def show_report(node: MediView, given: argparse.Namespace, out: Output) -> None:
    if out.as_json:
        out.one(node.reports.get(given.report))
    else:
        print(node.reports.text(given.report))


@command(
    "reports",
    "pdf",
    "Write a report as a PDF.",
    argument("report", "Its id."),
    argument("file", "Where to.", type=Path),
)
def write_pdf(node: MediView, given: argparse.Namespace, out: Output) -> None:
    given.file.write_bytes(node.reports.pdf(given.report))
    out.line({"file": str(given.file)}, f"{given.file} is written.")


@command("worklist", "list", "List what is scheduled.", _FILTERS, _LIMIT)
def list_worklist(node: MediView, given: argparse.Namespace, out: Output) -> None:
    fields = ("worklist_item_id", "accession_number", "patient_name", "patient_id", "state")
    out.many(islice(node.worklist.search(**_filters(given)), given.limit), *fields)


@command(
    "worklist",
    "add",
    "Schedule what a JSON file says.",
    argument("file", "As docs/api.md has it; - reads the standard input."),
)
def add_to_worklist(node: MediView, given: argparse.Namespace, out: Output) -> None:
    text = sys.stdin.read() if given.file == "-" else Path(given.file).read_text()
    out.one(node.worklist.add(json.loads(text)), "worklist_item_id", "state")


@command("worklist", "remove", "Take an item out.", argument("item", "Its id."))
def remove_from_worklist(node: MediView, given: argparse.Namespace, out: Output) -> None:
    node.worklist.remove(given.item)
    out.line({"removed": given.item}, f"{given.item} is removed.")


@command("webhooks", "list", "List webhooks.")
def list_webhooks(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.many(node.webhooks.all(), "webhook_id", "url", "events", "is_active")


@command(
    "webhooks",
    "add",
    "Add a webhook, and print the secret that signs its notices.",
    argument("url", "Where notices go."),
    argument("events", "Such as job.completed or report.*.", nargs="+"),
)
def add_webhook(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.one(node.webhooks.add(given.url, given.events), "webhook_id", "secret")


@command("webhooks", "ping", "Send a test notice.", argument("webhook", "Its id."))
def ping_webhook(node: MediView, given: argparse.Namespace, out: Output) -> None:
    pinged = node.webhooks.ping(given.webhook)
    out.one(pinged, *pinged)


@command("webhooks", "remove", "Remove a webhook.", argument("webhook", "Its id."))
def remove_webhook(node: MediView, given: argparse.Namespace, out: Output) -> None:
    node.webhooks.remove(given.webhook)
    out.line({"removed": given.webhook}, f"{given.webhook} is removed.")


_MODEL_FIELDS = ("name", "version", "state", "ready", "pipelines")


@command("models", "list", "List the models and their states.")
def list_models(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.many(node.models.all(), *_MODEL_FIELDS)


@command("models", "show", "Show all versions of a model.", argument("model", "Its name."))
def show_model(node: MediView, given: argparse.Namespace, out: Output) -> None:
    found = node.models.get(given.model)
    if out.as_json:
        out.one(found)
    else:
        out.many(found["versions"], *_MODEL_FIELDS)


@command("rules", "show", "Print the rules in force.")
def show_rules(node: MediView, given: argparse.Namespace, out: Output) -> None:
    print(json.dumps(node.http.get("/api/v1/rules"), indent=None if out.as_json else 2))


@command("rules", "explain", "Say what each pipeline and the rules say of a study.", _STUDY)
def explain_rules(node: MediView, given: argparse.Namespace, out: Output) -> None:
    answered = node.http.get(f"/api/v1/studies/{given.study}/rules")["items"]
    out.many(answered, "pipeline", "series_instance_uid", "would_run", "reason")


_OF_STUDY = argument("--study", "Of this study alone.")
_TYPES = argument("--type", "Such as job; repeatable.", action="append", default=[])


@command(
    "events",
    "follow",
    "Print what happens, until it is interrupted.",
    argument("--after", "Go on after this number.", type=int),
    _OF_STUDY,
    _TYPES,
)
def follow_events(node: MediView, given: argparse.Namespace, out: Output) -> None:
    for event in node.events.follow(
        after=given.after, study_instance_uid=given.study, types=given.type
    ):
        about = {"event_id": event.event_id, "type": event.type, "data": event.data}
        study, state = event.data.get("study_instance_uid", ""), event.data.get("state", "")
        out.line(about, f"{event.event_id}  {event.type}  {study}  {state}".rstrip())


@command(
    "events",
    "list",
    "List what happened after a number.",
    argument("--after", "This number.", type=int, default=0),
    _OF_STUDY,
    _TYPES,
    _LIMIT,
)
def list_events(node: MediView, given: argparse.Namespace, out: Output) -> None:
    page = node.events.changes(
        after=given.after, study_instance_uid=given.study, types=given.type, limit=given.limit
    )
    out.many(page["items"], "event_id", "type", "study_instance_uid", "change", "state", "at")


def _filters(given: argparse.Namespace) -> dict[str, Any]:
    return dict(_pairs(given.filters)) | {"limit": min(max(given.limit, 1), 500)}


def _pairs(filters: list[str]) -> Iterator[tuple[str, str]]:
    for one in filters:
        name, is_pair, value = one.partition("=")
        if not is_pair:
            raise ValueError(f"{one!r} is no condition. Write NAME=VALUE, such as modality=MR.")
        yield name, value
