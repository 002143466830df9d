"""The steps of which each change of a report consists, within one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from storage import tables as t
from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.core.errors import NotFound, VersionConflict
from storage.events.payloads import ReportEvent
from storage.events.repository import add_event
from storage.reports.entities import ModelWords, Report, ReportSection, ReportSentence
from storage.reports.readers import check_reader
from storage.reports.row_mapping import to_report, to_sections
from storage.reports.stale_numbers import stale_of, with_stale
from storage.reports.stored import StoredSection, StoredSentence, StoredWords
from storage.search.passages import REPORT, note_report

LEAVES = frozenset({"drafted", "preliminary", "final", "amended"})
"""The changes after which a report is sent out; not each edit of a draft."""
NEW_RESULTS = "New or revised results came after this text was written."
WITHDRAWN_RESULTS = (
    "Results that this text rests on were withdrawn, since the images of their series have changed"
    " or a further run gave other results, or they are another patient's by now."
)
TOO_LATE = "The text was changed before the model had written; its sentences were left out."
# They are alike in every report.
_NOT_SEARCHED = frozenset({"note", "technique"})
SETTLED: dict[str, Any] = {
    "attention": "",
    "attention_at": None,
    "proposal": None,
    "proposal_digest": "",
    "superseded_at": None,
    "withdrawal_notified_at": None,
}


def as_json(sections: Sequence[ReportSection]) -> list[StoredSection]:
    """As the table keeps them: lists where the entities have tuples."""
    return [
        {
            "heading": section.heading,
            "kind": section.kind,
            "sentences": [_stored(sentence) for sentence in section.sentences],
        }
        for section in sections
    ]


def _stored(sentence: ReportSentence) -> StoredSentence:
    return {
        "text": sentence.text,
        "finding_ids": list(sentence.finding_ids),
        "prior_finding_ids": list(sentence.prior_finding_ids),
        "series_instance_uids": list(sentence.series_instance_uids),
        "basis": sentence.basis,
        "origin": sentence.origin,
        "author": sentence.author,
        "states_result": sentence.states_result,
    }


def words_json(words: ModelWords | None) -> StoredWords | None:
    if words is None:
        return None
    return {
        "state": words.state,
        "model": words.model,
        "revision": words.revision,
        "job_id": words.job_id,
        "template_digest": words.template_digest,
        "withheld": [
            {
                "text": one.text,
                "reasons": [{"kind": why.kind, "text": why.text} for why in one.reasons],
            }
            for one in words.withheld
        ],
        "notes": list(words.notes),
        "tokens": words.tokens,
        "seconds": words.seconds,
    }


def get_report(connection: Connection, report_id: str, *, lock: bool = False) -> Report:
    query = select(t.report).where(t.report.c.report_id == report_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NotFound(
            "There is no report under that identifier.", remedy="GET /api/reports lists them."
        )
    return to_report(row)


def locked_report(connection: Connection, *conditions: Any) -> Report:
    query = select(t.report).where(*conditions).with_for_update()
    return to_report(connection.execute(query).mappings().one())


def read_for_change(
    connection: Connection, report_id: str, version: int, changed_by: Identity
) -> Report:
    """Raises NotFound, VersionConflict, and StateConflict where another reads the study."""
    report = get_report(connection, report_id, lock=True)
    check_reader(connection, report.study_instance_uid, changed_by)
    if report.version != version:
        by = report.changed_by or "the node"
        raise VersionConflict(
            f"The report is at version {report.version}, made by {by};"
            f" version {version} was the one to be changed.",
            remedy="Read it again, look at what changed (GET …/diff), and send the change again.",
        )
    return report


def propose(
    connection: Connection,
    report: Report,
    sections: Sequence[StoredSection],
    basis_digest: str,
    now: datetime,
) -> Report:
    if basis_digest in (report.basis_digest, report.proposal_digest):
        return report
    values = {
        "attention": reason_of(connection, report, report.sections, to_sections(sections)),
        "attention_at": now,
        "proposal": sections,
        "proposal_digest": basis_digest,
        "updated_at": now,
    }
    return change_report(connection, report, values, "attention", "")


def reason_of(
    connection: Connection,
    report: Report,
    sections: Sequence[ReportSection],
    proposal: Sequence[ReportSection],
) -> str:
    """Why a person should look at a text again for which another draft waits."""
    reason = WITHDRAWN_RESULTS if report.is_superseded else NEW_RESULTS
    return with_stale(reason, stale_of(connection, report, sections, proposal))


def still_stale(
    connection: Connection, report: Report, sections: Sequence[ReportSection]
) -> dict[str, Any]:
    """What a text that is signed keeps of its marks, where it states numbers that results no longer
    have; else nothing."""
    if report.proposal is None or not stale_of(connection, report, sections, report.proposal):
        return {}
    return {
        "attention": reason_of(connection, report, sections, report.proposal),
        "attention_at": report.attention_at,
        "proposal": as_json(report.proposal),
        "proposal_digest": report.proposal_digest,
    }


def next_version(
    connection: Connection,
    report: Report,
    values: dict[str, Any],
    changed_by: Identity | None,
    now: datetime,
    change: str,
    reason: str = "",
) -> Report:
    """`changed_by`: None where the node itself does it."""
    name = changed_by.name if changed_by else ""
    values = values | {
        "version": report.version + 1,
        "changed_by": name,
        "changed_by_id": changed_by.id if changed_by else "",
        "updated_at": now,
    }
    if change in LEAVES:
        values["publish_version"] = values["version"]
        # Receivers of this version are notified of it again.
        values["withdrawal_notified_at"] = None
    changed = change_report(connection, report, values, change, name)
    keep_version(connection, changed, reason)
    return changed


def change_report(
    connection: Connection, report: Report, values: dict[str, Any], change: str, by: str
) -> Report:
    row = connection.execute(
        update(t.report)
        .where(t.report.c.report_id == report.report_id)
        .values(**values)
        .returning(*t.report.c)
    )
    changed = to_report(row.mappings().one())
    announce_report(connection, changed, change, by)
    return changed


def person_name_of(connection: Connection, who: Identity) -> str:
    """Of an account; empty where it has none, and for everyone who is no account of this node.

    An account's name says nothing of whom a provider, or a key, calls by the same one.
    """
    if who.kind != "account":
        return ""
    query = select(t.account.c.person_name).where(t.account.c.name == who.subject)
    return connection.execute(query).scalar() or ""


def note_words(connection: Connection, report: Report, words: ModelWords) -> Report:
    """What is known of a model's words, without another version: the text is the same."""
    kept = words_json(words)
    connection.execute(
        update(t.report_version)
        .where(
            t.report_version.c.report_id == report.report_id,
            t.report_version.c.version == report.version,
        )
        .values(words=kept)
    )
    return change_report(connection, report, {"words": kept, "updated_at": utcnow()}, "words", "")


def keep_version(connection: Connection, report: Report, reason: str) -> None:
    connection.execute(
        insert(t.report_version).values(
            report_id=report.report_id,
            version=report.version,
            state=report.state,
            language=report.language,
            title=report.title,
            sections=as_json(report.sections),
            words=words_json(report.words),
            changed_by=report.changed_by,
            changed_by_id=report.changed_by_id,
            changed_at=report.updated_at,
            reason=reason,
            signed_name=report.signed_name if report.is_signed else "",
        )
    )
    texts = [
        f"{section.heading}: " + " ".join(sentence.text for sentence in section.sentences)
        for section in report.sections
        if section.sentences and section.kind not in _NOT_SEARCHED
    ]
    note_report(connection, report.report_id, report.study_instance_uid, texts)


def announce_report(connection: Connection, report: Report, change: str, by: str = "") -> None:
    payload = ReportEvent(
        report_id=report.report_id,
        state=report.state,
        version=report.version,
        change=change,
        needs_attention=bool(report.attention),
        is_superseded=report.is_superseded,
    )
    if by:
        payload["by"] = by
    add_event(connection, report.updated_at, "report", report.study_instance_uid, payload=payload)


def remove_reports(connection: Connection, condition: Any) -> None:
    """Reports that meet the condition, with all of their versions."""
    gone = select(t.report.c.report_id).where(condition)
    connection.execute(
        delete(t.passage).where(t.passage.c.kind == REPORT, t.passage.c.subject_id.in_(gone))
    )
    connection.execute(delete(t.report_version).where(t.report_version.c.report_id.in_(gone)))
    connection.execute(delete(t.report).where(condition))
