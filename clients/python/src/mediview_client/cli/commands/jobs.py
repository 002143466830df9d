"""Commands over jobs."""

import argparse
from itertools import islice

from mediview_client._sync.client import MediView
from mediview_client.cli.commands.registration import FILTERS, LIMIT, argument, command, filters_of
from mediview_client.cli.output import Output

JOBS = argument("jobs", "Ids of jobs.", nargs="+")
JOB_FIELDS = ("job_id", "pipeline", "study_instance_uid", "state", "reason")


@command("jobs", "list", "List jobs, the newest first.", FILTERS, LIMIT)
def list_jobs(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.many(islice(node.jobs.search(**filters_of(given)), given.limit), *JOB_FIELDS)


@command("jobs", "show", "Show a job.", argument("job", "Its id."))
def show_job(node: MediView, given: argparse.Namespace, out: Output) -> None:
    out.one(node.jobs.get(given.job), *JOB_FIELDS, "created_at", "finished_at")


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
    out.one(job, *JOB_FIELDS)


@command("jobs", "cancel", "Cancel jobs.", JOBS, argument("--reason", "Why.", default=""))
def cancel_jobs(node: MediView, given: argparse.Namespace, out: Output) -> int:
    wanted = {"job_ids": given.jobs, "reason": given.reason}
    return out.each(node.http.post("/api/v1/jobs/cancel", wanted))


@command(
    "jobs",
    "retry",
    "Run jobs again that failed or were cancelled.",
    JOBS,
    argument("--force", "Those that are completed, too.", action="store_true"),
)
def retry_jobs(node: MediView, given: argparse.Namespace, out: Output) -> int:
    wanted = {"job_ids": given.jobs, "force": given.force}
    return out.each(node.http.post("/api/v1/jobs/retry", wanted))
