"""Sentences of /health in English, each with a code and parameters; others have none."""

from functools import lru_cache
from typing import Literal

from inference.retention.outlook_sentences import TEMPLATES as OUTLOOK_TEMPLATES
from inference.retention.outlook_sentences import OutlookCode
from inference.sentence_templates import SentencePart, SentenceTemplates

HealthCode = Literal[
    "database_silent",
    "index_locked",
    "broker_silent",
    "broker_folder",
    "not_running",
    "no_tick",
    "clock_ahead",
    "clock_set_forward",
    "clock_set_back",
    "dicom_silent",
    "dicom_refuses",
    "hl7_silent",
    "disk_nearly_full",
    "disk_full",
    "disk_read_only",
    "disk_no_room",
    "disk_not_writable",
    "disk_fails",
    "disk_slow",
    "disk_hangs",
    "instance_lost",
    "instances_lost",
    "one_series_set_aside",
    "series_set_aside",
    "volumes_missing",
    "access_rule_unreadable",
    "jobs_overdue",
    "check_failed",
    OutlookCode,
]

_OF_CHECKS: dict[HealthCode, str] = {
    "database_silent": "The database does not answer. Check MEDIVIEW_DATABASE_URL.",
    "index_locked": (
        "The index has been locked for {seconds} s. Whatever arrives waits, and is refused after"
        " 30 s. End what has index.sqlite3 open beside the node, such as a copy by sqlite3 ('fuser"
        " -v index.sqlite3' lists it); on a slow disk it is the node itself."
    ),
    "broker_silent": "The broker does not answer. Check MEDIVIEW_BROKER_URL.",
    "broker_folder": "The broker's folder {folder} is not writable.",
    "not_running": "Not running: {commands}. Start with `mediview up` or one by one.",
    "no_tick": (
        "No tick of the clock was handled for half a minute, so nothing is scheduled or sent. Look"
        " at the log of `mediview worker --queue control` and restart it; that of `mediview beat`"
        " states it where none can lead (leadership_failed)."
    ),
    "clock_ahead": (
        "The last sign of life of {name} is {seconds} s ahead of this clock: it was set back and"
        " the process has ended since, or the clocks of two machines differ. Synchronise them (NTP)"
        " and restart the process."
    ),
    "clock_set_forward": (
        "The system clock was set forward by {seconds} s at {when} UTC, by its new time, or the"
        " machine slept. Synchronise it (NTP): what has arrived, was signed or was recorded"
        " meanwhile bears the time that it had."
    ),
    "clock_set_back": (
        "The system clock was set back by {seconds} s at {when} UTC, by its new time, or the"
        " machine slept. Synchronise it (NTP): what has arrived, was signed or was recorded"
        " meanwhile bears the time that it had."
    ),
    "dicom_silent": "The DICOM SCP has given no sign of life. Start it with `mediview scp`.",
    "dicom_refuses": (
        "{error} Start it with `mediview scp`, or restart it where it hangs; the port is"
        " MEDIVIEW_DICOM_PORT. Where it rejects associations, end those that are open and idle, or"
        " raise MEDIVIEW_MAX_ASSOCIATIONS; where its log says open_files_used_up, raise"
        " LimitNOFILE of its service."
    ),
    "hl7_silent": (
        "MEDIVIEW_HL7_PORT is set, and no HL7 listener has given a sign of life for half a minute:"
        " no orders and no changes of patients come by HL7. Start it with `{command}`."
    ),
    "disk_nearly_full": (
        "{free} KiB are free where {folder} lies, too few for the index and the audit trail. Free"
        " disk space."
    ),
    "disk_full": (
        "{free} MiB are free where {folder} lies; the node takes nothing below {needed} MiB. Free"
        " disk space."
    ),
    "disk_read_only": (
        "The disk of {folder} is read-only. Linux does so after errors: look at dmesg, check the"
        " file system, and mount it for writing again."
    ),
    "disk_no_room": (
        "There is no room for another file in {folder}: no space, no inodes (df -i) or no quota."
        " Free disk space, or raise the quota."
    ),
    "disk_not_writable": (
        "{folder} is not writable. Give it to this user: chown -R {user} {same_folder}"
    ),
    "disk_fails": (
        "Writing to {folder} fails: {error}. The disk or its connection is broken: look at dmesg"
        " and smartctl -a, and replace it. What has arrived is checked by `mediview storage"
        " verify`."
    ),
    "disk_slow": (
        "The disk of {folder} is slow: writing a small file took {seconds} s. Whatever arrives"
        " waits for it. Look for what else uses the disk (iostat -x 1), and at its health (smartctl"
        " -a, dmesg)."
    ),
    "disk_hangs": (
        "The disk of {folder} is slow: writing a small file has not ended after {seconds} s."
        " Whatever arrives waits for it. Look for what else uses the disk (iostat -x 1), and at its"
        " health (smartctl -a, dmesg)."
    ),
    "instance_lost": (
        "1 stored instance is damaged or lost: {named}. Have it sent to this node again, which"
        " repairs it; check the disk; `mediview storage verify` lists all."
    ),
    "instances_lost": (
        "{count} stored instances are damaged or lost: {named}. Have them sent to this node again,"
        " which repairs them; check the disk; `mediview storage verify` lists all."
    ),
    "one_series_set_aside": (
        "1 series is set aside, since the process that decides on series ended again and again"
        " while it looked at it: {named}. Everything else goes on. Look at the instances with"
        " dcmdump, and delete the series or have it tried again with `mediview studies try-again`."
    ),
    "series_set_aside": (
        "{count} series are set aside, since the process that decides on series ended again and"
        " again while it looked at them: {named}. Everything else goes on. Look at the instances"
        " with dcmdump, and delete the series or have it tried again with `mediview studies"
        " try-again`."
    ),
    "volumes_missing": (
        "{folder} holds no volume, though instances lie there alone: mount its disk and restart the"
        " node; where the disk is lost, restore a backup."
    ),
    "access_rule_unreadable": (
        "The rule of the access group {names} cannot be read: it gives the group no more studies,"
        " and what no other rule matches is seen by administrators alone. Write it again with"
        " `mediview access-groups change NAME --rule`."
    ),
    "jobs_overdue": (
        "Past the deadline, and not ended: {named}. A process that computes for {seconds} s beyond"
        " it (MEDIVIEW_JOB_GRACE_S) is ended; where a job stays, restart the worker."
    ),
    "check_failed": "The check itself failed: {error}.",
}
TEMPLATES: dict[HealthCode, str] = dict([*_OF_CHECKS.items(), *OUTLOOK_TEMPLATES.items()])
_SENTENCES = SentenceTemplates(TEMPLATES, at_most=3000)


def sentence(code: HealthCode, **parameters: object) -> str:
    """In English, with its parameters as they are: paths and UIDs are worth their length."""
    return TEMPLATES[code].format(**parameters)


@lru_cache(maxsize=256)
def coded(detail: str) -> tuple[SentencePart[HealthCode], ...]:
    """The sentences of a part's detail; none where any of it has no code."""
    return _SENTENCES.parts(detail)
