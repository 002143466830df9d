"""Commands over studies."""

import argparse
from itertools import islice
from pathlib import Path

from mediview_client._sync.client import MediView
from mediview_client.cli.commands.registration import (
    FILTERS,
    LIMIT,
    STUDY,
    argument,
    command,
    filters_of,
)
from mediview_client.cli.output import Output

STUDIES = argument("studies", "StudyInstanceUIDs.", nargs="+")
STUDY_FIELDS = ("study_instance_uid", "patient_name", "patient_id", "study_date", "state")


@command("studies", "list", "List studies, the newest first.", FILTERS, LIMIT)
def list_studies(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.many(islice(node.studies.search(**filters_of(given)), given.limit), *STUDY_FIELDS)


@command("studies", "show", "Show a study.", STUDY)
def show_study(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.one(node.studies.get(given.study), *STUDY_FIELDS, "state_text", "instance_count")


@command(
    "studies",
    "wait",
    "Wait until the jobs of a study have ended.",
    STUDY,
    argument("--timeout", "Seconds to wait.", type=float, default=900.0),
)
def wait_for_study(node: MediView, given: argparse.Namespace, out: Output) -> int:
    study = node.studies.wait(given.study, timeout_s=given.timeout)
    out.one(study, *STUDY_FIELDS, "state_text")
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


@command("studies", "complete", "Say that nothing more comes for a study.", STUDY)
def complete_study(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.many(node.studies.complete(given.study)["decisions"], "pipeline", "accepted", "reason")


@command(
    "studies",
    "transfer",
    "Have the node send studies to its peers.",
    STUDIES,
    argument("--to", "Name of a peer; repeatable.", action="append", required=True),
)
def transfer_studies(node: MediView, given: argparse.Namespace, out: Output) -> int:
    wanted = {"study_instance_uids": given.studies, "to": given.to}
    return out.each(node.http.post("/api/v1/studies/send", wanted))


@command("studies", "delete", "Delete studies for good.", STUDIES)
def delete_studies(node: MediView, given: argparse.Namespace, out: Output) -> int:
    wanted = {"study_instance_uids": given.studies}
    return out.each(node.http.post("/api/v1/studies/delete", wanted))
