"""What `mediview storage repair` says: what is wrong, what was done, and what is gone."""

from rich.markup import escape

from api.cli.console import out
from storage.recovery.diagnosis import Diagnosis
from storage.recovery.repair import Repaired

# What people know of the tables that no volume holds.
_WORDS = {
    "account": "accounts",
    "api_key": "API keys",
    "session": "open sign-ins",
    "peer": "peers",
    "report": "reports and their sign-offs",
    "report_version": "earlier versions of reports",
    "finding_feedback": "feedback on findings",
    "finding": "findings",
    "job": "jobs",
    "decision": "decisions of pipelines",
    "delivery": "deliveries",
    "audit_event": "the audit trail",
    "legal_hold": "legal holds",
    "patient_change": "corrected and merged patients",
    "worklist_item": "orders of the modality worklist",
    "work_item": "UPS workitems",
    "webhook": "webhooks",
    "hl7_message": "HL7 messages to be sent",
    "model_package": "which models are in the object store",
    "model_state": "states of models",
    "preference": "preferences",
    "upload": "uploads",
    "answer": "answers to questions",
}


def print_findings(diagnosis: Diagnosis) -> None:
    for finding in diagnosis.findings:
        out.print(f"[bold red]wrong[/]  {escape(finding.what)}\n  → {escape(finding.remedy)}")
    if diagnosis.must_rebuild:
        out.print(
            "Not in any volume, and therefore gone where the old file cannot be read:"
            f" {', '.join(_WORDS.values())}. Pipelines run again over what was received.",
            soft_wrap=True,
        )


def print_repaired(done: Repaired) -> None:
    if done.rebuilt is not None:
        out.print(
            f"{done.rebuilt.instances} instances indexed; {done.rebuilt.conflicts} conflicts,"
            f" {done.rebuilt.deleted} deleted, {done.rebuilt.refused} unreadable."
        )
        found = [one for one in done.salvaged if one.rows and one.table in _WORDS]
        if found:
            kept = ", ".join(f"{_WORDS[one.table]} ({one.rows})" for one in found)
            out.print(f"Read from the old index: {kept}.", soft_wrap=True)
        lost = lost_words(done)
        if lost:
            out.print(
                f"Lost in whole or in part: {', '.join(lost)}."
                " A backup of the database may have them.",
                style="bold red",
                soft_wrap=True,
            )
    elif done.restored:
        out.print(f"{done.restored} instances were indexed again.")
    if done.kept:
        names = ", ".join(str(path) for path in done.kept)
        out.print(f"The old files are kept: {names}.", soft_wrap=True, markup=False)
    out.print("Done. Start the node, and run 'mediview doctor'.")


def lost_words(done: Repaired) -> list[str]:
    """What could not be read to its end; all of it where there was no old file."""
    if done.rebuilt is None:
        return []
    if not done.salvaged:
        return list(_WORDS.values())
    tables = {one.table for one in done.salvaged if not one.is_whole}
    named = [word for table, word in _WORDS.items() if table in tables]
    # Those without a word of their own are lost all the same.
    return named + [table.replace("_", " ") for table in sorted(tables - _WORDS.keys())]
