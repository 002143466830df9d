"""Why a study stays, in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.retention.outlook_sentences import sentence
from inference.rules.retention_rule import RetentionRule
from storage.retention.obligations import Obligation, ObligationKind
from storage.retention.round import BlockedStudies

_PROOF: frozenset[ObligationKind] = frozenset({"unconfirmed", "hl7_failed", "draft"})
"""What keeps a study only where its rule wants the results confirmed."""

_SENTENCES: dict[ObligationKind, tuple[str, str]] = {
    "legal_hold": ("It is on legal hold.",) * 2,
    "receiving": ("It is still being received.",) * 2,
    "job": ("A job is not finished.", "{count} jobs are not finished."),
    "withdrawal": ("Superseded results are still to be withdrawn.",) * 2,
    "delivery": ("An instance is owed to {to}.", "{count} instances are owed to {to}."),
    "release": (
        "A result for {to} awaits release by a person.",
        "{count} results for {to} await release by a person.",
    ),
    "unconfirmed": (
        "An instance was sent to {to}, which never proved that it has it.",
        "{count} instances were sent to {to}, which never proved that it has them.",
    ),
    "routing": ("Its images are still to be sent on.",) * 2,
    "hl7": ("A report is owed to {to} (HL7).", "{count} reports are owed to {to} (HL7)."),
    "hl7_failed": (
        "A report for {to} (HL7) has failed.",
        "{count} reports for {to} (HL7) have failed.",
    ),
    "report_due": ("Its report is about to be drafted.",) * 2,
    "draft": ("Its report is not signed.",) * 2,
    "report": ("Its report is being written, or was not sent yet.",) * 2,
    "feedback": ("Feedback on findings is not in the results yet.",) * 2,
    "alert": (
        "A critical finding is not acknowledged.",
        "{count} critical findings are not acknowledged.",
    ),
    "workitem": ("A workitem is open.", "{count} workitems are open."),
    "conflict": (
        "A conflict waits for a decision.",
        "{count} conflicts wait for a decision.",
    ),
}


@dataclass(frozen=True)
class Reason:
    """`kind`: that of an obligation, or `time`, `no_rule`, `confirmation`, `uses`, `unreadable`."""

    kind: str
    text: str
    owed_to: str = ""


def reason_of(obligation: Obligation) -> Reason:
    one, several = _SENTENCES[obligation.kind]
    text = one if obligation.count == 1 else several
    written = text.format(count=obligation.count, to=obligation.owed_to)
    return Reason(obligation.kind, written, obligation.owed_to)


def counts(obligation: Obligation, rule: RetentionRule) -> bool:
    """Whether it keeps a study of that rule. A legal hold always does."""
    if obligation.owed_to and obligation.owed_to in rule.given_up:
        return False
    return rule.results_confirmed or obligation.kind not in _PROOF


def blocked_words(blocked: Sequence[BlockedStudies]) -> str:
    """What the studies that may leave early wait for: by the counts of `Round.as_json`."""
    found = [f"{one['studies']} {_waits_for(one['kind'], one['owed_to'])}" for one in blocked]
    return sentence("studies_stay", studies=", ".join(found)) if found else ""


def _waits_for(kind: str, owed_to: str) -> str:
    words = WAITS_FOR.get(kind, kind.replace("_", " "))
    return f"{words} {owed_to}" if owed_to else words


WAITS_FOR = {
    "legal_hold": "on legal hold",
    "receiving": "still being received",
    "job": "with jobs that are not finished",
    "withdrawal": "with results to be withdrawn",
    "delivery": "with instances owed to",
    "release": "with results that await release for",
    "unconfirmed": "with instances not proved by",
    "routing": "to be sent on",
    "hl7": "with reports owed to",
    "hl7_failed": "with failed reports to",
    "report_due": "about to get a report",
    "draft": "with an unsigned report",
    "report": "with a report that is being written or sent",
    "feedback": "with feedback to be written",
    "alert": "with a critical finding that nobody has acknowledged",
    "workitem": "with an open workitem",
    "conflict": "with a conflict to be decided",
    "confirmation": "not confirmed by",
    "time": "that arrived within the last hour",
    "uses": "whose last use is not known yet",
    "unreadable": "whose headers cannot be read",
}
"""By the kind of a reason; behind some the name of a peer follows."""
